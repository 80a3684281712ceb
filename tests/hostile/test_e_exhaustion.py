"""What strangers can cost us at our own door: little each, and honest requests are answered meanwhile (HOSTILE E)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from server.organizing import budgets
from tests.hostile import faults
from tests.hostile.peer import Account, PeerServer
from tests.hostile.us import ASKED, CACHED, COUNTED, TAKEN_IN, Us
from tests.hostile.wire import Reply, Shape, encoded, exchange, get, post, request_bytes, signed_headers

pytestmark = pytest.mark.asyncio(loop_scope="module")

FLOOD = 200
ABREAST = 50
PROMPT = 20.0
"""Seconds for an honest request during a flood, most of them for slow machines."""


async def flood(send: Callable[[int], Awaitable[Reply]]) -> list[Reply]:
    """Sends the whole flood, so many at a time."""
    slots = asyncio.Semaphore(ABREAST)

    async def one(number: int) -> Reply:
        async with slots:
            return await send(number)

    return await asyncio.gather(*(one(number) for number in range(FLOOD)))


def broken(text: bytes) -> bytes:
    """A signature of the right length, and no more."""
    return b"\x01" * 256


@pytest.mark.parametrize("kind", ["unsigned", "malformed", "stale", "the wrong key", "an unknown key"])
async def test_a_flood_of_what_is_not_authentic(
    us: Us, evil: PeerServer, mallory: Account, carla: Account, kind: str
) -> None:
    """E1: refused one and all, with a handful of fetches; honest posts and pages go on."""
    await us.follow(carla)
    await us.know(mallory)
    body = encoded(mallory.activity("Like", us.public))
    stranger = evil.actor("stranger", key=2)

    async def attack(number: int) -> Reply:
        if kind == "unsigned":
            return await post(us.inbox, body)
        if kind == "malformed":
            return await post(us.inbox, body, {"Signature": 'keyId="' + "x" * 4_000})
        if kind == "stale":
            headers = signed_headers("POST", "http://elsewhere/x", body, mallory.key, mallory.key_id, Shape())
            return await post(us.inbox, body, {**headers, "Host": us.server.domain})
        key_id = mallory.key_id if kind == "the wrong key" else f"{stranger.id}#key-{number}"
        return await mallory.send(us.inbox, body, key=broken, key_id=key_id)

    before = len(evil.fetched)
    async with us.unchanged(evil, but=(*TAKEN_IN, *CACHED, "posts")):
        flooding = asyncio.create_task(flood(attack))
        await asyncio.sleep(0)
        for _ in range(10):
            assert (reply := await carla.send(us.inbox, carla.create(carla.note("meanwhile")))).status == 202
            assert reply.seconds < PROMPT
            assert (reply := await get(f"{us.base}/@flex", Accept="text/html")).status == 200
            assert reply.seconds < PROMPT
        replies = await flooding
    assert {reply.status for reply in replies} <= {401, 429}
    assert len(evil.fetched) - before <= 10, "a few may be asked before the first answer is stored"


def _too_deep() -> dict[str, bytes]:
    return {
        "lists": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "only openings": b"[" * 900_000,
        "only objects": b'{"":' * 200_000,
        "a huge integer": b'{"x":' + b"9" * 900_000 + b"}",
        "a huge fraction": b'{"x":0.' + b"1" * 900_000 + b"e-999999}",
        "many keys": encoded({f"k{number}": 0 for number in range(70_000)}),
        "many values": b'{"x":[' + b"0," * 500_000 + b"0]}",
        "many strings": b'{"x":[' + b'"",' * 300_000 + b'""]}',
        "an open string": b'{"x":"' + b"y" * 900_000,
        "backslashes": b'{"x":"' + b"\\" * 900_000,
        "quotes": b'"' * 900_000,
        "escapes": b'{"x":"' + b"\\u0041" * 150_000 + b'"',
    }


@pytest.mark.parametrize("kind", _too_deep())
async def test_json_that_is_hard_to_read(us: Us, mallory: Account, kind: str) -> None:
    """E2: signed correctly, and refused at once."""
    await us.know(mallory)
    async with us.unchanged(within=PROMPT):
        assert (await mallory.send(us.inbox, _too_deep()[kind])).status == 400


async def test_bodies_beyond_the_limit(us: Us, mallory: Account) -> None:
    """E2, E3: a mebibyte is the most, whether it is declared or not; whoever declares very much is not even read."""
    await us.know(mallory)
    head = [("Host", us.server.domain), ("Content-Type", "application/activity+json"), ("Connection", "close")]
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    chunked = request_bytes("POST", "/ap/inbox", [*head, ("Transfer-Encoding", "chunked")], chunk * 17 + b"0\r\n\r\n")
    async with us.unchanged(within=PROMPT):
        for length in ("100000000", "9" * 15):
            declared = request_bytes("POST", "/ap/inbox", [*head, ("Content-Length", length)])
            assert (await exchange(us.server.port, declared)).status == 413
        assert (await exchange(us.server.port, chunked)).status == 413
        assert (await mallory.send(us.inbox, b"{" + b" " * 1_048_576)).status == 413
        million = encoded({f"key{number}": number for number in range(1_000_000)})
        assert (await mallory.send(us.inbox, million)).status in (0, 413), "0: hung up on while still sending"


async def test_deletes_by_strangers(us: Us, evil: PeerServer) -> None:
    """E5, WIRE 1.10: the Delete, or Update, of itself by an actor unknown here is not worth a fetch."""
    accounts = [evil.actor(f"gone{number}") for number in range(20)]
    async with us.unchanged():
        for account in accounts:
            for activity in (account.activity("Delete", account.id), account.activity("Update", account.document())):
                assert (await account.send(us.inbox, activity)).status == 202
    assert evil.fetched == []


async def test_a_storm_of_deletes(us: Us, evil: PeerServer, carla: Account) -> None:
    """E5: by as many unknown actors; no fetch, nothing kept, and the honest are answered meanwhile."""
    await us.follow(carla)
    gone = [evil.actor(f"storm{number}") for number in range(FLOOD)]
    async with us.unchanged(carla.peer, but=(*TAKEN_IN, *CACHED, "posts")) as watch:
        flooding = asyncio.create_task(
            flood(lambda number: gone[number].send(us.inbox, gone[number].activity("Delete", gone[number].id)))
        )
        await asyncio.sleep(0)
        for _ in range(10):
            assert (reply := await carla.send(us.inbox, carla.create(carla.note("meanwhile")))).status == 202
            assert reply.seconds < PROMPT
        assert {reply.status for reply in await flooding} == {202}
    assert evil.fetched == []
    assert watch.outcomes == ["done"] * 10, "only what the honest sent was taken in"


async def test_one_host_cannot_fill_the_queue_for_others(us: Us, mallory: Account, carla: Account) -> None:
    """E1, B19: a hundred Follows of one host count against that host alone."""
    await us.know(mallory, carla)
    async with us.unchanged(mallory.peer, carla.peer, but=(*TAKEN_IN, "budgets", *ASKED, "remote_hosts")) as watch:
        for _ in range(100):
            assert (await mallory.send(us.inbox, mallory.activity("Follow", us.uri(us.robin)))).status == 202
        assert (await carla.send(us.inbox, carla.activity("Follow", us.uri(us.robin)))).status == 202
    assert watch.outcomes.count("ignored") == 70
    assert watch.changed["follows"] == (0, 2), "one of each, whatever is asked again"


async def test_names_below_a_domain_cannot_fill_a_circles_pile(us: Us, evil: PeerServer, carla: Account) -> None:
    """B19: thirty applications an hour are those of the whole domain, however many names and ports it has."""
    many = [evil.actor(f"m{n}", host=f"n{n % 9}.{evil.authority}") for n in range(45)]
    async with us.unchanged(evil, carla.peer, but=(*TAKEN_IN, *CACHED, *COUNTED, *ASKED, "memberships")) as watch:
        for one in many:
            assert (await one.send(us.inbox, one.activity("Follow", us.uri(us.circle)))).status == 202
        assert (await carla.send(us.inbox, carla.activity("Join", us.uri(us.circle)))).status == 202
    assert watch.changed["memberships"] == (0, budgets.REQUESTS.limit + 1)
    assert Counter(watch.outcomes) == {"done": budgets.REQUESTS.limit + 1, "ignored": 15}


async def test_names_below_a_domain_cannot_fill_the_queue(
    us: Us, evil: PeerServer, carla: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1, C13: what waits in vain for evil's servers is counted together, and the rest refused; others are heard."""
    monkeypatch.setattr("federation.inbox.MOST_WAITING", 20)
    await us.follow(carla)
    many = [evil.actor(f"m{n}", host=f"n{n}.{evil.authority}") for n in range(9)]
    await us.know(*many)
    evil.wildcard = faults.status(503)
    sent = [(one, one.activity("Announce", one.uri(f"never/{n}"))) for n in range(4) for one in many]
    statuses = [(await one.send(us.inbox, announce)).status for one, announce in sent]
    assert statuses == [202] * 20 + [429] * 16
    note = carla.note("meanwhile")
    assert (await carla.send(us.inbox, carla.create(note))).status == 202
    await us.settled()
    assert await us.text_of(note["id"]) == "meanwhile"


async def test_what_is_done_tells_nobody_from_where_it_came(us: Us, mallory: Account) -> None:
    """Whoever takes the database reads no host, and no moment, of what was dealt with."""
    await us.know(mallory)
    follow = mallory.activity("Follow", us.uri(us.flex))
    assert (await mallory.send(us.inbox, follow)).status == 202
    await us.settled()
    async with us.federation.reading() as context:
        rows = (await context.session.execute(text("SELECT * FROM inbox_items WHERE state = 'done'"))).mappings().all()
    assert rows
    for row in rows:
        assert (row["host"], row["domain"], row["size"], row["sealed_body"]) == ("", "", 0, None)
        assert {str(row[name])[10:19] for name in ("received_at", "due", "delete_after")} == {" 00:00:00"}
        assert "localhost" not in str(dict(row))
