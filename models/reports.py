"""Reports received from elsewhere."""

from datetime import date

from sqlmodel import Field, SQLModel

from models.base import blind_index, identifier, sealed


class Report(SQLModel, table=True):
    """A Flag about one of our actors. `activity_index` is labelled `reports.activity`."""

    __tablename__ = "reports"

    id: str = identifier()
    activity_index: bytes = blind_index(unique=True)
    host: str = Field(max_length=253)
    sealed_record: bytes = sealed()
    state: str = Field(default="open", max_length=16)
    received_on: date
