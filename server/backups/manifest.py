"""What a backup says of itself: what it was made of, when, and a checksum for each part."""

import json
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from server.backups.archive import Sum
from server.backups.problem import Problem

FORMAT = 1
"""The number of this layout; a later one that this code cannot read has another."""


class Manifest(BaseModel):
    """The part `manifest.json`."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    made_at: datetime
    version: str
    """Of the Groundswell that made it."""
    revision: str
    """Of the database's schema."""
    origin: str
    """The server's public origin, as in all its ids."""
    database: Literal["sqlite", "postgresql"]
    """Where the data came from; the copy is SQLite in either case."""
    root_key: bool
    """Whether the root key is in the backup too."""
    tables: dict[str, int] = Field(repr=False)
    """Rows of each table, the wrapped keys included."""
    files: int
    """Files of the data directory beside the database."""
    parts: dict[str, Sum] = Field(repr=False)


class WrappedKey(BaseModel):
    """A row of `data_keys`; `wrapped` is hexadecimal, `more` what else its revision of the table has."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern="^[0-9a-f]{32}$")
    scope: str = Field(max_length=64)
    wrapped: str = Field(pattern="^[0-9a-f]+$")
    more: dict[str, str | None] = {}


def read_manifest(data: bytes) -> Manifest:
    """Raises `Problem` for a newer format, and for what is no manifest."""
    try:
        number = json.loads(data).get("format")
        if isinstance(number, int) and number > FORMAT:
            raise Problem(f"the backup has format {number}, and this Groundswell reads {FORMAT}: use a newer one")
        return Manifest.model_validate_json(data)
    except (ValueError, AttributeError, ValidationError) as error:
        raise Problem("the backup is damaged: its manifest cannot be read") from error


def read_keys(data: bytes) -> list[WrappedKey]:
    """Raises `Problem` for what is no list of wrapped keys."""
    try:
        return [WrappedKey.model_validate(row) for row in json.loads(data)]
    except (ValueError, TypeError, ValidationError) as error:
        raise Problem("the backup is damaged: its keys cannot be read") from error


def write_keys(keys: list[WrappedKey]) -> bytes:
    """The part `data-keys.json`."""
    return json.dumps([key.model_dump() for key in keys]).encode()


def read_configuration(data: bytes) -> dict[str, str]:
    """Settings by the names of their environment variables. Raises `Problem` for what is none."""
    try:
        return TypeAdapter(dict[str, str]).validate_json(data)
    except ValidationError as error:
        raise Problem("the backup is damaged: its settings cannot be read") from error
