"""A database that goes away while something is leased: once it is back work goes on, and nothing is done twice."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from crypto.sealing import RootKey
from federation.context import Context
from federation.leases import ROUND
from federation.received import Received
from federation.table import Outcome
from models import ServerSetting
from server.db import Database, create_engine
from server.vault import Keyring
from tests.conftest import ORIGIN, Clock
from tests.faults.relay import Relay, relaying
from tests.federation.program import note_down
from tests.federation.running import Running, running
from tests.federation.sending import sender
from tests.federation.strangers import Stranger, strangers

COUNT = 5
OUTAGE = 1.0
"""Seconds for which the database stays away."""


@pytest.fixture
async def relay(database_url: str, database_kind: str) -> AsyncIterator[Relay | None]:
    """What is between the server and its database, if there is anything."""
    if database_kind == "sqlite":
        yield None
        return
    async with relaying(database_url) as made:
        yield made


@pytest.fixture
async def database(database_url: str, relay: Relay | None, clock: Clock) -> AsyncIterator[Database]:
    """The database, at the other end of the relay. The clock stands still: no lease ever ends by itself."""
    url = database_url if relay is None else relay.url
    opened = Database(create_engine(url), Keyring(RootKey.generate()), ORIGIN, clock)
    yield opened
    await opened.close()


@pytest.fixture
async def us(database: Database, clock: Clock) -> AsyncIterator[Running]:
    """The little program, whose handlers fail when they do something twice."""
    async with running(database, clock) as started:
        yield started


@pytest.fixture
async def bob(clock: Clock) -> AsyncIterator[Stranger]:
    """Somebody elsewhere."""
    async with strangers("bob", clock=clock) as (made,):
        yield made


@contextmanager
def away(us: Running, relay: Relay | None) -> Iterator[None]:
    """Nobody gets at the database; at SQLite because somebody else keeps it to himself."""
    if relay is not None:
        relay.cut()
        yield
        relay.go_on()
        return
    with closing(sqlite3.connect(us.database.engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_between_claim_and_deed(
    us: Running, bob: Stranger, relay: Relay | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of a host's activities waits for a page while the database goes."""
    monkeypatch.setattr("server.sqlite.PATIENCE", OUTAGE / 10)
    held = bob.hold("n/0")
    for number in range(COUNT):
        bob.serve(f"n/{number}", bob.note(f"n/{number}"))
        await us.post(bob, bob.activity("Announce", bob.uri(f"n/{number}"), f"a/{number}"))
    processing = asyncio.create_task(us.process())
    await held.asked.wait()
    with away(us, relay):
        held.answer.set()
        await asyncio.sleep(OUTAGE)
    assert await processing == ["done"] * COUNT
    assert [item.attempts for item in await us.items()] == [1] * COUNT


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("answered", [True, False], ids=["before it is opened", "before we know of the claim"])
async def test_at_the_claim(us: Running, bob: Stranger, relay: Relay | None, answered: bool) -> None:
    """The claim is committed; then the connections end, before or after we are told so."""
    assert relay is not None
    for number in range(COUNT):
        await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", f"a/{number}"))
    relay.cut_after(b"UPDATE inbox_items", b"COMMIT", answered=answered)
    processing = asyncio.create_task(us.process())
    async with asyncio.timeout(10):
        while relay.refused < 2:
            await asyncio.sleep(0.01)
    relay.go_on()
    assert await processing == ["done"] * COUNT
    assert [item.attempts for item in await us.items()] == [1] * COUNT


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("statement", [b"UPDATE remote_hosts", b"DELETE FROM deliveries"], ids=["taken", "settled"])
async def test_at_the_lease_of_a_server(
    database: Database, relay: Relay | None, clock: Clock, statement: bytes
) -> None:
    """A server is leased, at first or for one more round; then the connections end before we are told so."""
    assert relay is not None
    async with sender(database, clock) as us, us.receiver() as there:
        sent = [await us.enqueue("Create", number, there.inbox()) for number in range(ROUND + COUNT)]
        relay.cut_after(statement, b"COMMIT", answered=False)
        with pytest.raises((OSError, DBAPIError)):
            await us.deliver()
        relay.go_on()
        await us.deliver()
        assert await us.deliveries() == []
        assert set(there.ids) == set(sent)


async def test_in_the_midst_of_deeds(us: Running, bob: Stranger, database_kind: str, clock: Clock) -> None:
    """The whole transaction is lost within the second of them, as on a full disk: the first is not taken for done."""
    lose = {
        "sqlite": "INSERT OR ROLLBACK INTO server_settings SELECT * FROM server_settings",
        "postgres": "SELECT pg_terminate_backend(pg_backend_pid())",
    }
    losses = [1, 2]

    async def lose_it_twice(context: Context, received: Received) -> Outcome:
        if received.activity.id.endswith("/1") and losses:
            losses.pop()
            await context.session.execute(text(lose[database_kind]))
        return await note_down(context, received)

    us.program.deed = lose_it_twice
    for number in range(COUNT):
        await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", f"a/{number}"))
    await us.process()
    clock.advance(minutes=1)
    assert await us.process() == ["done"] * COUNT
    assert not losses
    async with us.database.reading() as context:
        assert (await context.session.execute(select(func.count()).select_from(ServerSetting))).scalar_one() == COUNT
