"""The queue seen from outside: breakers closed by what comes in, and what is forgotten when."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from federation import delivery, leases, schedule
from server.db import Database
from tests.conftest import Clock
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


async def test_hearing_from_a_server_closes_its_breaker(sender: Sender) -> None:
    async with sender.receiver(answers=[503] * 10) as there:
        for number in range(12):
            await sender.enqueue("Create", number, there.inbox())
        for _ in range(9):
            await sender.deliver(per_host=1)
            await sender.turn_to_next_due()
        await sender.deliver(per_host=1)
        sender.clock.advance(minutes=29)
        assert await sender.deliver() == 0
        assert there.knocks == 10
        woken: list[str] = []
        sender.database.woken = woken.append
        async with sender.database.writing() as context:
            await delivery.note_alive(context, {there.host})
        assert woken == ["deliveries"]
        assert await sender.deliver() > 0
        await sender.deliver_all()
        assert len(there.taken) == 12


async def test_hearing_from_a_server_keeps_the_pause_it_asked_for(sender: Sender) -> None:
    async with sender.receiver(answers=[(429, {"Retry-After": "600"})]) as there:
        await sender.enqueue("Create", 1, there.inbox())
        await sender.deliver()
        async with sender.database.writing() as context:
            await delivery.note_alive(context, {there.host, "never.test"})
        host = await sender.host(there.host)
        assert host is not None
        assert host.last_seen_on == sender.clock.now.date()
        assert host.paused_until == sender.clock.now + timedelta(minutes=10)
        assert await sender.host("never.test") is None


async def test_sweeping_gives_up_the_old_and_forgets_the_ended(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(answers=[404]) as there:
        await sender.enqueue("Create", 1, there.inbox())
        await sender.deliver()
    clock.advance(days=1)
    await sender.enqueue("Create", 2, "http://127.0.0.1:1/inbox")
    clock.advance(days=6, minutes=-1)
    async with sender.database.writing() as context:
        assert await delivery.sweep(context) == 0
    clock.advance(minutes=2)
    async with sender.database.writing() as context:
        # The dead delivery, its item, and the server that never took anything.
        assert await delivery.sweep(context) == 3
    clock.advance(days=1)
    async with sender.database.writing() as context:
        await delivery.sweep(context)
    assert len(await sender.deliveries("dead")) == 1
    assert [item.sealed_payload for item in await sender.items()] == [b""]


async def test_a_server_is_forgotten_after_ninety_silent_days(sender: Sender, clock: Clock) -> None:
    async with sender.receiver() as there:
        await sender.enqueue("Create", 1, there.inbox())
        await sender.deliver()
    for days, count in ((90, 0), (1, 1)):
        clock.advance(days=days)
        async with sender.database.writing() as context:
            assert await delivery.sweep(context) == count
    assert await sender.host(there.host) is None


async def test_what_was_queued_while_the_clock_was_ahead_leaves_once_it_is_right(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(answers=[503]) as there, sender.receiver() as other:
        clock.advance(days=1)
        await sender.enqueue("Create", 1, there.inbox())
        await sender.deliver()
        await sender.enqueue("Create", 2, there.inbox(), other.inbox())
        async with sender.database.writing() as context:
            await leases.take(context, worker_id="crashed", limit=2)
        clock.advance(days=-1)
        assert await sender.deliver() == 0
        async with sender.database.writing() as context:
            assert await delivery.mend_times(context, worker_id="one") == 3
        assert await sender.deliver() == 2
        assert other.knocks == 0, "whoever leased it may still be at work"
        clock.advance(seconds=schedule.LEASE.total_seconds())
        assert await sender.deliver() == 1
        assert await sender.deliveries() == []


async def test_what_is_put_off_as_it_should_be_stays_so(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(answers=[500] * 3) as there:
        await sender.enqueue("Create", 1, there.inbox())
        for _ in range(3):
            await sender.deliver()
            before = [row.due for row in await sender.deliveries()]
            async with sender.database.writing() as context:
                assert await delivery.mend_times(context, worker_id="one") == 0
            assert [row.due for row in await sender.deliveries()] == before
            assert await sender.deliver() == 0
            await sender.turn_to_next_due()
