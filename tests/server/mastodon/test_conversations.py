"""Direct statuses make conversations, for those in them alone."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from models import Conversation, LocalActor
from server.loopback import LoopbackServer
from server.organizing.conversations import records
from tests.builders import make_movement
from tests.server.mastodon.talking import Headers, bearer, beside, done, got, id_of, post, signed_in
from tests.server.signing_in import token_for

PATH = "/api/v1/conversations"


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> Headers:
    return await signed_in(live, client, "robin")


@pytest.fixture
async def kim(live: LoopbackServer, client: httpx.AsyncClient) -> Headers:
    return await signed_in(live, client, "kim")


def shape(found: list[dict[str, Any]]) -> list[tuple[list[str], str, bool]]:
    """Who is in them, the last status, and whether it is unread."""
    return [([each["acct"] for each in one["accounts"]], one["last_status"]["id"], one["unread"]) for one in found]


async def test_threads_are_listed_read_and_removed(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Headers, kim: Headers
) -> None:
    first = (await post(client, kim, "@robin hello", visibility="direct"))["id"]
    await post(client, kim, "@robin in the open")
    assert shape(await got(client, kim, PATH)) == [(["robin"], first, False)]
    (one,) = await got(client, robin, PATH)
    assert shape([one]) == [(["kim"], first, True)]
    assert (await done(client, robin, f"{PATH}/{one['id']}/read"))["unread"] is False
    answer = (await post(client, robin, "@kim hi", visibility="direct", in_reply_to_id=first))["id"]
    other = (await post(client, kim, "@robin something else", visibility="direct"))["id"]
    assert shape(await got(client, robin, PATH)) == [(["kim"], other, True), (["kim"], answer, False)]
    assert [each["last_status"]["id"] for each in await got(client, kim, PATH)] == [other, answer]
    page = await client.get(PATH, params={"limit": 1}, headers=robin)
    assert shape((await client.get(beside(page, "next"), headers=robin)).json()) == [(["kim"], answer, False)]

    for act in ("read", "unread"):
        assert (await client.post(f"{PATH}/{one['id']}/{act}", headers=kim)).status_code == 404
    refused = await client.delete(f"{PATH}/{one['id']}", headers=kim)
    assert (refused.status_code, refused.json()) == (404, {"error": "Record not found"})
    assert (await done(client, robin, f"{PATH}/{one['id']}/unread"))["unread"] is True
    await client.delete(f"/api/v1/statuses/{answer}", headers=robin)
    assert shape(await got(client, robin, PATH))[1][1] == first, "what was said before is last again"
    await client.delete(f"/api/v1/statuses/{other}", headers=kim)
    assert len(await got(client, robin, PATH)) == 1
    assert (await client.delete(f"{PATH}/{one['id']}", headers=robin)).json() == {}
    assert await got(client, robin, PATH) == []
    assert len(await got(client, kim, PATH)) == 1


async def test_a_circle_has_its_own_and_all_is_sealed_and_ends(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Headers, kim: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live.assembly.federation.writing() as unit:
        organizer = await unit.session.get_one(LocalActor, await id_of(client, "robin"))
        made = await make_movement(unit, organizer=organizer)
    as_circle = bearer(await token_for(client, "robin", speaker=made.circle.id))
    monkeypatch.setattr(records, "MOST_KEPT", 2)
    for number in range(3):
        await post(client, kim, f"@{made.circle.handle} join {number}", visibility="direct")
    assert len(await got(client, as_circle, PATH)) == 2
    assert await got(client, robin, PATH) == []
    async with live.assembly.federation.writing() as unit:
        rows = (await unit.session.execute(select(Conversation))).scalars().all()
        assert not [row for row in rows if b"kim" in row.sealed_record or b"groundswell" in row.sealed_record]
        unit.now += records.KEEP_QUIET
        await records.sweep(unit)
        assert (await unit.session.execute(select(Conversation))).scalars().first() is not None
        unit.now += records.KEEP_QUIET
        await records.sweep(unit)
        assert (await unit.session.execute(select(Conversation))).scalars().first() is None
