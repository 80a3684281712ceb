"""What every table shares: constraint names, aware datetimes, and the two kinds of secret column."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, LargeBinary, MetaData
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention

ID_LENGTH = 26
"""Characters of a random 128-bit identifier in lower-case base32."""

INDEX_LENGTH = 16
"""Bytes of a keyed blind index (HMAC-SHA256, truncated)."""

DIGEST_LENGTH = 32
"""Bytes of the hash of a random secret (SHA-256)."""


UNORDERED = {"sqlite_with_rowid": False}
"""Table arguments: SQLite would keep the order in which rows came; two tables side by side would tell who is who."""


class AwareDateTime(TypeDecorator[datetime]):
    """A moment in UTC, the same on SQLite (which forgets zones) and PostgreSQL.

    Raises `ValueError` when a naive datetime is bound: a moment without a zone is a bug, never a default.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Converts to UTC before it is stored."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Gives back what was stored, always aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def identifier(*, primary_key: bool = True) -> Any:
    """A random 128-bit id as text: says nothing of when or in which order it was made."""
    return Field(primary_key=primary_key, max_length=ID_LENGTH)


def moment(*, nullable: bool = False, index: bool = False) -> Any:
    """A column of aware datetimes."""
    return Field(default=None, sa_column=Column(AwareDateTime(), nullable=nullable, index=index))


def sealed(*, nullable: bool = False) -> Any:
    """Ciphertext: opened only with the data key of its scope, and only at its own table, column and row."""
    return Field(default=None, sa_column=Column(LargeBinary(), nullable=nullable))


def blind_index(*, primary_key: bool = False, unique: bool = False, index: bool = True, nullable: bool = False) -> Any:
    """A keyed hash that answers "equal to this?" and nothing else to whoever lacks the key."""
    column: Column[bytes] = Column(
        LargeBinary(INDEX_LENGTH),
        primary_key=primary_key,
        unique=unique or None,
        index=(index and not primary_key and not unique) or None,
        nullable=nullable,
    )
    return Field(default=None, sa_column=column)


def digest(*, primary_key: bool = False, nullable: bool = False) -> Any:
    """What is kept of a random secret that somebody else holds: enough to know it again, and no more."""
    return Field(default=None, sa_column=Column(LargeBinary(DIGEST_LENGTH), primary_key=primary_key, nullable=nullable))
