"""What somebody is told: notifications, how they want them, direct conversations, and where pushes go."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import DIGEST_LENGTH, UNORDERED, blind_index, identifier, moment, sealed


class Notification(SQLModel, table=True):
    """That something happened, for one receiver. Which, by whom and when is sealed.

    `number` is the id that clients see: it orders the notifications of one receiver, and says no more of the time than
    the day. Indexes: `receiver_index` is labelled `notifications.receiver`; `sender_index` (`notifications.sender`),
    `post_index` (`notifications.post`, over the id of the post's row) and `deed_index` (`notifications.deed`, over
    kind, sender and post) find what was taken back. A row whose record is gone holds a number that must not come again.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("receiver_index", "number"),
        UniqueConstraint("receiver_index", "deed_index"),
        UNORDERED,
    )

    id: str = identifier()
    receiver_index: bytes = blind_index(index=False)
    number: int = Field(sa_column=Column(BigInteger(), nullable=False, index=True))
    sender_index: bytes | None = blind_index(nullable=True)
    post_index: bytes | None = blind_index(nullable=True)
    deed_index: bytes | None = blind_index(nullable=True, index=False)
    sealed_record: bytes | None = sealed(nullable=True)


class NotificationPolicy(SQLModel, table=True):
    """What somebody wants to be told of. `receiver_index` is labelled `notification_policies.receiver`."""

    __tablename__ = "notification_policies"
    __table_args__ = UNORDERED

    receiver_index: bytes = blind_index(primary_key=True)
    sealed_record: bytes = sealed()


class Conversation(SQLModel, table=True):
    """Direct posts of one thread among the same people, as one of them sees it.

    `number` orders the conversations of one owner, as in `Notification`. `owner_index` is labelled
    `conversations.owner`, `thread_index` (`conversations.thread`) is over owner, root and people.
    """

    __tablename__ = "conversations"
    __table_args__ = (UniqueConstraint("owner_index", "number"), UNORDERED)

    id: str = identifier()
    owner_index: bytes = blind_index(index=False)
    thread_index: bytes = blind_index(unique=True)
    number: int = Field(sa_column=Column(BigInteger(), nullable=False))
    sealed_record: bytes = sealed()
    quiet_since: date = Field(index=True)


class PushSubscription(SQLModel, table=True):
    """Where pushes for one token go; it goes with the token. `owner_index` is labelled `push_subscriptions.owner`."""

    __tablename__ = "push_subscriptions"
    __table_args__ = UNORDERED

    id: str = identifier()
    token_hash: bytes = Field(
        default=None,
        sa_column=Column(
            LargeBinary(DIGEST_LENGTH),
            ForeignKey("oauth_tokens.token_hash", ondelete="CASCADE"),
            nullable=False,
            unique=True,
        ),
    )
    owner_index: bytes = blind_index()
    sealed_record: bytes = sealed()


class PushMessage(SQLModel, table=True):
    """A push on its way to one subscription. The sealed record says which notification it is about."""

    __tablename__ = "push_messages"
    __table_args__ = UNORDERED

    id: str = identifier()
    subscription_id: str = Field(foreign_key="push_subscriptions.id", ondelete="CASCADE", index=True)
    sealed_record: bytes = sealed()
    attempts: int = 0
    due: datetime = moment(index=True)
    expires_at: datetime = moment(index=True)


class VapidKey(SQLModel, table=True):
    """The key by which push services know this server (RFC 8292), made once. One row, `current`."""

    __tablename__ = "vapid_keys"

    id: str = Field(primary_key=True, max_length=16)
    public_key: str = Field(max_length=100)
    sealed_key: bytes = sealed()
