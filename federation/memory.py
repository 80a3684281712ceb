"""Remembers, in this process only, what was just asked of other servers. Every part has a size and an expiry."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from federation.fetch_errors import FetchFailed

if TYPE_CHECKING:
    from federation.remote_store import ResolvedKey

Value = TypeVar("Value")

FAILURE_PAUSE = timedelta(minutes=5)
"""How long a failed fetch is not tried again (HOSTILE-PEERS C12)."""

KEY_LIFE = timedelta(minutes=1)
"""How long a key is used without a look at the database: as late may another process's change be noticed."""

SILENT_FETCHES = 10
"""Fetches that a host may leave unanswered before it is not asked at all for a while."""

NEWCOMERS = 400
"""Actors of one host that may become known within an hour (HOSTILE-PEERS C8, C13)."""

MAX_IN_FLIGHT = 1_000
MAX_KEYS = 4_000
MAX_ENTRIES = 10_000


class Expiring(Generic[Value]):
    """A mapping with an expiry for each entry, and a greatest size: the entry longest unused goes first."""

    def __init__(self, most: int = MAX_ENTRIES) -> None:
        self._most = most
        self._entries: OrderedDict[str, tuple[datetime, Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, now: datetime) -> Value | None:
        """The value, unless it expired."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= now:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: str, value: Value, *, until: datetime) -> None:
        """Sets a value and its expiry."""
        self._entries[key] = until, value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def drop(self, key: str) -> None:
        """Forgets a key; an unknown one is no error."""
        self._entries.pop(key, None)


class Tally:
    """Counts by key, within a time that begins with the first."""

    def __init__(self, most: int, within: timedelta) -> None:
        self._most = most
        self._within = within
        self._counts: Expiring[list[int]] = Expiring()

    def add(self, key: str, now: datetime) -> None:
        """Counts one more."""
        count = self._counts.get(key, now)
        if count is None:
            self._counts.put(key, [1], until=now + self._within)
        else:
            count[0] += 1

    def is_full(self, key: str, now: datetime) -> bool:
        """Whether as many were counted as may be."""
        count = self._counts.get(key, now)
        return count is not None and count[0] >= self._most


@dataclass(slots=True)
class RemoteMemory:
    """What this process remembers of other servers' actors and keys."""

    keys: Expiring["ResolvedKey"] = field(default_factory=lambda: Expiring(MAX_KEYS))
    newcomers: Tally = field(default_factory=lambda: Tally(NEWCOMERS, timedelta(hours=1)))
    _failures: Expiring[FetchFailed] = field(default_factory=Expiring)
    _silences: Tally = field(default_factory=lambda: Tally(SILENT_FETCHES, FAILURE_PAUSE))
    _in_flight: dict[str, "asyncio.Task[Any]"] = field(default_factory=dict)

    async def once(self, key: str, host: str, work: Callable[[], Awaitable[Value]], *, now: datetime) -> Value:
        """The result of `work`, run once for all who ask for the same key at the same time.

        It goes on when one of them stops waiting. A failure is remembered for five minutes; a host that left ten
        fetches unanswered within that time is not asked. Raises `FetchFailed`, and what else `work` raises.
        """
        running = self._in_flight.get(key)
        if running is None:
            self._check(key, host, now)
            running = asyncio.create_task(self._run(key, host, work, now))
            self._in_flight[key] = running
            running.add_done_callback(lambda task: self._finished(key, task))
        result: Value = await asyncio.shield(running)
        return result

    def _check(self, key: str, host: str, now: datetime) -> None:
        failure = self._failures.get(key, now)
        if failure is not None:
            raise failure.repeated()
        if self._silences.is_full(host, now) or len(self._in_flight) >= MAX_IN_FLIGHT:
            raise FetchFailed("too much is under way, or the server does not answer", transient=True)

    async def _run(self, key: str, host: str, work: Callable[[], Awaitable[Value]], now: datetime) -> Value:
        try:
            return await work()
        except FetchFailed as failure:
            self._failures.put(key, failure.repeated(), until=now + FAILURE_PAUSE)
            if failure.transient and failure.status is None and not failure.counted:
                failure.counted = True
                self._silences.add(host, now)
            raise

    def _finished(self, key: str, task: "asyncio.Task[Any]") -> None:
        del self._in_flight[key]
        if not task.cancelled():
            # Whoever still waits gets it; nobody may be left, and then nobody is told.
            task.exception()
