"""Runs the server: web and worker on one loop, or each in a process of its own, until a signal ends them."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
import uvloop
from fastapi import FastAPI

from server.assembly import Assembly, assemble
from server.config import Settings
from server.worker import Worker


@asynccontextmanager
async def working(assembly: Assembly) -> AsyncIterator[None]:
    """A worker beside whatever runs in the block; ended with it."""
    worker = asyncio.create_task(Worker(assembly.federation, assembly.database).run())
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.wait([worker])


def serve(app: FastAPI, settings: Settings) -> None:
    """Listens on the configured address until SIGINT or SIGTERM. Logs no addresses and no paths."""
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )


def work(settings: Settings) -> None:
    """Works, and listens nowhere, until SIGINT or SIGTERM. Raises `CannotStart`."""
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with assemble(settings) as assembly, working(assembly):
        await stop.wait()
