"""Runs the server in one process: web and worker on one loop, until a signal ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from server.assembly import Assembly
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
