"""Many lanes and workers at once: nobody waits for a server that hangs, nothing is lost, nothing is in two hands."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from federation import delivery, leases, pace, schedule
from server.db import Database
from tests.conftest import Clock
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


async def test_a_server_that_hangs_delays_no_other(sender: Sender) -> None:
    async with sender.receiver(hold=asyncio.Event()) as stuck, sender.receiver() as quick:
        await sender.enqueue("Create", 1, stuck.inbox())
        lanes = sender.lanes()
        assert await lanes.start_due() == 1
        await stuck.until_knocked(1)
        await sender.enqueue("Create", 2, quick.inbox())
        assert await lanes.start_due() == 1
        await lanes.wait()
        assert len(quick.taken) == 1
        assert lanes.running == 1
        assert stuck.taken == []
        assert stuck.hold is not None
        stuck.hold.set()
        await lanes.wait()
        assert len(stuck.taken) == 1


async def test_what_becomes_due_while_a_server_hangs_is_taken_up(sender: Sender) -> None:
    async with sender.receiver(hold=asyncio.Event()) as stuck, sender.receiver() as quick:
        await sender.enqueue("Create", 1, stuck.inbox())
        delivering = asyncio.create_task(sender.deliver())
        await stuck.until_knocked(1)
        await sender.enqueue("Create", 2, quick.inbox())
        await quick.until_knocked(1)
        assert stuck.taken == []
        assert stuck.hold is not None
        stuck.hold.set()
        assert await delivering == 2


async def test_nothing_queued_while_lanes_run_is_overlooked(sender: Sender) -> None:
    async with sender.receiver() as one, sender.receiver() as two:
        inboxes = [there.inbox() for there in (one, two)]

        async def enqueue(numbers: range) -> None:
            for number in numbers:
                await sender.enqueue("Create", number, *inboxes)

        async def deliver(worker: str) -> None:
            while queueing or await sender.deliveries():
                await sender.deliver(worker)

        async with asyncio.TaskGroup() as group:
            queueing = {group.create_task(enqueue(range(start, start + 15))) for start in (0, 100, 200)}
            for task in queueing:
                task.add_done_callback(queueing.discard)
            for worker in ("a", "b"):
                group.create_task(deliver(worker))
        assert len(one.ids) == len(set(one.ids)) == len(two.ids) == len(set(two.ids)) == 45
        async with sender.database.reading() as context:
            assert await delivery.next_due(context) is None


async def test_stopping_books_what_is_in_flight_and_releases_the_server(sender: Sender) -> None:
    async with sender.receiver(hold=asyncio.Event()) as there:
        await sender.enqueue("Create", 1, *(there.inbox(str(number)) for number in range(9)))
        lanes = sender.lanes()
        await lanes.start_due()
        await there.until_knocked(pace.FIRST)
        stopping = asyncio.create_task(lanes.stop())
        await asyncio.sleep(0)
        assert there.hold is not None
        there.hold.set()
        await stopping
        assert len(there.taken) == lanes.delivered == there.most_at_once == pace.FIRST
        assert len(await sender.deliveries()) == 9 - pace.FIRST
        assert await sender.deliver("two") == 9 - pace.FIRST


async def test_one_server_is_in_one_hand(sender: Sender) -> None:
    async with sender.receiver(hold=asyncio.Event()) as there:
        await sender.enqueue("Create", 1, there.inbox())
        first, second = sender.lanes("one"), sender.lanes("two")
        assert await first.start_due() == 1
        await there.until_knocked(1)
        assert await second.start_due() == 0
        assert there.hold is not None
        there.hold.set()
        await first.wait()
        assert await sender.deliver("two") == 0
        assert there.knocks == 1


async def test_two_workers_at_once_deliver_everything_once(sender: Sender) -> None:
    async with sender.receiver() as one, sender.receiver() as two, sender.receiver() as three:
        for number in range(6):
            await sender.enqueue("Create", number, *(there.inbox() for there in (one, two, three)))
        done = await asyncio.gather(*(sender.deliver(worker, max_hosts=1) for worker in ("a", "b")))
        assert sum(done) == 18
        assert all(len(there.ids) == len(set(there.ids)) == 6 for there in (one, two, three))


async def test_what_a_crash_left_unbooked_is_sent_again(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(hold=asyncio.Event()) as there:
        sent = await sender.enqueue("Create", 1, there.inbox())
        crashing = asyncio.create_task(sender.deliver("one"))
        await there.until_knocked(1)
        crashing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await crashing
        assert there.hold is not None
        there.hold.set()
        assert await sender.deliver("two") == 0
        await sender.turn_to_next_due()
        assert clock.now == Clock.now + schedule.LEASE
        assert await sender.deliver("two") == 1
        assert there.knocks == 2
        assert sent in there.ids


async def test_a_worker_that_lost_its_lease_books_results_but_not_health(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(hold=asyncio.Event()) as there:
        await sender.enqueue("Create", 1, there.inbox("a"))
        await sender.enqueue("Create", 2, there.inbox("b"))
        slow = sender.lanes("slow")
        await slow.start_due()
        await there.until_knocked(2)
        clock.advance(seconds=schedule.LEASE.total_seconds() + 1)
        quick = sender.lanes("quick")
        assert await quick.start_due() == 1
        await there.until_knocked(4)
        assert there.hold is not None
        there.hold.set()
        await slow.wait()
        host = await sender.host(there.host)
        assert host is not None
        assert host.lease_holder in ("quick", None)
        await quick.stop()
        assert await sender.deliveries() == []


async def test_a_delete_queued_while_its_create_is_in_flight_is_not_lost(sender: Sender) -> None:
    async with sender.receiver(hold=asyncio.Event()) as there:
        create = await sender.enqueue("Create", 1, there.inbox())
        delivering = asyncio.create_task(sender.deliver())
        await there.until_knocked(1)
        # The Create's row is dropped, and SQLite gives its number to the Delete's.
        gone = await sender.enqueue("Delete", 1, there.inbox())
        assert len(await sender.deliveries()) == 1
        assert there.hold is not None
        there.hold.set()
        assert await delivering == 2
        assert there.ids == [create, gone]


async def test_a_deadlock_is_settled_once_more(sender: Sender) -> None:
    async with sender.receiver() as one, sender.receiver() as two:
        await sender.enqueue("Create", 1, one.inbox(), two.inbox())
        async with sender.database.writing() as context:
            works = await leases.take(context, worker_id="one", limit=2)
        rounds = [leases.Round(work, (), work.health, None, go_on=False) for work in works]
        first, second = sorted((one.host, two.host))
        desk = delivery._Desk(sender.federation, "one")
        if sender.database.is_sqlite:
            assert await asyncio.gather(*map(desk.settle, rounds)) == [None, None]
            return
        lock = text("SELECT 1 FROM remote_hosts WHERE host = :host FOR UPDATE")
        async with sender.database.writing() as context:
            await context.session.execute(lock, {"host": second})
            settling = asyncio.gather(*map(desk.settle, rounds))
            await _until_waiting(sender)
            # Now each holds what the other wants; the one that waited first finds out and is ended.
            await context.session.execute(lock, {"host": first})
        assert await settling == [None, None]
        host = await sender.host(first)
        assert host is not None
        assert host.lease_holder is None


async def _until_waiting(sender: Sender) -> None:
    async with asyncio.timeout(20):
        while True:
            async with sender.database.reading() as context:
                waiting = await context.session.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted"))
                if waiting.first() is not None:
                    return
