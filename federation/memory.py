"""Remembers, in this process only, what was just asked of other servers. Every part has a size and an expiry."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from federation.domains import name_of, registrable
from federation.fetch_errors import FetchFailed

if TYPE_CHECKING:
    from federation.remote_store import ResolvedKey

Value = TypeVar("Value")

FAILURE_PAUSE = timedelta(minutes=5)
"""How long a failed fetch is not tried again (HOSTILE-PEERS C12)."""

KEY_LIFE = timedelta(minutes=1)
"""How long a key is used without a look at the database: as late may another process's change be noticed."""

SECOND_LOOK_LIFE = timedelta(seconds=5)
"""How long a key that was looked at anew, for a signature that it did not verify, is not for the next one."""

SILENT_FETCHES = 10
"""Fetches that a domain may leave unanswered before it is not asked at all for a while."""

NEWCOMERS = 400
"""Actors of one domain that may become known within an hour (HOSTILE-PEERS C8, C13)."""

NEW_HOSTS = 50
"""Hosts of one domain, ports aside, of which actors may become known within a day (HOSTILE-PEERS C8).

Mastodon takes ten. Hosters of whole servers are not all on the Public Suffix List, and anybody can name a host.
"""

NEWCOMERS_IN_ALL = 10_000
"""Actors of all domains together that may become known within a day."""

COUNT_PAUSE = timedelta(seconds=1)
"""How long a count of all that waits is good for; in between, what comes is added to it."""

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
class Newcomers:
    """Counts the actors that become known here, and the hosts that bring them, for each registrable domain."""

    actors: Tally = field(default_factory=lambda: Tally(NEWCOMERS, timedelta(hours=1)))
    in_all: Tally = field(default_factory=lambda: Tally(NEWCOMERS_IN_ALL, timedelta(days=1)))
    most_hosts: int = NEW_HOSTS
    _hosts: Expiring[set[str]] = field(default_factory=Expiring)

    def admit(self, host: str, now: datetime) -> bool:
        """Counts one actor of a host (a port is overlooked). False, counting nothing, when its domain had its share."""
        domain, name = registrable(host), name_of(host)
        names = self._hosts.get(domain, now)
        if self.actors.is_full(domain, now) or self.in_all.is_full("", now):
            return False
        if names and name not in names and len(names) >= self.most_hosts:
            return False
        self.actors.add(domain, now)
        self.in_all.add("", now)
        if names is None:
            self._hosts.put(domain, {name}, until=now + timedelta(days=1))
        else:
            names.add(name)
        return True


@dataclass(slots=True)
class Gauge:
    """How much waits altogether, as counted at most once a second, and what was added since."""

    items: int = 0
    size: int = 0
    _counted_at: datetime | None = None

    def is_stale(self, now: datetime) -> bool:
        """Whether it is time to count again."""
        return self._counted_at is None or not self._counted_at <= now < self._counted_at + COUNT_PAUSE

    def set(self, items: int, size: int, now: datetime) -> None:
        """Notes what was counted."""
        self.items, self.size, self._counted_at = items, size, now

    def add(self, items: int, size: int) -> None:
        """Notes what came since."""
        self.items, self.size = self.items + items, self.size + size


@dataclass(slots=True)
class RemoteMemory:
    """What this process remembers of other servers' actors and keys, and of how much of theirs waits here."""

    keys: Expiring["ResolvedKey"] = field(default_factory=lambda: Expiring(MAX_KEYS))
    second_looks: Expiring["ResolvedKey"] = field(default_factory=lambda: Expiring(MAX_KEYS))
    newcomers: Newcomers = field(default_factory=Newcomers)
    inbox: Gauge = field(default_factory=Gauge)
    _failures: Expiring[FetchFailed] = field(default_factory=Expiring)
    _silences: Tally = field(default_factory=lambda: Tally(SILENT_FETCHES, FAILURE_PAUSE))
    _in_flight: dict[str, "asyncio.Task[Any]"] = field(default_factory=dict)

    async def once(self, key: str, host: str, work: Callable[[], Awaitable[Value]], *, now: datetime) -> Value:
        """The result of `work`, run once for all who ask for the same key at the same time.

        It goes on when one of them stops waiting. A failure is remembered for five minutes, unless we could not even
        ask. A host whose domain left ten fetches unanswered within that time is not asked. Raises `FetchFailed`, and
        what else `work` raises.
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
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            raise FetchFailed("too much is under way", transient=True, ours=True)
        if self._silences.is_full(registrable(host), now):
            raise FetchFailed("the server does not answer", transient=True)

    async def _run(self, key: str, host: str, work: Callable[[], Awaitable[Value]], now: datetime) -> Value:
        try:
            return await work()
        except FetchFailed as failure:
            if failure.ours:
                raise
            self._failures.put(key, failure.repeated(), until=now + FAILURE_PAUSE)
            if failure.transient and failure.status is None and not failure.counted:
                failure.counted = True
                self._silences.add(registrable(host), now)
            raise

    def _finished(self, key: str, task: "asyncio.Task[Any]") -> None:
        del self._in_flight[key]
        if not task.cancelled():
            # Whoever still waits gets it; nobody may be left, and then nobody is told.
            task.exception()
