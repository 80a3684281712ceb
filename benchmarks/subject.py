"""The server under measurement, in a process of its own, and a look at its database from outside."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.machine import cpu_seconds, resident_megabytes
from federation.context import Context
from server.assembly import assemble
from server.config import Settings
from server.db import create_engine


@dataclass(frozen=True)
class Subject:
    """A running server."""

    settings: Settings
    pid: int
    engine: AsyncEngine
    seconds_to_start: float

    @property
    def inbox(self) -> str:
        """The address of its shared inbox."""
        return f"{self.settings.origin}/ap/inbox"

    @property
    def cpu_seconds(self) -> float:
        """Processor time used so far."""
        return cpu_seconds(self.pid)

    @property
    def megabytes(self) -> float:
        """Memory held now."""
        return resident_megabytes(self.pid)

    async def count(self, query: str) -> int:
        """What a counting query says."""
        async with self.engine.connect() as connection:
            return int((await connection.execute(text(query))).scalar_one())

    async def until(self, query: str, reached: int, *, patience: float = 600.0) -> float:
        """Seconds until a counting query says so much. Raises `TimeoutError`."""
        began = time.monotonic()
        async with asyncio.timeout(patience):
            while await self.count(query) < reached:
                await asyncio.sleep(0.05)
        return time.monotonic() - began


def settings_for(folder: Path, database_url: str | None = None) -> Settings:
    """A server at `http://bench.localhost:PORT` with a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Settings(
        data_dir=folder / "data",
        domain=f"bench.localhost:{port}",
        port=port,
        insecure_http=True,
        trusted_networks=("127.0.0.0/8",),
        database_url=database_url,
    )


@asynccontextmanager
async def subject(
    settings: Settings, prepare: Callable[[Context], Awaitable[None]] | None = None
) -> AsyncIterator[Subject]:
    """Fills the database with what `prepare` writes, then starts the server and ends it with the block."""
    async with assemble(settings) as assembly:
        if prepare is not None:
            async with assembly.database.writing() as context:
                await prepare(context)
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server.cli",
        "run",
        env=os.environ | settings.environment(),
        stdout=asyncio.subprocess.DEVNULL,
    )
    engine = create_engine(settings.sqlalchemy_url)
    try:
        await _answers(settings.port)
        yield Subject(settings, process.pid, engine, time.monotonic() - began)
    finally:
        await engine.dispose()
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.write(b"GET /.well-known/nodeinfo HTTP/1.1\r\nHost: bench.localhost:%d\r\n\r\n" % port)
            await reader.readline()
            writer.close()
            return
