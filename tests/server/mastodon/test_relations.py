"""How one stands to others: what it looks like, what it changes, what of it is at rest, and what leaves the server."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event, select

from federation import follows
from federation.remote_store import confirm_handle
from federation.webfinger import Handle
from models import LocalActor, PersonalRecord
from server.loopback import LoopbackServer
from server.mastodon.ids import remote_id
from server.mastodon.serialize.relationships import relationships_of
from server.organizing.following.options import who_wants_notice
from server.organizing.people.service import delete_person
from server.organizing.personal import records as personal
from server.organizing.posts.inbox import handle_create_note
from server.organizing.relations.silence import Where, silence_of
from tests.builders import Sent, activity, know, make_movement, make_remote_actor, received, sent
from tests.posting import created, let_follow, let_join, note
from tests.server.mastodon.signed_in import User, sign_in

FAR = make_remote_actor("mona", host="far.example")


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> User:
    """Somebody signed in."""
    return await sign_in(live, client, "robin")


@pytest.fixture
async def kim(live: LoopbackServer, client: httpx.AsyncClient) -> User:
    """Somebody else."""
    return await sign_in(live, client, "kim")


async def queued(live: LoopbackServer) -> list[Sent]:
    async with live.assembly.federation.reading() as context:
        return await sent(context)


async def relation(user: User, other: str) -> dict[str, Any]:
    (found,) = await user.get("v1/accounts/relationships", **{"id[]": other})
    return dict(found)


async def test_following_has_its_options(live: LoopbackServer, robin: User, kim: User) -> None:
    followed = await robin.do(f"v1/accounts/{kim.id}/follow", reblogs=False, notify=True, languages=["de-AT", "en"])
    assert (followed["following"], followed["showing_reblogs"], followed["notifying"]) == (True, False, True)
    assert followed["languages"] == ["de", "en"]
    assert await relation(robin, kim.id) == followed
    assert (await robin.do(f"v1/accounts/{kim.id}/follow", reblogs=True))["notifying"] is True, "the rest stays"
    async with live.assembly.federation.reading() as context:
        own, other = [context.origin.actor(user.id) for user in (robin, kim)]
        assert (await who_wants_notice(context, other), await who_wants_notice(context, own)) == ([own], [])
    english = (await kim.post("kim in English", language="en"))["id"]
    await kim.post("kim en français", language="fr")
    await kim.post("without")
    await kim.do(f"v1/statuses/{english}/reblog")
    assert await robin.texts("v1/timelines/home") == ["kim in English", "without"]
    home = await robin.get("v1/timelines/home")
    assert home[0]["reblog"] is not None
    await robin.do(f"v1/accounts/{kim.id}/follow", reblogs=False, languages=[])
    assert await robin.texts("v1/timelines/home") == ["without", "kim en français", "kim in English"]
    left = await robin.do(f"v1/accounts/{kim.id}/unfollow")
    assert (left["following"], left["showing_reblogs"], left["notifying"], left["languages"]) == (
        False,
        False,
        False,
        None,
    )
    again = await robin.do(f"v1/accounts/{kim.id}/follow")
    assert (again["showing_reblogs"], again["notifying"]) == (True, False), "what was chosen went with the follow"


async def test_a_block_ends_and_hides_both_ways(live: LoopbackServer, robin: User, kim: User) -> None:
    await robin.do(f"v1/accounts/{kim.id}/follow")
    await kim.do(f"v1/accounts/{robin.id}/follow")
    await robin.do(f"v1/accounts/{kim.id}/endorse")
    root = await robin.post("by robin")
    reply = await kim.post("by kim", in_reply_to_id=root["id"])
    assert len((await robin.get(f"v1/statuses/{root['id']}/context"))["descendants"]) == 1
    lou = await sign_in(live, robin.client, "lou")
    for one, status in ((robin, reply), (kim, root)):
        await one.do(f"v1/accounts/{lou.id}/follow")
        await lou.do(f"v1/statuses/{status['id']}/reblog")
    boosts = [status["account"]["acct"] for status in await robin.get("v1/timelines/home")]
    assert "lou" in boosts
    blocked = await robin.do(f"v1/accounts/{kim.id}/block")
    assert (blocked["blocking"], blocked["following"], blocked["followed_by"]) == (True, False, False)
    assert blocked["endorsed"] is False
    assert (await relation(kim, robin.id))["blocked_by"] is True
    for one, other, theirs in ((robin, "by kim", reply), (kim, "by robin", root)):
        assert other not in await one.texts("v1/timelines/home")
        assert other not in await one.texts("v1/timelines/public")
        assert (await one.fails(f"v1/statuses/{theirs['id']}", method="GET"))[0] == 404
        assert (await one.fails(f"v1/statuses/{theirs['id']}/favourite"))[0] == 404
    assert await kim.texts(f"v1/accounts/{robin.id}/statuses") == []
    assert await robin.get("v1/accounts/search", q="kim") == []
    assert await kim.get("v1/accounts/search", q="@robin") == []
    assert (await robin.get(f"v1/statuses/{root['id']}/context"))["descendants"] == []
    assert (await kim.fails(f"v1/accounts/{robin.id}/follow"))[0] == 422
    assert [account["id"] for account in await robin.get("v1/blocks")] == [kim.id]
    assert await kim.get("v1/blocks") == []
    assert len((await robin.client.get("/api/v1/timelines/public")).json()) == 2, "strangers see all that is public"
    await robin.do(f"v1/accounts/{kim.id}/unblock")
    assert (await relation(kim, robin.id))["blocked_by"] is False
    assert "by kim" in await robin.texts("v1/timelines/public")


async def test_blocking_somebody_elsewhere_says_no_more_than_that_it_ended(live: LoopbackServer, robin: User) -> None:
    async with live.assembly.federation.writing() as context:
        mona = await know(context, FAR)
        await let_follow(context, mona, robin.actor)
        await let_follow(context, robin.actor, mona)
        mona_id = remote_id(context, mona.id)
        await handle_create_note(context, created(mona, note(mona, "from afar")))
    assert await robin.texts("v1/timelines/home") == ["from afar"]
    assert (await robin.do(f"v1/accounts/{mona_id}/block"))["blocking"] is True
    told = {one.activity["type"]: one.activity["object"]["type"] for one in await queued(live)}
    assert told == {"Undo": "Follow", "Reject": "Follow"}
    assert await robin.texts("v1/timelines/home") == []
    assert await robin.texts("v1/timelines/public") == []
    async with live.assembly.federation.writing() as context:
        ask = received(mona, activity(mona, "Follow", context.origin.actor(robin.id)), recipient_id=robin.id)
        handler = live.assembly.federation.application.table.find("Follow", "Person")
        assert handler is not None
        await handler(context, ask)
        assert await follows.followers_of(context, context.origin.actor(robin.id), state=None) == []
    before = len(await queued(live))
    await robin.do(f"v1/accounts/{mona_id}/unblock")
    assert len(await queued(live)) == before


async def test_a_group_bans(live: LoopbackServer, client: httpx.AsyncClient, robin: User) -> None:
    async with live.assembly.federation.writing() as context:
        made = await make_movement(context, organizer=robin.actor)
        mona = await know(context, FAR)
        stranger = await know(context, make_remote_actor("sue", host="sue.example"))
        await let_follow(context, mona, made.actor)
        await let_join(context, mona, made.circle)
        await let_follow(context, mona, made.circle)
        ids = [remote_id(context, actor.id) for actor in (mona, stranger)]
    for speaker in (made.actor, made.circle):
        group = await sign_in(live, client, "robin", speaker=speaker)
        await group.do(f"v1/accounts/{ids[0]}/block")
        await group.do(f"v1/accounts/{ids[1]}/block")
        told = [one.activity for one in await queued(live) if one.sender == speaker.id]
        assert [one["type"] for one in told] == ["Reject", "Block"], "who had nothing to do with it is told nothing"
        assert told[1]["to"] == [mona.id]
        assert told[1]["target"].endswith(speaker.id)
        await group.do(f"v1/accounts/{ids[0]}/unblock")
        (undone,) = [
            one.activity for one in await queued(live) if one.activity["type"] == "Undo" and one.sender == speaker.id
        ]
        assert undone["object"]["id"] == told[1]["id"]
    circle = await sign_in(live, client, "robin", speaker=made.circle)
    assert (await circle.fails(f"v1/accounts/{robin.id}/block"))[0] == 422, "the last organizer stays"
    assert (await circle.fails(f"v1/accounts/{ids[1]}/follow"))[0] == 422
    assert (await circle.fails("v1/domain_blocks", domain="far.example"))[0] == 422


async def test_mutes_last_as_long_as_they_were_meant_to(
    live: LoopbackServer, robin: User, kim: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await robin.do(f"v1/accounts/{kim.id}/follow")
    said = await kim.post("over and over")
    mine = await robin.post("quiet please")
    await kim.do(f"v1/statuses/{mine['id']}/reblog")
    muted = await robin.do(f"v1/accounts/{kim.id}/mute", duration=3600, notifications=False)
    assert (muted["muting"], muted["muting_notifications"], muted["following"]) == (True, False, True)
    assert muted["muting_expires_at"].endswith("Z")
    (listed,) = await robin.get("v1/mutes")
    assert (listed["id"], listed["mute_expires_at"]) == (kim.id, muted["muting_expires_at"])
    assert await robin.texts("v1/timelines/home") == ["quiet please"]
    assert await robin.texts("v1/timelines/public") == ["quiet please"]
    assert "over and over" in await robin.texts(f"v1/accounts/{kim.id}/statuses"), "asked for, it is shown"
    assert (await robin.get(f"v1/statuses/{said['id']}"))["id"] == said["id"]
    assert (await relation(kim, robin.id))["blocked_by"] is False
    async with live.assembly.federation.reading() as context:
        own, other = [context.origin.actor(user.id) for user in (robin, kim)]
        unheard = [(await silence_of(context, own, where)).covers(other) for where in Where]
        assert unheard == [False, True, False], "notices were to come all the same"
    clock = live.assembly.database.clock
    monkeypatch.setattr(live.assembly.database, "clock", lambda: clock() + timedelta(days=3))
    assert (await relation(robin, kim.id))["muting"] is False
    async with live.assembly.federation.writing() as context:
        await personal.sweep(context)
        assert (await context.session.execute(select(PersonalRecord))).all() == []
    assert await robin.get("v1/mutes") == []
    assert "over and over" in await robin.texts("v1/timelines/home")
    assert (await robin.fails(f"v1/accounts/{kim.id}/mute", duration=-1))[0] == 422
    await robin.do(f"v1/accounts/{kim.id}/mute")
    assert (await relation(robin, kim.id))["muting_expires_at"] is None
    async with live.assembly.federation.writing() as context:
        assert (await silence_of(context, own, Where.NOTIFICATIONS)).covers(other)
        assert await personal.with_records(context, [other, own]) == {other}, "so that it stays known"
    assert (await robin.do(f"v1/accounts/{kim.id}/unmute"))["muting"] is False


async def test_notes_endorsements_and_domains(live: LoopbackServer, robin: User, kim: User) -> None:
    path = f"v1/accounts/{kim.id}"
    assert (await robin.do(f"{path}/note", comment="met in March"))["note"] == "met in March"
    assert (await relation(kim, robin.id))["note"] == ""
    assert (await robin.fails(f"{path}/note", comment="x" * 2_001))[0] == 422
    assert (await robin.do(f"{path}/note", comment=""))["note"] == ""
    assert (await robin.fails(f"{path}/endorse"))[0] == 422
    await robin.do(f"{path}/follow")
    assert (await robin.do(f"{path}/pin"))["endorsed"] is True
    assert [account["id"] for account in await robin.get("v1/endorsements")] == [kim.id]
    assert await kim.get(f"v1/accounts/{robin.id}/endorsements") == []
    assert (await robin.do(f"{path}/unendorse"))["endorsed"] is False
    async with live.assembly.federation.writing() as context:
        mona = await know(context, make_remote_actor("mona", host="sub.far.example"))
        await let_follow(context, mona, robin.actor)
        await let_follow(context, robin.actor, mona)
        mona_id = remote_id(context, mona.id)
        await handle_create_note(context, created(mona, note(mona, "from afar")))
    await robin.do("v1/domain_blocks", domain="Far.Example")
    assert await robin.get("v1/domain_blocks") == ["far.example"]
    assert await robin.texts("v1/timelines/home") == await robin.texts("v1/timelines/public") == []
    shut = await relation(robin, mona_id)
    assert (shut["domain_blocking"], shut["following"], shut["followed_by"]) == (True, False, False)
    assert (await relation(kim, mona_id))["domain_blocking"] is False
    assert await kim.texts("v1/timelines/public") == ["from afar"]
    for bad in ("", "example", "a b.example", live.domain):
        assert (await robin.fails("v1/domain_blocks", domain=bad))[0] == 422, bad
    await robin.do("v1/domain_blocks", method="DELETE", domain="far.example")
    assert await robin.get("v1/domain_blocks") == []


async def test_requests_are_decided_by_person_movement_and_circle(
    live: LoopbackServer, client: httpx.AsyncClient, robin: User, kim: User
) -> None:
    await robin.do("v1/accounts/update_credentials", method="PATCH", locked=True)
    async with live.assembly.federation.writing() as context:
        made = await make_movement(context, organizer=robin.actor)
        mona = await know(context, FAR)
        await let_follow(context, mona, robin.actor, state="requested")
        mona_id = remote_id(context, mona.id)
    circle = await sign_in(live, client, "robin", speaker=made.circle)
    for owner in (robin, circle):
        assert (await kim.do(f"v1/accounts/{owner.id}/follow"))["requested"] is True
        assert kim.id in [account["id"] for account in await owner.get("v1/follow_requests")]
        taken = await owner.do(f"v1/follow_requests/{kim.id}/authorize")
        assert (taken["followed_by"], taken["requested_by"]) == (True, False)
        assert (await relation(kim, owner.id))["following"] is True
        assert (await owner.fails(f"v1/follow_requests/{kim.id}/authorize"))[0] == 404
    assert (await robin.get("v1/accounts/verify_credentials"))["source"]["follow_requests_count"] == 1
    assert (await robin.do(f"v1/follow_requests/{mona_id}/reject"))["requested_by"] is False
    assert [one.activity["type"] for one in await queued(live)] == ["Reject"]
    assert await robin.get("v1/follow_requests") == []
    assert [account["id"] for account in await robin.get(f"v1/accounts/{robin.id}/followers")] == [kim.id]
    assert await circle.get(f"v1/accounts/{circle.id}/followers") == [], "handles hide once they are admitted"
    assert await kim.get(f"v1/accounts/{robin.id}/followers") == []
    assert robin.id in [account["id"] for account in await kim.get(f"v1/accounts/{kim.id}/following")]
    assert await robin.get(f"v1/accounts/{kim.id}/following") == []
    assert (await robin.do(f"v1/accounts/{kim.id}/remove_from_followers"))["followed_by"] is False
    assert (await relation(kim, robin.id))["following"] is False
    assert (await circle.do(f"v1/accounts/{kim.id}/remove_from_followers"))["followed_by"] is False
    assert (await kim.do(f"v1/accounts/{robin.id}/remove_from_followers"))["followed_by"] is False


async def test_lists_of_people_are_paged(live: LoopbackServer, robin: User) -> None:
    async with live.assembly.federation.writing() as context:
        actors = [await know(context, make_remote_actor(f"m{number}")) for number in range(5)]
        for actor in actors:
            await let_follow(context, actor, robin.actor)
            await let_follow(context, robin.actor, actor)
        ids = {remote_id(context, actor.id) for actor in actors}
    for account in ids:
        await robin.do(f"v1/accounts/{account}/mute")
        await robin.do(f"v1/accounts/{account}/endorse")
    paths = [f"v1/accounts/{robin.id}/followers", f"v1/accounts/{robin.id}/following", "v1/mutes", "v1/endorsements"]
    for path in paths:
        seen: list[str] = []
        answer = await robin.ask("GET", path, params={"limit": 2})
        while True:
            seen += [account["id"] for account in answer.json()]
            if "next" not in answer.links:
                break
            answer = await robin.ask("GET", path, params=dict(httpx.URL(answer.links["next"]["url"]).params))
        assert (len(seen), set(seen)) == (5, ids), path
        back = await robin.ask("GET", path, params=dict(httpx.URL(answer.links["prev"]["url"]).params))
        assert [account["id"] for account in back.json()] == seen[2:4], path


async def test_relationships_take_as_many_queries_for_one_as_for_many(live: LoopbackServer, robin: User) -> None:
    async with live.assembly.federation.writing() as context:
        others: list[Any] = [await know(context, make_remote_actor(f"m{number}")) for number in range(20)]
        for other in others[:10]:
            await let_follow(context, robin.actor, other)
    counts: list[int] = []

    async def count(parties: Sequence[Any]) -> list[Any]:
        async with live.assembly.federation.reading() as context:
            made: list[str] = []
            connection = (await context.session.connection()).sync_connection
            event.listen(connection, "before_cursor_execute", lambda *given: made.append(given[2]))
            found: list[Any] = await relationships_of(context, robin.actor, parties)
            counts.append(len(made))
            return found

    await count(others[:1])
    found = await count(others)
    assert [one.following for one in found] == [True] * 10 + [False] * 10
    assert counts[0] == counts[1] <= 4


async def test_what_is_kept_is_sealed_and_goes_with_its_owner(live: LoopbackServer, robin: User, kim: User) -> None:
    await robin.do(f"v1/accounts/{kim.id}/note", comment="met in March")
    await robin.do(f"v1/accounts/{kim.id}/block")
    await kim.do(f"v1/accounts/{robin.id}/mute")
    async with live.assembly.federation.reading() as context:
        rows = (await context.session.execute(select(PersonalRecord))).scalars().all()
        assert len(rows) == 3
        for row in rows:
            for told in (kim.id, robin.id, "block", "mute", "March"):
                assert told.encode() not in row.sealed_record
            assert row.expires_on is None
    async with live.assembly.federation.writing() as context:
        await delete_person(context, person=await context.session.get_one(LocalActor, robin.id))
    async with live.assembly.federation.reading() as context:
        assert (await context.session.execute(select(PersonalRecord))).all() == []
    assert await kim.get("v1/mutes") == []


async def test_accounts_are_found_by_who_knows_their_address(live: LoopbackServer, robin: User, kim: User) -> None:
    async with live.assembly.federation.writing() as context:
        mona = await know(context, FAR)
        await confirm_handle(context, Handle("mona", "far.example"), mona.id)
        mona_id = remote_id(context, mona.id)
    for typed in ("mona@far.example", "@Mona@far.example"):
        assert (await robin.get("v1/accounts/lookup", acct=typed))["id"] == mona_id
        assert [account["id"] for account in await robin.get("v1/accounts/search", q=typed)] == [mona_id]
    assert [account["id"] for account in await robin.get("v1/accounts/search", q="kim")] == [kim.id]
    for typed in ("ki", "mona", "far.example", "@nobody@far.example", "a b@c", ""):
        assert await robin.get("v1/accounts/search", q=typed) == [], typed
    asked = [kim.id, "unknown", mona_id, kim.id]
    assert [a["id"] for a in await robin.get("v1/accounts", **{"id[]": asked})] == [kim.id, mona_id]
    familiar = await robin.get("v1/accounts/familiar_followers", **{"id[]": [kim.id]})
    assert familiar == [{"id": kim.id, "accounts": []}]
    assert await robin.get(f"v1/accounts/{kim.id}/identity_proofs") == []
    assert await robin.fails("v1/accounts", username="new") == (403, "This action is not allowed")
    for path in (
        "follow",
        "block",
        "mute",
        "note",
        "endorse",
        "unfollow",
        "unblock",
        "unmute",
        "remove_from_followers",
    ):
        assert await robin.fails(f"v1/accounts/unknown/{path}") == (404, "Record not found"), path
    for path in ("follow", "block", "mute"):
        assert (await robin.fails(f"v1/accounts/{robin.id}/{path}"))[0] == 422, path
