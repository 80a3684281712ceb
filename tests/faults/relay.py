"""The network between a server and PostgreSQL: it can be cut, fall silent, or break off at one statement."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import URL, make_url

CHUNK = 65_536


@dataclass
class Relay:
    """Hands on what either side says, until it is told otherwise. `url` is the database's on this side of it."""

    url: str
    refused: int = 0
    """Connections that came while it was cut."""
    _upstream: URL = field(repr=False, kw_only=True)
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _is_cut: bool = False
    _marks: list[bytes] = field(default_factory=list)
    _answer_arrives: bool = True

    def cut(self) -> None:
        """Ends every connection, and lets no new one in."""
        self._is_cut = True
        self.drop()

    def drop(self) -> None:
        """Ends every connection that there is, and lets new ones through."""
        for end in tuple(self._ends):
            end.close()
        self._flows.set()

    def silence(self) -> None:
        """Nothing comes through any more, and nobody is told: as where packets vanish."""
        self._flows.clear()

    def go_on(self) -> None:
        """Everything comes through, what was held back first."""
        self._is_cut = False
        self._flows.set()

    def cut_after(self, *marks: bytes, answered: bool) -> None:
        """Cuts when the server answers what was sent with the last of these, which come one after the other.

        `answered` is whether that answer still arrives.
        """
        self._marks, self._answer_arrives = list(marks), answered

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection to its end."""
        if self._is_cut:
            self.refused += 1
            writer.close()
            return
        self._ends.add(writer)
        await self._flows.wait()
        theirs, ours = await _connect(self._upstream)
        self._ends.add(ours)
        reached = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._ask(reader, ours, reached))
                pumps.create_task(self._answer(theirs, writer, reached))
        finally:
            self._ends -= {writer, ours}
            writer.close()
            ours.close()

    async def _ask(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, reached: asyncio.Event) -> None:
        while data := await _read(source):
            await self._flows.wait()
            if self._marks and self._marks[0] in data:
                self._marks.pop(0)
                if not self._marks:
                    reached.set()
            sink.write(data)
        sink.close()

    async def _answer(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, reached: asyncio.Event) -> None:
        while data := await _read(source):
            await self._flows.wait()
            if not reached.is_set() or self._answer_arrives:
                sink.write(data)
            if reached.is_set():
                self.cut()
                return
        sink.close()


async def _read(source: asyncio.StreamReader) -> bytes:
    try:
        return await source.read(CHUNK)
    except ConnectionError:
        return b""


async def _connect(url: URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place, port = str(url.query.get("host") or url.host), url.port or 5432
    if place.startswith("/"):
        return await asyncio.open_unix_connection(f"{place}/.s.PGSQL.{port}")
    return await asyncio.open_connection(place, port)


@asynccontextmanager
async def relaying(url: str) -> AsyncIterator[Relay]:
    """A relay to a PostgreSQL database, on a free port of 127.0.0.1."""
    upstream = make_url(url)
    relay = Relay("", _upstream=upstream)
    relay.go_on()
    server = await asyncio.start_server(relay.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    near = upstream.set(host="127.0.0.1", port=port).difference_update_query(["host"])
    relay.url = near.render_as_string(hide_password=False)
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
        await server.wait_closed()
