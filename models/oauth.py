"""Client programs, what people allowed them, and what they did just now."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from models.base import UNORDERED, blind_index, digest, identifier, moment, sealed


class OAuthApp(SQLModel, table=True):
    """A client program as it registered itself. Its `id` is the client id; of the secret there is a hash.

    `redirect_uris` and `scopes` are separated by blanks.
    """

    __tablename__ = "oauth_apps"

    id: str = identifier()
    secret_hash: bytes = digest()
    name: str = Field(max_length=200)
    website: str | None = Field(default=None, max_length=2_000)
    redirect_uris: str = Field(max_length=8_000)
    scopes: str = Field(max_length=2_000)
    made_on: date = Field(index=True)


class OAuthCode(SQLModel, table=True):
    """What is presented once, within minutes: the ticket of a page on which somebody decides, or a code.

    The sealed grant says who, as whom, and what. A code that was spent keeps the hash of its token until it expires:
    presented again, that token goes too.
    """

    __tablename__ = "oauth_codes"
    __table_args__ = UNORDERED

    code_hash: bytes = digest(primary_key=True)
    sealed_grant: bytes = sealed()
    token_hash: bytes | None = digest(nullable=True)
    expires_at: datetime = moment(index=True)


class OAuthToken(SQLModel, table=True):
    """A bearer token, by its hash. Who holds it, and as whom it speaks, is sealed.

    `owner_index` (label `oauth_tokens.owner`) finds a person's tokens, `speaker_index` (`oauth_tokens.speaker`) those
    that speak as one actor; a program's own token has neither. `id` is what its owner sees and revokes it by.
    """

    __tablename__ = "oauth_tokens"
    __table_args__ = UNORDERED

    token_hash: bytes = digest(primary_key=True)
    id: str = Field(max_length=26, unique=True)
    app_id: str = Field(foreign_key="oauth_apps.id", ondelete="CASCADE", index=True)
    owner_index: bytes | None = blind_index(nullable=True)
    speaker_index: bytes | None = blind_index(nullable=True)
    sealed_grant: bytes = sealed()
    made_on: date
    used_on: date = Field(index=True)


class IdempotencyKey(SQLModel, table=True):
    """That a client did a thing under a key of its own, for an hour, and sealed what it made.

    `key_index` is labelled `idempotency_keys.key`, over the hash of the token and the key.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = UNORDERED

    key_index: bytes = blind_index(primary_key=True)
    sealed_answer: bytes | None = sealed(nullable=True)
    expires_at: datetime = moment(index=True)
