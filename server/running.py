"""Runs the server: web and worker on one loop, or each in a process of its own, until a signal ends them."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from server.assembly import Assembly, assemble
from server.config import Settings
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
    worker = Worker(assembly.federation, assembly.database)
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


def work(settings: Settings) -> None:
    """Works, and listens nowhere, until SIGINT or SIGTERM. Raises `CannotStart`."""
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with assemble(settings) as assembly, working(assembly):
        await stop.wait()
