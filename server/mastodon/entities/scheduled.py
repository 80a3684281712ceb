"""What is going to be said, as its author put it."""

from typing import Any

from server.mastodon.entities.base import Entity, Moment


class Params(Entity):
    """What a client sent, without what only it knows."""

    application_id: int = 0
    text: str
    visibility: str
    with_rate_limit: bool = False
    idempotency: str | None = None
    in_reply_to_id: int | None = None
    language: str | None = None
    media_ids: list[str] | None = None
    poll: dict[str, Any] | None = None
    scheduled_at: str | None = None
    sensitive: bool = False
    spoiler_text: str | None = None


class ScheduledStatus(Entity):
    """A status before its time."""

    id: str
    scheduled_at: Moment
    params: Params
    media_attachments: list[Any] = []
