"""What the operator tries again: deliveries to a server, and received activities that were given up."""

from collections.abc import AsyncIterator

import pytest

from federation import retrying
from federation.context import Context
from federation.inbox_items import MAX_ATTEMPTS
from federation.overview import overview
from federation.received import Received
from federation.retrying import Retried
from federation.schedule import BREAKER_FAILURES
from federation.table import Outcome
from server.db import Database
from tests.conftest import Clock
from tests.federation.program import note_down
from tests.federation.running import Running, running
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender
from tests.federation.strangers import strangers


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


async def retry(sender: Sender, host: str) -> Retried | None:
    async with sender.database.writing() as context:
        return await retrying.retry_host(context, host)


async def test_a_server_that_is_back_gets_all_at_once(sender: Sender) -> None:
    async with sender.receiver(answers=[503] * 100) as there:
        host = there.host
        for number in range(3):
            await sender.enqueue("Create", number, there.inbox())
        for _ in range(BREAKER_FAILURES):
            await sender.turn_to_next_due()
            await sender.deliver()
        async with sender.database.reading() as context:
            (seen,) = (await overview(context)).hosts
        assert (seen.host, seen.waiting, seen.breaker_open) == (host, 3, True)
        assert seen.paused_until is not None
        there.answers[:] = []
        assert await sender.deliver() == 0
        assert await retry(sender, host) == Retried(due=3, lost=0)
        assert await sender.deliver() == 3
        async with sender.database.reading() as context:
            (seen,) = (await overview(context)).hosts
        assert (seen.waiting, seen.failures, seen.breaker_open) == (0, 0, False)


async def test_a_dead_delivery_comes_again_while_its_content_is_there(sender: Sender) -> None:
    """It is there while another server has yet to get it; afterwards it cannot be tried again, and that is said."""
    async with sender.receiver(answers=[403]) as there, sender.receiver(answers=[503]) as other:
        host = there.host
        await sender.enqueue("Create", 1, there.inbox(), other.inbox())
        await sender.deliver()
        assert len(await sender.deliveries("dead")) == 1
        assert await retry(sender, host) == Retried(due=1, lost=0)
        assert len(await sender.deliveries("dead")) == 0
        assert await sender.deliver() == 1
    async with sender.receiver(answers=[403]) as there:
        host = there.host
        await sender.enqueue("Create", 2, there.inbox())
        await sender.deliver()
        assert await retry(sender, host) == Retried(due=0, lost=1)
        assert len(await sender.deliveries("dead")) == 1


async def test_nothing_was_ever_queued_for_a_stranger(sender: Sender) -> None:
    assert await retry(sender, "stranger.example") is None


async def test_an_activity_that_was_given_up_is_done_after_all(database: Database, clock: Clock) -> None:
    async def broken(context: Context, received: Received) -> Outcome:
        raise RuntimeError("a bug that an upgrade mends")

    async with running(database, clock) as us, strangers("bob", clock=clock) as (bob,):
        us.program.deed = broken
        await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
        for _ in range(MAX_ATTEMPTS):
            await us.process()
            clock.advance(hours=13)
        assert [item.state for item in await us.items()] == ["dead"]
        async with database.reading() as context:
            (source,) = (await overview(context)).sources
        assert (source.waiting, source.dead, source.oldest) == (0, 1, None)
        us.program.deed = note_down
        assert await us.process() == [None]
        await _revive(us, 1)
        assert await us.process() == ["done"]
        assert [item.delete_after is not None for item in await us.items()] == [True]
        await _revive(us, 0)


async def _revive(us: Running, count: int) -> None:
    async with us.database.writing() as context:
        assert await retrying.retry_inbox(context) == count


async def test_the_server_with_the_oldest_comes_first(sender: Sender, clock: Clock) -> None:
    await sender.enqueue("Create", 1, "http://young.example/inbox", "http://old.example/inbox")
    clock.advance(minutes=5)
    await sender.enqueue("Create", 2, "http://a.example/inbox", "http://young.example/inbox")
    async with sender.database.reading() as context:
        seen = await overview(context)
    assert [host.host for host in seen.hosts] == ["old.example", "young.example", "a.example"]
    assert [host.waiting for host in seen.hosts] == [1, 2, 1]
    assert seen.queues.outbound.oldest == seen.hosts[0].oldest
    assert seen.queues.outbound.waiting == 4
