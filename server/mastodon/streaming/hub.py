"""Hears what happened, here and in other processes, and tells those who listen. Ends who may listen no more.

On PostgreSQL other processes are heard at once. On SQLite only this process is: what a command beside the server
writes is not told, and found when a program looks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog

from server import waking
from server.assembly import Assembly
from server.db import Database
from server.mastodon.streaming.connections import Connections
from server.mastodon.streaming.dispatch import Dispatch
from server.oauth import tokens
from server.organizing.happenings import Happening

log = structlog.get_logger()

LOOK_AT_TOKENS = 0.5
"""Seconds: whoever was revoked, deleted or dismissed hears nothing more after one of them (HOSTILE B10)."""

MOST_HEARD = 10_000
"""What happened and is not told yet; beyond, it is not told at once."""

_LISTEN_AGAIN = 1.0


@dataclass(slots=True)
class Hub:
    """The one place of a process in which what happened and who listens meet."""

    database: Database
    connections: Connections = field(default_factory=Connections)
    _heard: "asyncio.Queue[str]" = field(default_factory=lambda: asyncio.Queue(MOST_HEARD))

    def hear(self, what: str) -> None:
        """Takes note of something that happened. Costs nothing where nobody listens."""
        if len(self.connections):
            with suppress(asyncio.QueueFull):
                self._heard.put_nowait(what)

    async def run(self) -> None:
        """Tells, and looks after tokens, until cancelled."""
        self.database.happened = self.hear
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell())
            tasks.create_task(self._watch())
            if not self.database.is_sqlite:
                tasks.create_task(self._overhear())

    async def _tell(self) -> None:
        while True:
            what = Happening.parse(await self._heard.get())
            if what is None:
                continue
            try:
                async with self.database.reading() as context:
                    await Dispatch(context, self.connections).tell(what)
            except Exception as error:  # what cannot be shown is not told; the next may
                log.error("not told at once", kind=what.kind, error=type(error).__name__)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AT_TOKENS)
            listening = list(self.connections)
            if not listening:
                continue
            good: set[bytes] = set()
            try:
                async with self.database.reading() as context:
                    good = await tokens.still_good(context, [each.caller for each in listening])
            except Exception as error:  # in doubt nobody listens: programs connect again
                log.error("tokens were not looked at", error=type(error).__name__)
            for connection in listening:
                if connection.caller.token not in good:
                    connection.close()

    async def _overhear(self) -> None:
        while True:
            with suppress(Exception):  # the database restarts
                await waking.overhear(self.database.engine, self.hear, own=self.database.process)
            await asyncio.sleep(_LISTEN_AGAIN)


@asynccontextmanager
async def streaming(assembly: Assembly) -> AsyncIterator[Hub]:
    """A hub beside whatever runs in the block; ended with it."""
    hub = Hub(assembly.database)
    running = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        for connection in hub.connections:
            connection.close()
        running.cancel()
        await asyncio.wait([running])
