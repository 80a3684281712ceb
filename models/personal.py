"""What local actors keep for themselves."""

from datetime import date

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import UNORDERED, blind_index, identifier, sealed


class PersonalRecord(SQLModel, table=True):
    """One thing that an actor here keeps for itself: a block, a mute, a note, a list, a filter, a marker, a tag…

    Which of these it is, whose, and about whom, is sealed. `shelf_index` (label `personal_records.shelf`, over kind
    and owner) finds all of one kind that one actor keeps, `about_index` (`personal_records.about`, over kind and
    whatever it is about) who keeps something about one actor. From `expires_on` on it means nothing.
    """

    __tablename__ = "personal_records"
    __table_args__ = (UniqueConstraint("shelf_index", "about_index"), UNORDERED)

    id: str = identifier()
    shelf_index: bytes = blind_index()
    about_index: bytes = blind_index()
    sealed_record: bytes = sealed()
    expires_on: date | None = Field(default=None, index=True)
