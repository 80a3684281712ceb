"""Statuses: posts and boosts, as their viewer sees them."""

from typing import Any

from server.mastodon.entities.account import Account
from server.mastodon.entities.base import Entity, Moment
from server.mastodon.entities.filter import FilterResult
from server.mastodon.entities.media import MediaAttachment
from server.mastodon.entities.poll import Poll


class Mention(Entity):
    """Somebody whom a status names."""

    id: str
    username: str
    acct: str
    url: str


class Tag(Entity):
    """A hashtag in a status."""

    name: str
    url: str


class Program(Entity):
    """With which program a status was written. Never told of: it says something about its author."""

    name: str
    website: str | None = None


class Status(Entity):
    """A post, or a boost that holds the post in `reblog`."""

    id: str
    uri: str
    url: str | None
    created_at: Moment
    edited_at: Moment | None = None
    account: Account
    content: str
    visibility: str
    sensitive: bool = False
    spoiler_text: str = ""
    language: str | None = None
    in_reply_to_id: str | None = None
    in_reply_to_account_id: str | None = None
    reblog: "Status | None" = None
    media_attachments: list[MediaAttachment] = []
    mentions: list[Mention] = []
    tags: list[Tag] = []
    emojis: list[Any] = []
    card: Any | None = None
    poll: Poll | None = None
    quote: Any | None = None
    application: Program | None = None
    replies_count: int = 0
    reblogs_count: int = 0
    favourites_count: int = 0
    quotes_count: int = 0
    favourited: bool = False
    reblogged: bool = False
    muted: bool = False
    bookmarked: bool = False
    pinned: bool = False
    filtered: list[FilterResult] = []
    text: str | None = None


class StatusEdit(Entity):
    """What a status said from a moment on."""

    content: str
    spoiler_text: str
    sensitive: bool
    created_at: Moment
    account: Account
    poll: dict[str, Any] | None = None
    media_attachments: list[Any] = []
    emojis: list[Any] = []
    quote: Any | None = None


class StatusSource(Entity):
    """What a status was made from."""

    id: str
    text: str
    spoiler_text: str


class Context(Entity):
    """The thread around a status."""

    ancestors: list[Status]
    descendants: list[Status]
