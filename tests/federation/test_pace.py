"""How many posts a server is sent at a time: more while it takes them, fewer when it does not (HOSTILE-PEERS E6)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from federation import pace
from federation.pace import Pace, Paces
from federation.schedule import Reply
from server.db import Database
from tests.conftest import Clock
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender

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
