"""Pictures that were uploaded here."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.base import UNORDERED, blind_index, identifier, moment, sealed


class Medium(SQLModel, table=True):
    """One picture in two sizes, whose files are sealed with keys of their own in `sealed_record`.

    Without the row its files open no more. `owner_index` is labelled `media.owner`, over the actor's id. One that hangs
    on nothing goes when it `expires_at`.
    """

    __tablename__ = "media"
    __table_args__ = UNORDERED

    id: str = identifier()
    owner_index: bytes = blind_index()
    post_id: str | None = Field(default=None, foreign_key="posts.id", ondelete="CASCADE", index=True)
    sealed_record: bytes = sealed()
    expires_at: datetime | None = moment(nullable=True, index=True)
