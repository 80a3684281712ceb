"""Follow edges: who follows whom, readable only with the key."""

from datetime import date

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import blind_index, identifier, sealed


class Follow(SQLModel, table=True):
    """One edge, in either direction and between any two actors, local or remote.

    `follower_index` (label `follows.follower`) finds all that one actor follows, `followee_index` (label
    `follows.followee`) all followers of one; the labels differ, so the two columns cannot be joined without the
    key. `activity_index` (label `follows.activity`) finds the edge by the id of its Follow. The sealed edge holds
    both URIs, the id of the Follow, and where the follower receives: `inbox` and `shared_inbox`.
    States: requested → accepted.
    """

    __tablename__ = "follows"
    __table_args__ = (UniqueConstraint("follower_index", "followee_index"),)

    id: str = identifier()
    follower_index: bytes = blind_index()
    followee_index: bytes = blind_index()
    activity_index: bytes = blind_index()
    sealed_edge: bytes = sealed()
    state: str = Field(max_length=16)
    since: date
