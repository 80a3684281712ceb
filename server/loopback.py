"""Whole servers on loopback, in this process: for the demo, the tests and the benchmarks. Never on a public address."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import uvicorn
from fastapi import FastAPI

from federation.context import Context
from server.app import create_app
from server.assembly import Assembly
from server.config import Settings
from server.running import WEBSOCKETS

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
    name: str, data_dir: Path, *, database_url: str | None = None, port: int = 0, proxy: tuple[str, int] | None = None
) -> AsyncIterator[LoopbackServer]:
    """Starts a server at `http://{name}.localhost:{port}`, worker included, and ends it with the block.

    Without a name it is `localhost` itself, which programs find that ask the system for addresses.
    With a `proxy` (scheme and port) that is where it is seen: `{scheme}://{name}.localhost:{proxy's port}`.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        bound: int = listener.getsockname()[1]
        scheme, seen_at = proxy or ("http", bound)
        settings = Settings(
            data_dir=data_dir,
            domain=f"{name}.localhost:{seen_at}" if name else f"localhost:{seen_at}",
            database_url=database_url,
            port=bound,
            insecure_http=scheme == "http",
            trusted_networks=("127.0.0.0/8",),
            circle_delay=0,
            api_limit=1_000_000,
        )
        app = create_app(settings)
        server = _EmbeddedServer(_config_of(app))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.ready(serving)
            yield LoopbackServer(app.state.assembly, bound)
        finally:
            server.should_exit = True
            await serving


def _config_of(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="error",
        lifespan="on",
        loop="none",
        **WEBSOCKETS,
    )


class _EmbeddedServer(uvicorn.Server):
    """A uvicorn server that says when it listens, and leaves signals to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening, then says so."""
        await super().startup(sockets)
        self._ready.set()

    async def ready(self, serving: "asyncio.Task[None]") -> None:
        """Returns once the server listens. Raises what ended it if it does not."""
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait([waiting, serving], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()
            raise RuntimeError("the server ended before it listened")
        if not self.started:
            await serving
            raise RuntimeError("the server did not start")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none: Ctrl-C belongs to the program around."""
        yield
