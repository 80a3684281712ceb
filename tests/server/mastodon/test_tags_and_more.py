"""Hashtags, markers, the directory, what there is none of, and reports."""

from typing import Any

import httpx

from federation.origin import INSTANCE_ID
from server.loopback import LoopbackServer
from server.mastodon.ids import remote_id
from server.organizing.moderation.queries import open_reports
from server.organizing.posts.inbox import handle_create_note
from tests.builders import know, make_movement, make_remote_actor, sent
from tests.posting import created, let_follow, note
from tests.server.mastodon.signed_in import sign_in


async def test_followed_tags_come_home_and_featured_ones_show(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = [await sign_in(live, client, handle) for handle in ("robin", "kim")]
    await kim.post("one #Flex")
    await kim.post("two #flexible")
    await kim.post("three #flex", visibility="unlisted")
    assert await robin.texts("v1/timelines/home") == []
    tag = await robin.do("v1/tags/Flex/follow")
    assert (tag["name"], tag["following"], tag["featuring"], tag["history"]) == ("Flex", True, False, [])
    assert (await robin.get("v1/tags/flex"))["following"] is True
    assert (await kim.get("v1/tags/flex"))["following"] is False
    (home,) = await robin.get("v1/timelines/home")
    assert [name["name"] for name in home["tags"]] == ["flex"]
    await robin.do("v1/tags/pay/follow")
    first = await robin.ask("GET", "v1/followed_tags", params={"limit": 1})
    assert [name["name"] for name in first.json()] == ["pay"]
    rest = dict(httpx.URL(first.links["next"]["url"]).params)
    assert [name["name"] for name in await robin.get("v1/followed_tags", **rest)] == ["Flex"]
    await robin.do(f"v1/accounts/{kim.id}/mute")
    assert await robin.texts("v1/timelines/home") == []
    assert (await robin.do("v1/tags/FLEX/unfollow"))["following"] is False

    shown = await kim.do("v1/featured_tags", name="#Flex")
    assert (shown["name"], shown["statuses_count"]) == ("Flex", "2")
    assert shown["last_status_at"] is not None
    assert await kim.get("v1/featured_tags") == await robin.get(f"v1/accounts/{kim.id}/featured_tags") == [shown]
    assert [name["name"] for name in await kim.get("v1/featured_tags/suggestions")] == ["flexible"]
    assert (await kim.do("v1/tags/flexible/feature"))["featuring"] is True
    assert (await kim.do("v1/tags/flexible/unfeature"))["featuring"] is False
    assert await robin.fails(f"v1/featured_tags/{shown['id']}", method="DELETE") == (404, "Record not found")
    await kim.do(f"v1/featured_tags/{shown['id']}", method="DELETE")
    assert await kim.get("v1/featured_tags") == []
    for bad in ("", "two words", "12", "x" * 101):
        assert (await kim.fails("v1/featured_tags", name=bad))[0] == 422, bad
    for number in range(10):
        await kim.do(f"v1/tags/t{number}/feature")
    assert (await kim.fails("v1/tags/t11/feature"))[0] == 422


async def test_markers_move(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = [await sign_in(live, client, handle) for handle in ("robin", "kim")]
    assert (await robin.get("v1/markers"))["notifications"]["last_read_id"] == "0"
    moved = await robin.do("v1/markers", home={"last_read_id": "12"}, notifications={"last_read_id": 3})
    assert (moved["home"]["last_read_id"], moved["notifications"]["last_read_id"]) == ("12", "3")
    form = await robin.ask("POST", "v1/markers", data={"home[last_read_id]": "14"})
    assert (form.json()["home"]["last_read_id"], form.json()["home"]["version"]) == ("14", 2)
    assert set(await robin.get("v1/markers", **{"timeline[]": ["home"]})) == {"home", "notifications"}
    assert set(await kim.get("v1/markers", **{"timeline[]": ["home"]})) == {"notifications"}
    wrong: list[dict[str, Any]] = [{"home": {}}, {"home": "12"}, {"home": {"last_read_id": "x" * 65}}]
    for bad in wrong:
        assert (await robin.fails("v1/markers", **bad))[0] == 422, bad


async def test_nobody_is_found_who_did_not_ask_for_it(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin = await sign_in(live, client, "robin")
    async with live.assembly.federation.writing() as context:
        await make_movement(context, "quiet")
        await make_movement(context, "loud", posture="public")
        await know(context, make_remote_actor("mona", discoverable=True))
    assert [account["acct"] for account in (await client.get("/api/v1/directory")).json()] == ["loud"]
    await robin.do("v1/accounts/update_credentials", method="PATCH", discoverable=True)
    assert {account["acct"] for account in await robin.get("v1/directory")} == {"loud", "robin"}
    assert len(await robin.get("v1/directory", limit=1, offset=1)) == 1


async def test_what_there_is_none_of_is_an_empty_list(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin = await sign_in(live, client, "robin")
    for path in (
        *(f"v1/trends{kind}" for kind in ("", "/tags", "/statuses", "/links")),
        *("v1/suggestions", "v2/suggestions", "v1/announcements", "v1/custom_emojis", "v1/endorsements"),
        *("v1/followed_tags", "v1/blocks", "v1/mutes", "v1/domain_blocks", "v1/follow_requests", "v1/lists"),
    ):
        assert await robin.get(path) == [], path


async def test_reports_reach_the_operator_and_name_nobody(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = [await sign_in(live, client, handle) for handle in ("robin", "kim")]
    async with live.assembly.federation.writing() as context:
        own = context.origin.actor(robin.id)
        mona = await know(context, make_remote_actor("mona"))
        await let_follow(context, robin.actor, mona)
        public, private = note(mona, "in public"), note(mona, "to robin", to=[own], cc=[])
        for document in (public, private):
            await handle_create_note(context, created(mona, document))
        mona_id = remote_id(context, mona.id)
    numbers = [status["id"] for status in await robin.get(f"v1/accounts/{mona_id}/statuses")]
    other = (await kim.post("by kim"))["id"]
    made = await robin.do(
        "v1/reports", account_id=mona_id, status_ids=[*numbers, other], comment="Spam", forward=True, category="spam"
    )
    assert (made["forwarded"], made["category"], made["target_account"]["id"]) == (True, "spam", mona_id)
    async with live.assembly.federation.reading() as context:
        (report,) = await open_reports(context)
        assert (report.host, report.actors, report.content) == (live.domain, (mona.id,), "[spam] Spam")
        assert set(report.posts) <= {public["id"], private["id"]}
        (flag,) = [one for one in await sent(context) if one.activity["type"] == "Flag"]
        assert flag.sender == INSTANCE_ID
        assert flag.activity["object"] == [mona.id, public["id"]], "a closed post would tell who received it"
        assert robin.id not in str(flag.activity)
        assert "robin" not in str(flag.activity)
    assert (await robin.do("v1/reports", account_id=kim.id, status_ids=[other], forward=True))["forwarded"] is False
    for bad in (
        {"account_id": "unknown"},
        {"account_id": robin.id},
        {"account_id": kim.id, "comment": "x" * 1_001},
        {"account_id": kim.id, "category": "dull"},
        {},
    ):
        assert (await robin.fails("v1/reports", **bad))[0] in (404, 422), bad
    for _ in range(18):
        await robin.do("v1/reports", account_id=kim.id)
    assert (await robin.fails("v1/reports", account_id=kim.id))[0] == 422
    assert (await kim.do("v1/reports", account_id=robin.id))["forwarded"] is False
    async with live.assembly.federation.reading() as context:
        assert len(await open_reports(context)) == 21
