"""A running server called `localhost`, on either database: client programs ask the system where it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server.loopback import LoopbackServer, loopback_server


@pytest.fixture
async def live(tmp_path: Path, server_database_urls: tuple[str | None, str | None]) -> AsyncIterator[LoopbackServer]:
    """A whole server on loopback."""
    async with loopback_server("", tmp_path / "data", database_url=server_database_urls[0]) as server:
        yield server


@pytest.fixture
async def client(live: LoopbackServer) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the server as a browser does."""
    async with httpx.AsyncClient(base_url=f"http://{live.domain}", timeout=20) as client:
        yield client
