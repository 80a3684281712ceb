"""Runs the server: web and worker on one loop, or each in a process of its own, until a signal ends them."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from types import MappingProxyType
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from server.assembly import Assembly, CannotStart, assemble
from server.config import Settings
from server.edge import Limits, bounded
from server.operations.routes import application
from server.organizing.media.files import FOLDER, MediaFiles
from server.worker import Worker

STARTUP_FAILURE = 3

WEBSOCKETS: Mapping[str, Any] = MappingProxyType(
    {
        "ws": "websockets-sansio",
        "ws_max_size": 16 * 1024,
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "ws_per_message_deflate": False,
    }
)
"""How uvicorn speaks with those who listen: nobody says much, and who does not answer for 20 seconds is gone.

Not compressed: what is said of others beside one's own words would show in the length.
"""


@asynccontextmanager
async def working(assembly: Assembly) -> AsyncIterator[Worker]:
    """A worker beside whatever runs in the block; ended with it."""
    worker = Worker(assembly.federation, assembly.database, MediaFiles(assembly.settings.data_dir / FOLDER))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.wait([running])


def serve(app: FastAPI, settings: Settings) -> None:
    """Listens on the configured address until SIGINT or SIGTERM. Logs no addresses and no paths.

    Exits with 3 when the server does not come to listen, as uvicorn does.
    """
    config = uvicorn.Config(
        app,
        http=bounded(Limits()),
        host=settings.host,
        port=settings.port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        **WEBSOCKETS,
        log_config=None,
        log_level=None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    app.state.metrics.connections = lambda: len(server.server_state.connections)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


@asynccontextmanager
async def answering(app: FastAPI, listener: socket.socket, limits: Limits) -> AsyncIterator[None]:
    """Answers requests beside whatever runs in the block, from a socket that is bound; ended with it.

    Signals are left to the program around. Raises `RuntimeError`, or what the application's start raised.
    """
    config = uvicorn.Config(
        app,
        http=bounded(limits),
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        log_level=None,
        lifespan="on",
        loop="none",
        timeout_graceful_shutdown=10,
    )
    server = _Embedded(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.ready(serving)
        yield
    finally:
        server.should_exit = True
        await serving


def work(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM, and listens nowhere but, if that is wished, for this machine's own tools.

    Raises `CannotStart`.
    """
    with ExitStack() as stack:
        listener = None if settings.worker_port is None else stack.enter_context(_on_loopback(settings.worker_port))
        uvloop.run(_work(settings, listener))


def _on_loopback(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise CannotStart(f"GROUNDSWELL_WORKER_PORT: {port} cannot be listened on: {error.strerror}") from error
    return listener


async def _work(settings: Settings, listener: socket.socket | None) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with assemble(settings) as assembly, working(assembly) as worker:
        told = nullcontext() if listener is None else answering(application(assembly, worker), listener, Limits())
        async with told:
            await stop.wait()


class _Embedded(uvicorn.Server):
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
