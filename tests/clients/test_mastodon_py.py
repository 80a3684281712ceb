"""Mastodon.py over a real server: what it can do, done by it."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from mastodon import Mastodon

from server.loopback import LoopbackServer
from tests.server.signing_in import person_on, token_for


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> Mastodon:
    """Somebody signed in."""
    await person_on(live)
    token = await token_for(client, "robin")
    return await _client(live, token)


async def _client(live: LoopbackServer, token: str) -> Mastodon:
    address = f"http://{live.domain}"
    made: Mastodon = await off(lambda: Mastodon(access_token=token, api_base_url=address, version_check_mode="none"))
    return made


async def off(call: Callable[[], Any]) -> Any:
    """Makes a blocking call beside the server, which runs on this loop."""
    return await asyncio.to_thread(call)


async def test_it_signs_in_posts_and_reads(robin: Mastodon) -> None:
    assert (await off(robin.account_verify_credentials))["acct"] == "robin"
    posted = await off(lambda: robin.status_post("Hello from a library", visibility="unlisted"))
    assert (await off(robin.timeline_home))[0]["id"] == posted["id"]
    assert (await off(lambda: robin.status_favourite(posted["id"])))["favourited"] is True
    await off(lambda: robin.status_delete(posted["id"]))
    assert await off(robin.timeline_home) == []
