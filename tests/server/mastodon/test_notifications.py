"""What people are told of, how they take it in groups or not at all, and what is left when it is taken back."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from models import LocalActor, Notification
from server.loopback import LoopbackServer
from server.organizing.notifications import records
from server.organizing.notifications.kinds import Kind
from server.organizing.notifications.records import Record
from server.organizing.people.service import delete_person
from tests.builders import make_movement
from tests.server.mastodon.talking import Headers, bearer, beside, done, follow, got, id_of, post, signed_in
from tests.server.signing_in import token_for


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> Headers:
    return await signed_in(live, client, "robin")


@pytest.fixture
async def kim(live: LoopbackServer, client: httpx.AsyncClient) -> Headers:
    return await signed_in(live, client, "kim")


async def told(client: httpx.AsyncClient, who: Headers, **query: Any) -> list[tuple[str, str, str | None]]:
    """What somebody was told: type, by whom, about which status."""
    found = await got(client, who, "/api/v1/notifications", **query)
    return [(each["type"], each["account"]["acct"], (each["status"] or {}).get("id")) for each in found]


async def pages_of_groups(client: httpx.AsyncClient, who: Headers, singles: dict[str, Any]) -> list[str]:
    """The ids of all notifications in all pages of groups, however groups are cut."""
    seen, path = list[str](), "/api/v2/notifications?limit=2"
    while path:
        page = await client.get(path, headers=who)
        for group in page.json()["notification_groups"]:
            inside = [n for n in singles if int(group["page_min_id"]) <= int(n) <= int(group["page_max_id"])]
            seen += [n for n in inside if singles[n]["group_key"] == group["group_key"]]
        path = beside(page, "next")
    return sorted(seen)


async def test_what_happens_is_told_and_goes_when_it_is_taken_back(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Headers, kim: Headers
) -> None:
    mine = (await post(client, robin, "Shorter meetings"))["id"]
    await done(client, kim, f"/api/v1/statuses/{mine}/favourite")
    await done(client, kim, f"/api/v1/statuses/{mine}/reblog")
    await follow(client, kim, "robin")
    reply = (await post(client, kim, "@robin Yes", in_reply_to_id=mine))["id"]
    direct = (await post(client, kim, "@robin Between us", visibility="direct"))["id"]
    await post(client, kim, "robin is not named by an address here")
    await done(client, robin, f"/api/v1/statuses/{mine}/favourite")
    everything = [
        ("mention", "kim", direct),
        ("mention", "kim", reply),
        ("follow", "kim", None),
        ("reblog", "kim", mine),
        ("favourite", "kim", mine),
    ]
    assert await told(client, robin) == everything
    assert await told(client, kim) == []
    assert await told(client, robin, **{"types[]": ["follow", "reblog"]}) == everything[2:4]
    assert await told(client, robin, **{"exclude_types[]": ["mention"]}) == everything[2:]
    assert await told(client, robin, account_id=await id_of(client, "robin")) == []
    edit = await client.put(f"/api/v1/statuses/{mine}", json={"status": "x"}, headers=robin)
    if edit.status_code == 200:
        assert (await told(client, kim))[0] == ("update", "robin", mine)

    await done(client, kim, f"/api/v1/statuses/{mine}/unfavourite")
    await done(client, kim, f"/api/v1/statuses/{mine}/unreblog")
    await done(client, kim, f"/api/v1/accounts/{await id_of(client, 'robin')}/unfollow")
    await client.delete(f"/api/v1/statuses/{direct}", headers=kim)
    assert await told(client, robin) == [("mention", "kim", reply)]
    async with live.assembly.federation.writing() as unit:
        await delete_person(unit, person=await unit.session.get_one(LocalActor, await id_of(client, "kim")))
    assert await told(client, robin) == []
    async with live.assembly.federation.reading() as unit:
        left = (await unit.session.execute(select(Notification))).scalars().all()
        assert {(row.sealed_record, row.sender_index, row.post_index, row.deed_index) for row in left} == {(None,) * 4}


async def test_pages_single_ones_and_others_ids(client: httpx.AsyncClient, robin: Headers, kim: Headers) -> None:
    for number in range(5):
        await post(client, kim, f"@robin {number}")
    first = await client.get("/api/v1/notifications", params={"limit": 2}, headers=robin)
    second = await client.get(beside(first, "next"), headers=robin)
    everything = await got(client, robin, "/api/v1/notifications")
    assert [*first.json(), *second.json()] == everything[:4]
    newer = await got(client, robin, "/api/v1/notifications", min_id=everything[4]["id"], limit=2)
    assert newer == everything[2:4]
    one = everything[0]
    assert await got(client, robin, f"/api/v1/notifications/{one['id']}") == one
    assert (await got(client, robin, "/api/v1/notifications/unread_count")) == {"count": 5}
    for path in (f"/api/v1/notifications/{one['id']}", "/api/v1/notifications/x", "/api/v1/notifications/1"):
        answer = await client.get(path, headers=kim)
        assert (answer.status_code, answer.json()) == (404, {"error": "Record not found"})
    assert (await client.post(f"/api/v1/notifications/{one['id']}/dismiss", headers=kim)).status_code == 404
    await done(client, robin, f"/api/v1/notifications/{one['id']}/dismiss")
    assert await got(client, robin, "/api/v1/notifications") == everything[1:]
    await done(client, robin, "/api/v1/notifications/clear")
    assert await got(client, robin, "/api/v1/notifications") == []
    await post(client, kim, "@robin after")
    (after,) = await got(client, robin, "/api/v1/notifications")
    assert int(after["id"]) > int(one["id"]), "what was cleared keeps its number"
    weak = bearer(await token_for(client, "robin", scope="read:statuses"))
    assert (await client.get("/api/v1/notifications", headers=weak)).status_code == 403


async def test_many_who_do_the_same_are_one_group(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Headers, kim: Headers
) -> None:
    lee = await signed_in(live, client, "lee")
    one, two = [(await post(client, robin, text))["id"] for text in ("one", "two")]
    for who in (kim, lee):
        await follow(client, who, "robin")
        for status in (one, two):
            await done(client, who, f"/api/v1/statuses/{status}/favourite")
    await post(client, kim, "@robin hello")
    groups = (whole := await got(client, robin, "/api/v2/notifications"))["notification_groups"]
    shape = [(group["type"], group["notifications_count"], group["status_id"]) for group in groups]
    assert shape[0][0] == "mention"
    assert sorted(shape[1:], key=str) == sorted(
        [("favourite", 2, two), ("favourite", 2, one), ("follow", 2, None)], key=str
    )
    assert {account["acct"] for account in whole["accounts"]} == {"kim", "lee"}
    assert {status["id"] for status in whole["statuses"]} >= {one, two}
    singles = {each["id"]: each for each in await got(client, robin, "/api/v1/notifications")}
    for group in groups:
        of_group = [each for each in singles.values() if each["group_key"] == group["group_key"]]
        numbers = sorted(int(each["id"]) for each in of_group)
        assert (int(group["page_min_id"]), int(group["page_max_id"])) == (numbers[0], numbers[-1])
        assert group["most_recent_notification_id"] == numbers[-1]
        assert set(group["sample_account_ids"]) == {each["account"]["id"] for each in of_group}

    assert await pages_of_groups(client, robin, singles) == sorted(singles), "none is left out or comes twice"

    liked = next(group for group in groups if group["status_id"] == one)
    accounts = await got(client, robin, f"/api/v2/notifications/{liked['group_key']}/accounts")
    assert {account["acct"] for account in accounts} == {"kim", "lee"}
    assert (await got(client, robin, "/api/v2/notifications/unread_count"))["count"] == 4
    assert (await client.get(f"/api/v2/notifications/{liked['group_key']}", headers=kim)).status_code == 404
    await done(client, robin, f"/api/v2/notifications/{liked['group_key']}/dismiss")
    assert len(await got(client, robin, "/api/v1/notifications")) == len(singles) - 2
    apart = await got(client, robin, "/api/v2/notifications", **{"grouped_types[]": "follow"})
    assert [group["notifications_count"] for group in apart["notification_groups"] if group["type"] == "favourite"] == [
        1,
        1,
    ]


async def test_strangers_wait_or_are_dropped_as_one_wishes(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Headers, kim: Headers
) -> None:
    policy = "/api/v2/notifications/policy"
    assert (await got(client, robin, policy))["for_not_following"] == "accept"
    bad = await client.patch(policy, json={"for_not_following": "maybe"}, headers=robin)
    assert (bad.status_code, list(bad.json())) == (422, ["error"])
    changed = await client.patch(policy, json={"for_not_following": "filter"}, headers=robin)
    assert changed.json()["for_not_following"] == "filter"
    await post(client, kim, "@robin one")
    await post(client, kim, "@robin two")
    assert await told(client, robin) == []
    assert len(await told(client, robin, include_filtered="true")) == 2
    summary = (await got(client, robin, policy))["summary"]
    assert summary == {"pending_requests_count": 1, "pending_notifications_count": 2}
    (waiting,) = await got(client, robin, "/api/v1/notifications/requests")
    assert (waiting["account"]["acct"], waiting["notifications_count"]) == ("kim", "2")
    one = f"/api/v1/notifications/requests/{waiting['id']}"
    assert await got(client, robin, one) == waiting
    assert (await client.post(f"{one}/accept", headers=kim)).status_code == 404
    await done(client, robin, f"{one}/accept")
    assert await got(client, robin, "/api/v1/notifications/requests/merged") == {"merged": True}
    await post(client, kim, "@robin three")
    assert len(await told(client, robin)) == 3

    lee = await signed_in(live, client, "lee")
    await post(client, lee, "@robin hello")
    (request,) = await got(client, robin, "/api/v1/notifications/requests")
    await done(client, robin, "/api/v1/notifications/requests/dismiss", id=[request["id"]])
    assert await got(client, robin, "/api/v1/notifications/requests") == []
    await client.patch(policy, json={"for_not_following": "accept", "for_private_mentions": "drop"}, headers=robin)
    await post(client, lee, "@robin psst", visibility="direct")
    assert len(await told(client, robin, include_filtered="true")) == 3
    mine = (await post(client, robin, "@lee well", visibility="direct"))["id"]
    await post(client, lee, "@robin an answer", visibility="direct", in_reply_to_id=mine)
    assert (await told(client, robin))[0][:2] == ("mention", "lee"), "whoever was written to may answer"


async def test_organizers_hear_of_applicants_and_mentions_and_of_nothing_else(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Headers, kim: Headers
) -> None:
    async with live.assembly.federation.writing() as unit:
        organizer = await unit.session.get_one(LocalActor, await id_of(client, "robin"))
        made = await make_movement(unit, organizer=organizer)
    as_circle = bearer(await token_for(client, "robin", speaker=made.circle.id))
    as_movement = bearer(await token_for(client, "robin", speaker=made.actor.id))
    said = (await post(client, as_movement, "One day a week"))["id"]
    await done(client, kim, f"/api/v1/statuses/{said}/favourite")
    await done(client, kim, f"/api/v1/statuses/{said}/reblog")
    await follow(client, kim, "flex")
    await follow(client, kim, made.circle.handle)
    await post(client, kim, "@flex good")
    assert [kind for kind, _, _ in await told(client, as_movement)] == ["mention"]
    assert await told(client, as_circle) == [("follow_request", "kim", None)]
    await done(client, kim, f"/api/v1/accounts/{made.circle.id}/unfollow")
    assert await told(client, as_circle) == []


async def test_nobody_is_told_too_much(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Headers, kim: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_KEPT", 3)
    for number in range(5):
        await post(client, kim, f"@robin {number}")
    async with live.assembly.federation.writing() as unit:
        receiver = await unit.session.get_one(LocalActor, await id_of(client, "robin"))
        assert len(await records.of_receiver(unit, receiver)) == 3
        row = (await unit.session.execute(select(Notification).order_by(col(Notification.number)))).scalars().first()
        assert row is not None
        assert b"kim" not in (row.sealed_record or b"")
        twice = Record(kind=Kind.FOLLOW, sender="https://a.example/u/1", moment=unit.now)
        assert await records.put(unit, receiver, twice) is not None
        assert await records.put(unit, receiver, twice) is None
        day = unit.now.date()
    for days, left in ((records.KEEP.days, 3), (records.KEEP.days + 1, 0)):
        async with live.assembly.federation.writing() as unit:
            unit.now = unit.now.replace(hour=12)
            unit.now += (day - unit.now.date()) + type(records.KEEP)(days=days)
            await records.sweep(unit)
            assert len(await records.of_receiver(unit, receiver)) == left
