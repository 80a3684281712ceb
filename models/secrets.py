"""Wrapped keys and the few settings that must live beside the data."""

from datetime import date

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.base import sealed

_CURRENT = text("retired_on IS NULL")


class DataKey(SQLModel, table=True):
    """A key wrapped by the root key. Deleting the row shreds all that was sealed with it.

    A scope has one that is current, and others that were retired and open what was sealed before. `wrapped_by` is
    the id of the root key (empty until the first start after revision 0003). The scope `index` holds the key of
    look-ups, which seals nothing.
    """

    __tablename__ = "data_keys"
    __table_args__ = (
        Index("ix_data_keys_scope_current", "scope", unique=True, sqlite_where=_CURRENT, postgresql_where=_CURRENT),
    )

    id: str = Field(primary_key=True, max_length=32)
    scope: str = Field(max_length=64)
    wrapped: bytes = sealed()
    wrapped_by: str = Field(default="", max_length=32)
    made_on: date
    retired_on: date | None = None


class ServerSetting(SQLModel, table=True):
    """A value chosen once, such as the domain."""

    __tablename__ = "server_settings"

    name: str = Field(primary_key=True, max_length=64)
    value: str = Field(max_length=2_000)
