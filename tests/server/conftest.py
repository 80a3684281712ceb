"""A running server on either database, and a client that speaks to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server.loopback import LoopbackServer, loopback_server


@pytest.fixture
async def live(tmp_path: Path, server_database_urls: tuple[str | None, str | None]) -> AsyncIterator[LoopbackServer]:
    """A whole server on loopback."""
    async with loopback_server("live", tmp_path / "data", database_url=server_database_urls[0]) as server:
        yield server


@pytest.fixture
async def client(live: LoopbackServer) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the server by its own name."""
    async with httpx.AsyncClient(base_url=live.address, headers={"Host": live.domain}, timeout=20) as client:
        yield client
