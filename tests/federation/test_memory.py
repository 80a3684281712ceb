"""What a process remembers of others: counted by registrable domain, and forgotten in time."""

from datetime import timedelta

import pytest

from federation.fetch_errors import FetchFailed
from federation.memory import NEW_HOSTS, NEWCOMERS, SILENT_FETCHES, Gauge, Newcomers, RemoteMemory
from tests.conftest import Clock


def test_newcomers_are_counted_by_domain_whatever_the_port(clock: Clock) -> None:
    newcomers = Newcomers()
    admitted = [newcomers.admit(f"n{n % 2}.evil.example:{1_000 + n}", clock.now) for n in range(NEWCOMERS + 5)]
    assert admitted == [True] * NEWCOMERS + [False] * 5
    assert newcomers.admit("other.example", clock.now)
    clock.advance(hours=1)
    assert newcomers.admit("n0.evil.example", clock.now)


def test_a_domain_has_only_so_many_new_hosts_a_day(clock: Clock) -> None:
    newcomers = Newcomers()
    assert all(newcomers.admit(f"n{n}.evil.example", clock.now) for n in range(NEW_HOSTS))
    assert not newcomers.admit(f"n{NEW_HOSTS}.evil.example", clock.now)
    assert newcomers.admit("n9.evil.example:81", clock.now), "a host that was counted brings more actors"
    # Of a hoster on the private part of the list, each name is somebody else's.
    assert all(newcomers.admit(f"n{n}.github.io", clock.now) for n in range(3 * NEW_HOSTS))
    clock.advance(days=1)
    assert newcomers.admit(f"n{NEW_HOSTS}.evil.example", clock.now)


async def test_silence_is_counted_by_domain(clock: Clock) -> None:
    memory = RemoteMemory()
    asked: list[int] = []

    async def silent() -> None:
        asked.append(len(asked))
        raise FetchFailed("no answer", transient=True)

    for number in range(3 * SILENT_FETCHES):
        with pytest.raises(FetchFailed):
            await memory.once(f"key {number}", f"n{number}.evil.example:{number}", silent, now=clock.now)
    assert len(asked) == SILENT_FETCHES
    with pytest.raises(FetchFailed):
        await memory.once("another", "other.example", silent, now=clock.now)
    assert len(asked) == SILENT_FETCHES + 1


def test_a_gauge_is_good_for_a_second(clock: Clock) -> None:
    gauge = Gauge()
    assert gauge.is_stale(clock.now)
    gauge.set(3, 300, clock.now)
    gauge.add(1, 100)
    assert (gauge.items, gauge.size) == (4, 400)
    assert not gauge.is_stale(clock.now + timedelta(seconds=0.9))
    assert gauge.is_stale(clock.now + timedelta(seconds=1))
    assert gauge.is_stale(clock.now - timedelta(hours=1)), "a clock that was put back stops no counting"
