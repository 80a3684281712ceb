"""Accounts, and how one stands to another."""

from typing import Any

from pydantic import Field as Name

from server.mastodon.entities.base import Entity, Moment


class Field(Entity):
    """A line of a profile."""

    name: str
    value: str
    verified_at: Moment | None = None


class Account(Entity):
    """An actor, local or remote. Counts of people are zero where they are nobody else's business (PRODUCT.md)."""

    id: str
    username: str
    acct: str
    display_name: str
    locked: bool
    bot: bool
    group: bool
    discoverable: bool
    indexable: bool = False
    noindex: bool = True
    hide_collections: bool = True
    limited: bool = False
    created_at: Moment
    note: str
    url: str
    uri: str
    avatar: str
    avatar_static: str
    avatar_description: str = ""
    header: str
    header_static: str
    header_description: str = ""
    followers_count: int = 0
    following_count: int = 0
    statuses_count: int = 0
    last_status_at: str | None = None
    emojis: list[Any] = []
    fields: list[Field] = []
    roles: list[Any] = []
    moved: "Account | None" = None


class MutedAccount(Account):
    """An account that one muted, and until when."""

    mute_expires_at: Moment | None = None


class Source(Entity):
    """What somebody typed into their own profile, and how they post unless they say otherwise."""

    privacy: str
    sensitive: bool = False
    language: str | None = None
    note: str
    fields: list[Field] = []
    follow_requests_count: int = 0
    hide_collections: bool = True
    discoverable: bool = False
    indexable: bool = False
    quote_policy: str = "nobody"


class Role(Entity):
    """What somebody may do on this server: nothing that a client could ask for."""

    id: str = "-99"
    name: str = ""
    color: str = ""
    permissions: str = "0"
    highlighted: bool = False


class CredentialAccount(Account):
    """One's own account."""

    source: Source
    role: Role = Role()


class Relationship(Entity):
    """How one stands to another account."""

    id: str
    following: bool = False
    showing_reblogs: bool = False
    notifying: bool = False
    languages: list[str] | None = None
    followed_by: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False
    muting_notifications: bool = False
    muting_expires_at: Moment | None = None
    requested: bool = False
    requested_by: bool = False
    domain_blocking: bool = False
    endorsed: bool = False
    note: str = ""


class FamiliarFollowers(Entity):
    """Who of those whom one follows follows an account: that is nobody's business."""

    id: str
    accounts: list[Account] = []


class Preferences(Entity):
    """How one posts and reads unless one says otherwise."""

    visibility: str = Name(serialization_alias="posting:default:visibility")
    sensitive: bool = Name(serialization_alias="posting:default:sensitive")
    language: str | None = Name(serialization_alias="posting:default:language")
    quote_policy: str = Name("nobody", serialization_alias="posting:default:quote_policy")
    media: str = Name("default", serialization_alias="reading:expand:media")
    spoilers: bool = Name(False, serialization_alias="reading:expand:spoilers")
    gifs: bool = Name(False, serialization_alias="reading:autoplay:gifs")
