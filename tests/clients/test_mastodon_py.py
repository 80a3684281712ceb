"""Mastodon.py over a real server: what it can do, done by it."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from mastodon import Mastodon, StreamListener

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


class _Heard(StreamListener):
    """Hands what it hears to the loop of the test."""

    def __init__(self) -> None:
        self.loop, self.queue = asyncio.get_running_loop(), asyncio.Queue[tuple[str, Any]]()

    def _put(self, event: str, what: Any) -> None:
        self.loop.call_soon_threadsafe(self.queue.put_nowait, (event, what))

    def on_update(self, status: Any) -> None:
        self._put("update", status)

    def on_notification(self, notification: Any) -> None:
        self._put("notification", notification)

    def on_delete(self, status_id: Any) -> None:
        self._put("delete", status_id)

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(20):
            return await self.queue.get()


async def test_it_is_told_at_once(live: LoopbackServer, client: httpx.AsyncClient, robin: Mastodon) -> None:
    await person_on(live, "kim")
    kim = await _client(live, await token_for(client, "kim"))
    heard = _Heard()
    stream = await off(lambda: robin.stream_user(heard, run_async=True))
    try:
        await off(lambda: kim.status_post("@robin hello"))
        event, notification = await heard.next()
        assert (event, notification["type"], notification["account"]["acct"]) == ("notification", "mention", "kim")
        mine = await off(lambda: robin.status_post("mine"))
        assert (await heard.next())[1]["id"] == mine["id"]
        await off(lambda: robin.status_delete(mine["id"]))
        event, gone = await heard.next()
        assert (event, str(gone)) == ("delete", str(mine["id"]))
        direct = await off(lambda: kim.status_post("@robin between us", visibility="direct"))
        (conversation,) = await off(robin.conversations)
        assert (conversation["unread"], conversation["last_status"]["id"]) == (True, direct["id"])
        assert (await off(lambda: robin.conversations_read(conversation["id"])))["unread"] is False
        assert [each["type"] for each in await off(robin.notifications)] == ["mention", "mention"]
        keys = await off(robin.push_subscription_generate_keys)
        made = await off(
            lambda: robin.push_subscription_set("https://push.example/1", keys[1], mention_events=True, policy="all")
        )
        assert made["alerts"]["mention"] is True
    finally:
        await off(stream.close)
