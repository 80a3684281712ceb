"""How many posts a server is sent at a time: more while it takes them, fewer when it does not (HOSTILE-PEERS E6)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from federation import leases, pace
from federation.pace import Pace, Paces
from federation.schedule import Reply
from server.db import Database
from tests.conftest import Clock
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender

STORM = 10_000
MANY = 200


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


def widths(replies: list[Reply], clock: Clock, most: int = 4) -> list[int]:
    learning, seen = Pace(most), []
    for reply in replies:
        learning.note(reply, clock.now)
        seen.append(learning.width)
    return seen


def test_it_grows_with_as_many_answers_as_are_under_way(clock: Clock) -> None:
    assert widths([Reply(202)] * 9, clock) == [2, 3, 3, 3, 4, 4, 4, 4, 4]
    assert widths([Reply(404)] * 5, clock) == [2, 3, 3, 3, 4], "a refusal is an answer"
    assert widths([Reply(202)] * 3, clock, most=1) == [1, 1, 1]


@pytest.mark.parametrize("reply", [Reply(None), Reply(500), Reply(503), Reply(429), Reply(408)])
def test_it_halves_and_stays_at_two_for_a_while(clock: Clock, reply: Reply) -> None:
    learning = Pace(4)
    for _ in range(9):
        learning.note(Reply(202), clock.now)
    learning.note(reply, clock.now)
    assert learning.width == 2
    learning.note(reply, clock.now)
    assert learning.width == 1
    for _ in range(20):
        learning.note(Reply(202), clock.now)
    assert learning.width == pace.CAUTIOUS
    clock.now += pace.CAUTION
    for _ in range(20):
        learning.note(Reply(202), clock.now)
    assert learning.width == 4


def test_a_clock_that_goes_back_keeps_nobody_cautious(clock: Clock) -> None:
    learning = Pace(4)
    learning.note(Reply(503), clock.now)
    clock.now -= timedelta(days=1)
    for _ in range(9):
        learning.note(Reply(202), clock.now)
    assert learning.width == 4


def test_hosts_are_forgotten(clock: Clock) -> None:
    paces = Paces(4)
    first = paces.of("0.test", clock.now)
    for number in range(pace.MOST_HOSTS):
        assert paces.of(f"{number}.test", clock.now) is (
            first if number == 0 else paces.of(f"{number}.test", clock.now)
        )
    paces.of("one.more.test", clock.now)
    assert paces.of("0.test", clock.now) is not first


async def test_after_an_outage_no_more_than_two_at_a_time(sender: Sender) -> None:
    """E6: much is queued for a server that was away; when it is back it is not overrun."""
    async with sender.receiver() as there:
        port = int(there.host.rpartition(":")[2])
        inboxes = [there.inbox(str(number)) for number in range(MANY)]
    await sender.enqueue("Create", 1, *inboxes)
    assert await sender.deliver() == 0
    async with sender.receiver(port=port) as there:
        await sender.deliver_all()
        assert len(there.taken) == MANY
        assert there.most_at_once <= pace.CAUTIOUS


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_ten_thousand_for_a_server_that_comes_back(sender: Sender) -> None:
    """E6: while it is away it is tried now and then, not for each of them; then it takes all, a few at a time."""
    async with sender.receiver() as there:
        port = int(there.host.rpartition(":")[2])
        inboxes = [there.inbox(str(number)) for number in range(STORM)]
    await sender.enqueue("Create", 1, *inboxes)
    for turn in range(1, 6):
        assert await sender.deliver() == 0
        tried = [delivery.attempts for delivery in await sender.deliveries() if delivery.attempts]
        assert sum(tried) <= turn * pace.CAUTIOUS
        await sender.turn_to_next_due()
    async with sender.receiver(port=port) as there:
        await sender.deliver_all()
        assert sorted(taken.path for taken in there.taken) == sorted(f"/{number}" for number in range(STORM))
        assert there.knocks == STORM
        assert there.most_at_once <= 4


async def test_servers_that_hang_leave_places_for_others(sender: Sender) -> None:
    """Eight that could take all sixteen places, two each, take fewer the fewer are left."""
    async with sender.receiver(hold=asyncio.Event()) as stuck, sender.receiver() as quick:
        port = stuck.host.rpartition(":")[2]
        await sender.enqueue("Create", 1, *(f"http://n{n % 8}.localhost:{port}/{n}" for n in range(64)))
        lanes = sender.lanes(in_flight=16)
        assert await lanes.start_due() == 8
        await stuck.until_knocked(15)
        await sender.enqueue("Create", 2, quick.inbox())
        assert await lanes.start_due() == 1
        await quick.until_knocked(1)
        assert stuck.knocks == 15
        lanes.abandon()


async def test_servers_that_failed_last_take_half_of_the_lanes_at_most(sender: Sender, clock: Clock) -> None:
    failing = [f"http://n{n}.localhost:1/inbox" for n in range(6)]
    await sender.enqueue("Create", 1, *failing)
    assert await sender.deliver() == 0
    clock.advance(minutes=2)
    async with sender.receiver(hold=asyncio.Event()) as one, sender.receiver() as two:
        await sender.enqueue("Create", 2, one.inbox(), two.inbox())
        async with sender.database.writing() as context:
            works = await leases.take(context, worker_id="one", limit=5, doubtful=2)
        hosts = {work.host for work in works}
        assert {one.host, two.host} < hosts
        assert len(hosts) == 4
        assert sum(work.health.failures > 0 for work in works) == 2
