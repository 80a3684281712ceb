"""Whole servers on loopback, in this process: for the demo, the tests and the benchmarks. Never on a public address."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from federation.context import Context
from server.app import create_app
from server.assembly import Assembly
from server.config import Settings
from server.edge import Limits
from server.running import answering

Found = TypeVar("Found")

PATIENCE = 20.0
"""Seconds that a step between servers may take."""


@dataclass(frozen=True, slots=True)
class LoopbackServer:
    """A running server: real HTTP on 127.0.0.1, real signatures, a name under `.localhost`."""

    assembly: Assembly
    port: int

    @property
    def address(self) -> str:
        """Where it listens, whatever its name is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def domain(self) -> str:
        """Its public domain, with the port."""
        return self.assembly.settings.public_domain

    async def until(self, look: Callable[[Context], Awaitable[Found | None]]) -> Found:
        """What `look` finds, as soon as it finds something true. Raises `TimeoutError` after `PATIENCE`."""
        async with asyncio.timeout(PATIENCE):
            while True:
                async with self.assembly.federation.reading() as unit:
                    found = await look(unit)
                if found:
                    return found
                await asyncio.sleep(0.02)


@asynccontextmanager
async def loopback_server(
    name: str,
    data_dir: Path,
    *,
    database_url: str | None = None,
    port: int = 0,
    proxy: tuple[str, int] | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[LoopbackServer]:
    """Starts a server at `http://{name}.localhost:{port}`, worker included, and ends it with the block.

    Without a name it is `localhost` itself, which programs find that ask the system for addresses.
    With a `proxy` (scheme and port) that is where it is seen: `{scheme}://{name}.localhost:{proxy's port}`.
    `limits` are for its callers, the usual ones if left out.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        bound: int = listener.getsockname()[1]
        settings = _settings(name, data_dir, database_url, bound, proxy or ("http", bound))
        app = create_app(settings)
        async with answering(app, listener, limits or Limits()):
            yield LoopbackServer(app.state.assembly, bound)


def _settings(name: str, data_dir: Path, database_url: str | None, port: int, seen: tuple[str, int]) -> Settings:
    scheme, seen_at = seen
    return Settings(
        data_dir=data_dir,
        domain=f"{name}.localhost:{seen_at}" if name else f"localhost:{seen_at}",
        database_url=database_url,
        port=port,
        insecure_http=scheme == "http",
        trusted_networks=("127.0.0.0/8",),
        circle_delay=0,
        api_limit=1_000_000,  # tests and benchmarks do much at once
        password_grant=True,
    )
