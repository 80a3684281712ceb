"""Who listens to what, in this process. Whoever reads too slowly is let go: nothing piles up for anybody."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from models import LocalActor
from server.mastodon.streaming.streams import Stream
from server.oauth.tokens import Caller

MOST = 1_000
"""Connections of one process."""

MOST_OF_TOKEN = 16
"""Connections of one token: a program may open one for each stream."""

MOST_STREAMS = 32
"""Streams of one connection."""

MOST_WAITING = 200
"""Messages that wait to be read by one connection."""


class Full(Exception):
    """There are too many connections already, in all or of this token."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be told: `payload` is JSON in a text, and None where the event says it all."""

    stream: Stream
    event: str
    payload: str | None


@dataclass(eq=False, slots=True)
class Connection:
    """One program that listens. `me` is as whom."""

    caller: Caller
    me: LocalActor
    streams: set[Stream] = field(default_factory=set)
    _waiting: "asyncio.Queue[Message | None]" = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    _closed: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, message: Message) -> None:
        """Lets it be read; where too much waits already, ends the connection."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """Ends it; what was not read yet is not read any more."""
        self._closed.set()
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def next(self) -> Message | None:
        """What comes next; None at the end."""
        return None if self._closed.is_set() else await self._waiting.get()

    async def ended(self) -> None:
        """Returns when it was ended from this side."""
        await self._closed.wait()


@dataclass(slots=True)
class Connections:
    """All connections of this process."""

    _all: set[Connection] = field(default_factory=set)
    _by_token: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._all))

    def require_room(self, caller: Caller) -> None:
        """Raises `Full` where one more of this token is too many."""
        if len(self._all) >= MOST or self._by_token.get(caller.token, 0) >= MOST_OF_TOKEN:
            raise Full

    @contextmanager
    def opened(self, caller: Caller, me: LocalActor) -> Iterator[Connection]:
        """A connection for as long as the block lasts. Raises `Full`."""
        token = caller.token
        self.require_room(caller)
        connection = Connection(caller, me)
        self._all.add(connection)
        self._by_token[token] += 1
        try:
            yield connection
        finally:
            self._all.discard(connection)
            self._by_token[token] -= 1
            if not self._by_token[token]:
                del self._by_token[token]

    def listening(self, *names: str) -> list[LocalActor]:
        """Each actor once who listens to a stream with one of these names."""
        found = {each.me.id: each.me for each in self._all if any(stream.name in names for stream in each.streams)}
        return list(found.values())

    def on(self, streams: Iterable[Stream]) -> list[tuple[Connection, Stream]]:
        """Who listens to these streams."""
        wanted = set(streams)
        return [(each, stream) for each in self for stream in each.streams & wanted]

    def of(self, actor_id: str, stream: Stream) -> list[Connection]:
        """Those by which an actor listens to a stream."""
        return [each for each in self if each.me.id == actor_id and stream in each.streams]
