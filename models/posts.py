"""Posts, local and remote; their earlier versions and polls; reactions to them, and what people noted of them."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import UNORDERED, blind_index, identifier, moment, sealed


class Post(SQLModel, table=True):
    """One Note (or Article, Page, Question, Event shown as a post).

    Exactly one of `document` (audience public or unlisted) and `sealed_document` (everything narrower) holds the
    content; both are empty in a tombstone. `number` orders posts and is the id that clients see. Indexes:
    `uri_index`, `parent_index` and `root_index` share the label `posts.uri`, so that a thread is one query;
    `author_index` is `posts.author` for open and `posts.sealed_author` for sealed posts, so that open ones do not
    tell who wrote the others; `group_index` (the circle or movement it was posted in) is `posts.group`. A post by a
    stranger has a day, `review_on`, on which it goes unless somebody here came to need it, and a `domain_index` (label
    `posts.domain`, over the registrable domain), so that whoever sends most has to make room. One of our own that its
    author pinned has the moment of that.
    """

    __tablename__ = "posts"
    __table_args__ = (CheckConstraint("document IS NULL OR sealed_document IS NULL", name="ck_posts_one_document"),)

    id: str = identifier()
    number: int = Field(sa_column=Column(BigInteger(), nullable=False, unique=True))
    local: bool = False
    uri_index: bytes = blind_index(unique=True)
    author_index: bytes = blind_index()
    group_index: bytes | None = blind_index(nullable=True)
    parent_index: bytes | None = blind_index(nullable=True)
    root_index: bytes | None = blind_index(nullable=True)
    audience: str = Field(max_length=16)
    kind: str = Field(default="Note", max_length=16)
    document: str | None = Field(default=None)
    sealed_document: bytes | None = sealed(nullable=True)
    published_at: datetime = moment(index=True)
    deleted_at: datetime | None = moment(nullable=True)
    review_on: date | None = Field(default=None, index=True)
    domain_index: bytes | None = blind_index(nullable=True)
    pinned_at: datetime | None = moment(nullable=True)


class PostEdit(SQLModel, table=True):
    """What a post said before it was edited, kept as the post is: plain when anyone may read it, else sealed."""

    __tablename__ = "post_edits"
    __table_args__ = (
        CheckConstraint("document IS NULL OR sealed_document IS NULL", name="ck_post_edits_one_document"),
    )

    id: str = identifier()
    post_id: str = Field(foreign_key="posts.id", ondelete="CASCADE", index=True)
    number: int = Field(sa_column=Column(BigInteger(), nullable=False))
    document: str | None = Field(default=None)
    sealed_document: bytes | None = sealed(nullable=True)


class Poll(SQLModel, table=True):
    """A poll of ours: when it ends, whether that was noticed, and sealed how many voted for what."""

    __tablename__ = "polls"

    post_id: str = Field(primary_key=True, foreign_key="posts.id", ondelete="CASCADE", max_length=26)
    ends_at: datetime = moment(index=True)
    closed_at: datetime | None = moment(nullable=True)
    sealed_tally: bytes = sealed()


class Vote(SQLModel, table=True):
    """What one actor chose in one poll, sealed. `poll_index` is labelled `votes.poll`, over the id of the post's row,
    `voter_index` `votes.voter`."""

    __tablename__ = "votes"
    __table_args__ = (UniqueConstraint("poll_index", "voter_index"), UNORDERED)

    id: str = identifier()
    poll_index: bytes = blind_index()
    voter_index: bytes = blind_index()
    sealed_record: bytes = sealed()


class Mark(SQLModel, table=True):
    """What a local actor noted of a post for itself: a bookmark, or that it wants to hear no more of a thread.

    Sealed is who, what and which. `owner_index` (label `marks.owner`) is over owner and kind, `mark_index`
    (`marks.mark`) over owner, kind and subject, `subject_index` (`marks.subject`) over the subject.
    """

    __tablename__ = "marks"
    __table_args__ = UNORDERED

    id: str = identifier()
    number: int = Field(sa_column=Column(BigInteger(), nullable=False, unique=True))
    owner_index: bytes = blind_index()
    mark_index: bytes = blind_index(unique=True)
    subject_index: bytes = blind_index()
    sealed_record: bytes = sealed()


class ScheduledPost(SQLModel, table=True):
    """What an actor is going to say, sealed, and when. `owner_index` is labelled `scheduled_posts.owner`."""

    __tablename__ = "scheduled_posts"
    __table_args__ = UNORDERED

    id: str = identifier()
    number: int = Field(sa_column=Column(BigInteger(), nullable=False, unique=True))
    owner_index: bytes = blind_index()
    due_at: datetime = moment(index=True)
    sealed_record: bytes = sealed()


class Reaction(SQLModel, table=True):
    """A boost (Announce) or a like of a post. Who it was is sealed; one of a kind per actor and post.

    `actor_index` is labelled `reactions.actor`, `activity_index` `reactions.activity`.
    """

    __tablename__ = "reactions"
    __table_args__ = (UniqueConstraint("post_id", "kind", "actor_index"),)

    id: str = identifier()
    number: int = Field(sa_column=Column(BigInteger(), nullable=False, unique=True))
    post_id: str = Field(foreign_key="posts.id", ondelete="CASCADE", index=True)
    kind: str = Field(max_length=16)
    local: bool = False
    actor_index: bytes = blind_index()
    activity_index: bytes = blind_index()
    sealed_record: bytes = sealed()
    published_at: datetime = moment()
