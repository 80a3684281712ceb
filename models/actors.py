"""Actors: those this server speaks for, and what it remembers of those on others."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from models.base import UNORDERED, blind_index, identifier, moment, sealed


class LocalActor(SQLModel, table=True):
    """An actor of this server: a person, a movement or circle (Group), a voice (Service), or the instance itself.

    The handle is unique over all kinds, lower-case, and never used again: a deleted actor's row stays, blanked.
    `sealed_keys` holds the private RSA and Ed25519 keys. After a change of keys, until `former_until`, it holds the
    former RSA key as well, and `former_multikey` is still listed; `proof_key_number` is part of the current one's id.
    `fields` are the rows of the profile as JSON: a list of pairs of name and value.
    """

    __tablename__ = "local_actors"

    id: str = identifier()
    kind: str = Field(max_length=16)
    handle: str = Field(max_length=64, unique=True)
    name: str = Field(default="", max_length=200)
    summary: str = Field(default="", max_length=20_000)
    fields: str = Field(default="[]", max_length=8_000, sa_column_kwargs={"server_default": "[]"})
    locked: bool = False
    discoverable: bool = False
    state: str = Field(default="active", max_length=16)
    public_key_pem: str = Field(max_length=2_000)
    ed25519_multikey: str = Field(max_length=64)
    sealed_keys: bytes | None = sealed(nullable=True)
    keys_made_on: date
    proof_key_number: int = 1
    former_multikey: str | None = Field(default=None, max_length=64)
    former_until: datetime | None = moment(nullable=True, index=True)
    picture_id: str | None = Field(default=None, max_length=26)
    banner_id: str | None = Field(default=None, max_length=26)
    created_on: date
    deleted_at: datetime | None = moment(nullable=True)


class RemoteActor(SQLModel, table=True):
    """What we know of an actor elsewhere. Sealed whole, its host too: some are known only because they are members.

    `uri_index` is labelled `remote_actors.uri`, `handle_index` `remote_actors.handle` (over `user@host`). `fetched_at`
    is rounded down to the minute; on `review_on` it is looked at whether anybody here still needs the actor.
    """

    __tablename__ = "remote_actors"
    __table_args__ = UNORDERED

    uri_index: bytes = blind_index(primary_key=True)
    handle_index: bytes | None = blind_index(nullable=True)
    state: str = Field(default="active", max_length=16)
    sealed_document: bytes | None = sealed(nullable=True)
    fetched_at: datetime = moment(index=True)
    review_on: date = Field(index=True)


class RemoteKey(SQLModel, table=True):
    """Which actor owns a public key, confirmed from both sides. `key_index` is labelled `remote_keys.id`."""

    __tablename__ = "remote_keys"
    __table_args__ = UNORDERED

    key_index: bytes = blind_index(primary_key=True)
    owner_index: bytes = Field(foreign_key="remote_actors.uri_index", ondelete="CASCADE", index=True)
