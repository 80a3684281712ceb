"""Follow edges, and the servers that were left behind: readable only with the key."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import UNORDERED, blind_index, identifier, moment, sealed


class Follow(SQLModel, table=True):
    """One edge, in either direction and between any two actors, local or remote.

    `follower_index` (label `follows.follower`) finds all that one actor follows, `followee_index` (label
    `follows.followee`) all followers of one; the labels differ, so the two columns cannot be joined without the
    key. `activity_index` (label `follows.activity`) finds the edge by the id of its Follow, `host_index` (label
    `follows.host`, over followee and the follower's host) all followers of one on one server. The sealed edge holds
    both URIs, the id of the Follow, and where the follower receives: `inbox` and `shared_inbox`.
    States: requested → accepted.
    """

    __tablename__ = "follows"
    __table_args__ = (
        UniqueConstraint("follower_index", "followee_index"),
        Index("ix_follows_followee_index_host_index", "followee_index", "host_index"),
        UNORDERED,
    )

    id: str = identifier()
    follower_index: bytes = blind_index()
    followee_index: bytes = blind_index()
    activity_index: bytes = blind_index()
    host_index: bytes | None = blind_index(nullable=True)
    sealed_edge: bytes = sealed()
    state: str = Field(max_length=16)
    since: date


class Departure(SQLModel, table=True):
    """A server that somebody who followed or belonged to an actor here has left: it still holds what it was sent.

    `place_index` (label `departures.place`) is over the actor, the registrable domain and one of twenty numbers,
    `actor_index` labelled `departures.actor`. The sealed record holds an inbox on that server, through which a Delete
    reaches it, and the moment; `left_at` is that moment rounded up to the day.
    """

    __tablename__ = "departures"
    __table_args__ = UNORDERED

    place_index: bytes = blind_index(primary_key=True)
    actor_index: bytes = blind_index()
    sealed_record: bytes = sealed()
    left_at: datetime = moment()
    delete_after: datetime = moment(index=True)
