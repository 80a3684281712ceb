"""A paused queue stands still in every process, takes more in, and loses nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from federation import pauses
from federation.pauses import Direction
from federation.queues import measure, overdue
from server.db import Database
from tests.conftest import Clock
from tests.federation.running import Running
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender
from tests.federation.strangers import Stranger


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


async def pause(database: Database, direction: Direction) -> bool:
    async with database.writing() as context:
        return await pauses.pause(context, direction)


async def resume(database: Database, direction: Direction) -> bool:
    async with database.writing() as context:
        return await pauses.resume(context, direction)


async def test_pausing_and_resuming_say_what_they_changed(database: Database, clock: Clock) -> None:
    assert await pause(database, "in")
    began = clock.now
    clock.advance(hours=1)
    assert not await pause(database, "in")
    async with database.reading() as context:
        assert await pauses.paused_since(context, "in") == began
        assert await pauses.paused_since(context, "out") is None
    assert await resume(database, "in")
    assert not await resume(database, "in")


async def test_resuming_wakes_the_lane(database: Database) -> None:
    woken: list[str] = []
    database.woken = woken.append
    await pause(database, "out")
    await resume(database, "out")
    assert woken == ["deliveries"]


async def test_what_came_in_waits_while_paused_and_is_done_afterwards(us: Running, bob: Stranger) -> None:
    await pause(us.database, "in")
    answer = await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
    assert answer.status_code == 202
    assert await us.process() == [None]
    async with us.database.reading() as context:
        assert (await measure(context)).inbound.paused_since is not None
        assert (await overdue(context))[0] is not None
    await resume(us.database, "in")
    assert await us.process() == ["done"]


async def test_the_pause_of_one_queue_leaves_the_other_alone(us: Running, bob: Stranger) -> None:
    await pause(us.database, "out")
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
    assert await us.process() == ["done"]


async def test_deliveries_wait_while_paused_and_leave_afterwards(sender: Sender) -> None:
    async with sender.receiver() as there:
        await pause(sender.database, "out")
        await sender.enqueue("Create", 1, there.inbox())
        assert await sender.deliver("one") == 0
        assert await sender.deliver("two") == 0
        assert len(await sender.deliveries()) == 1
        await resume(sender.database, "out")
        assert await sender.deliver("two") == 1


async def test_a_lane_under_way_finishes_what_is_in_flight_and_no_more(sender: Sender) -> None:
    async with sender.receiver(hold=asyncio.Event()) as there:
        for number in range(10):
            await sender.enqueue("Create", number, there.inbox())
        lanes = sender.lanes(per_host=2)
        assert await lanes.start_due() == 1
        await there.until_knocked(2)
        await pause(sender.database, "out")
        assert await lanes.start_due() == 0
        assert there.hold is not None
        there.hold.set()
        while lanes.running:
            await lanes.wait()
        assert len(there.taken) == lanes.delivered == 2
        assert len(await sender.deliveries()) == 8
        await resume(sender.database, "out")
        assert await sender.deliver("another") == 8
        assert len(set(there.ids)) == 10


async def test_a_paused_queue_is_looked_at_by_no_lane_in_vain(sender: Sender) -> None:
    """`deliver_due` ends at once: a pause must not keep a process busy."""
    async with sender.receiver() as there:
        await sender.enqueue("Create", 1, there.inbox())
        await pause(sender.database, "out")
        async with asyncio.timeout(5):
            assert await sender.deliver() == 0
        host = await sender.host(there.host)
        assert host is not None
        assert host.lease_holder is None
