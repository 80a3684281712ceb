"""The server itself, as clients ask for it before anything else."""

from typing import Any

from server.mastodon.entities.account import Account
from server.mastodon.entities.base import Entity


class Urls(Entity):
    """Where events come from."""

    streaming: str


class Configuration(Entity):
    """The limits that clients keep to."""

    urls: Urls
    accounts: dict[str, int]
    statuses: dict[str, int]
    media_attachments: dict[str, Any]
    polls: dict[str, int]
    translation: dict[str, bool] = {"enabled": False}
    vapid: dict[str, str]
    timelines_access: dict[str, Any] = {
        "live_feeds": {"local": "public", "remote": "public"},
        "hashtag_feeds": {"local": "public", "remote": "public"},
        "trending_link_feeds": {"local": "disabled", "remote": "disabled"},
    }
    limited_federation: bool = False


class Instance(Entity):
    """`GET /api/v2/instance`."""

    domain: str
    title: str
    version: str
    source_url: str
    description: str
    usage: dict[str, Any] = {"users": {"active_month": 0}}
    thumbnail: dict[str, Any]
    icon: list[Any] = []
    languages: list[str] = ["en"]
    configuration: Configuration
    registrations: dict[str, Any]
    api_versions: dict[str, int]
    contact: dict[str, Any]
    rules: list[Any] = []


class V1Instance(Entity):
    """`GET /api/v1/instance`."""

    uri: str
    title: str
    short_description: str
    description: str
    email: str
    version: str
    urls: dict[str, str]
    stats: dict[str, int]
    thumbnail: str
    languages: list[str] = ["en"]
    registrations: bool = False
    approval_required: bool = False
    invites_enabled: bool = False
    configuration: Configuration
    contact_account: Account | None = None
    rules: list[Any] = []
