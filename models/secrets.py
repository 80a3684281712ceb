"""Wrapped keys and the few settings that must live beside the data."""

from sqlmodel import Field, SQLModel

from models.base import sealed


class DataKey(SQLModel, table=True):
    """A data key, wrapped by the root key. Deleting the row shreds all that was sealed with it."""

    __tablename__ = "data_keys"

    id: str = Field(primary_key=True, max_length=32)
    scope: str = Field(unique=True, max_length=64)
    wrapped: bytes = sealed()


class ServerSetting(SQLModel, table=True):
    """A value chosen once, such as the domain."""

    __tablename__ = "server_settings"

    name: str = Field(primary_key=True, max_length=64)
    value: str = Field(max_length=2_000)
