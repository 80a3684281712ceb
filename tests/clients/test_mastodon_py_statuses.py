"""Mastodon.py: statuses in full, as it reads and writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from mastodon import Mastodon, MastodonAPIError

from server.loopback import LoopbackServer
from tests.clients.test_mastodon_py import off, robin
from tests.server.signing_in import person_on, token_for

__all__ = ["robin"]


async def of(client: Mastodon, method: str, *given: Any, **more: Any) -> Any:
    """What a method of the library returns."""
    return await off(lambda: getattr(client, method)(*given, **more))


async def test_it_edits_keeps_pins_and_lists(robin: Mastodon) -> None:
    made = await of(robin, "status_post", "Core hours", idempotency_key="k", language="en", sensitive=True)
    assert (await of(robin, "status_post", "Core hours", idempotency_key="k"))["id"] == made["id"]
    edited = await of(robin, "status_update", made["id"], "Core hours from nine", spoiler_text="Work")
    assert edited["edited_at"] is not None
    history = await of(robin, "status_history", made["id"])
    assert [(version["spoiler_text"], version["sensitive"]) for version in history] == [("", True), ("Work", True)]
    assert (await of(robin, "status_source", made["id"]))["text"] == "Core hours from nine"
    for act, flag in (("bookmark", "bookmarked"), ("favourite", "favourited"), ("pin", "pinned"), ("mute", "muted")):
        assert (await of(robin, f"status_{act}", made["id"]))[flag] is True
    assert [status["id"] for status in await of(robin, "bookmarks")] == [made["id"]]
    assert [status["id"] for status in await of(robin, "favourites")] == [made["id"]]
    assert [status["id"] for status in await of(robin, "statuses", [made["id"]])] == [made["id"]]
    pinned = await of(robin, "account_statuses", made["account"]["id"], pinned=True)
    assert [status["id"] for status in pinned] == [made["id"]]
    for act, flag in (
        ("unbookmark", "bookmarked"),
        ("unfavourite", "favourited"),
        ("unpin", "pinned"),
        ("unmute", "muted"),
    ):
        assert (await of(robin, f"status_{act}", made["id"]))[flag] is False
    assert await of(robin, "status_favourited_by", made["id"]) == []
    assert await of(robin, "status_reblogged_by", made["id"]) == []


async def test_it_pages_through_bookmarks(robin: Mastodon) -> None:
    for number in range(3):
        made = await of(robin, "status_post", f"n{number}")
        await of(robin, "status_bookmark", made["id"])
    first = await of(robin, "bookmarks", limit=2)
    assert [status["content"] for status in first] == ["<p>n2</p>", "<p>n1</p>"]
    assert [status["content"] for status in await of(robin, "fetch_next", first)] == ["<p>n0</p>"]


async def test_it_asks_and_votes(live: LoopbackServer, client: httpx.AsyncClient, robin: Mastodon) -> None:
    poll = await of(robin, "make_poll", ["Monday", "Friday"], 3_600, multiple=True)
    asked = await of(robin, "status_post", "When?", poll=poll)
    assert asked["poll"]["expires_at"] > datetime.now(UTC)
    await person_on(live, "kim")
    token = await token_for(client, "kim")
    kim = await off(lambda: Mastodon(access_token=token, api_base_url=f"http://{live.domain}"))
    voted = await of(kim, "poll_vote", asked["poll"]["id"], [0, 1])
    assert (voted["own_votes"], voted["voters_count"]) == ([0, 1], 1)
    assert await of(kim, "poll", asked["poll"]["id"]) == voted
    with pytest.raises(MastodonAPIError, match="already voted"):
        await of(kim, "poll_vote", asked["poll"]["id"], 0)


async def test_it_schedules(robin: Mastodon) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    made = await of(robin, "status_post", "Tomorrow", scheduled_at=tomorrow, visibility="private")
    assert made["params"]["visibility"] == "private"
    assert [status["id"] for status in await of(robin, "scheduled_statuses")] == [made["id"]]
    moved = await of(robin, "scheduled_status_update", made["id"], tomorrow + timedelta(days=1))
    assert moved["scheduled_at"] > made["scheduled_at"]
    assert (await of(robin, "scheduled_status", made["id"]))["id"] == made["id"]
    await of(robin, "scheduled_status_delete", made["id"])
    assert await of(robin, "scheduled_statuses") == []
