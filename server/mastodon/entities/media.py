"""Media that hang on statuses."""

from typing import Any

from server.mastodon.entities.base import Entity


class MediaAttachment(Entity):
    """A picture, or something else of which clients are told where it is."""

    id: str
    type: str
    url: str | None
    preview_url: str | None
    remote_url: str | None = None
    preview_remote_url: str | None = None
    text_url: str | None = None
    meta: dict[str, Any]
    description: str | None = None
    blurhash: str | None = None
