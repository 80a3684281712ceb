"""Hashtags by themselves. How much others use one is not told: the few who do would show."""

from typing import Any

from server.mastodon.entities.base import Entity


class FullTag(Entity):
    """A hashtag, and how one stands to it."""

    id: str
    name: str
    url: str
    history: list[Any] = []
    following: bool = False
    featuring: bool = False


class FeaturedTag(Entity):
    """A hashtag on a profile. The count is of the newest open posts."""

    id: str
    name: str
    url: str
    statuses_count: str
    last_status_at: str | None
