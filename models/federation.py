"""State of the wire: what came in, what goes out, and what is known of other servers."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Index, Integer
from sqlmodel import Field, SQLModel

from models.base import ID_LENGTH, UNORDERED, blind_index, identifier, moment, sealed


class InboxItem(SQLModel, table=True):
    """An activity answered 202. Once processed, all that stays is `activity_index`, to recognise repeats.

    `activity_index` is labelled `inbox_items.activity`, over signer origin and activity id. The sealed body holds
    the bytes, the verified signer and the inbox it came to. `host` is the signer's, `domain` the registrable domain
    above it, `size` that of the sealed body in bytes. States: waiting → done | dead. A done item has no body and no
    host, and its moments are rounded to the day: where and when something came in would tell from whom.
    """

    __tablename__ = "inbox_items"
    __table_args__ = (
        Index("ix_inbox_items_state_due", "state", "due"),
        Index("ix_inbox_items_domain_state", "domain", "state", "size"),
    )

    id: str = identifier()
    activity_index: bytes = blind_index(unique=True)
    host: str = Field(max_length=253)
    domain: str = Field(max_length=253)
    size: int = 0
    sealed_body: bytes | None = sealed(nullable=True)
    state: str = Field(default="waiting", max_length=16)
    outcome: str | None = Field(default=None, max_length=16)
    attempts: int = 0
    due: datetime = moment()
    received_at: datetime = moment()
    delete_after: datetime | None = moment(nullable=True, index=True)


class OutboxItem(SQLModel, table=True):
    """An activity on its way out: the exact bytes, sealed, kept until the last of its deliveries ended.

    With `with_former_key` it is signed, when it is first tried, with the key that its sender had before.
    """

    __tablename__ = "outbox_items"

    id: str = identifier()
    sender_id: str = Field(foreign_key="local_actors.id")
    sealed_payload: bytes = sealed()
    with_former_key: bool = False
    created_at: datetime = moment()


class Delivery(SQLModel, table=True):
    """One activity for one inbox. Deleted once delivered; `state` is waiting or dead.

    Rows of the same `order_index` (label `deliveries.order`, over object and inbox) leave in order of `number`.
    `synchronize_followers` is set when the followers of the sender are to be synchronised (FEP-8fcf).
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_host_state_due", "host", "state", "due"),)

    number: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    )
    item_id: str = Field(foreign_key="outbox_items.id", ondelete="CASCADE", index=True, max_length=ID_LENGTH)
    host: str = Field(max_length=253)
    sealed_inbox: bytes = sealed()
    order_index: bytes = blind_index()
    synchronize_followers: bool = False
    state: str = Field(default="waiting", max_length=16)
    attempts: int = 0
    due: datetime = moment()
    delete_after: datetime | None = moment(nullable=True)


class Fanout(SQLModel, table=True):
    """An activity on its way to many followers, whose deliveries are still being written, a part at a time.

    `about_index` (label `fanouts.about`, over sender and object) finds what a Delete makes pointless. The sealed job
    says whose followers, and how they are reached. `done_up_to` is the host index of the last server that has its
    deliveries. Worked off in order of `number`; a lease ends by itself.
    """

    __tablename__ = "fanouts"

    number: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    )
    item_id: str = Field(foreign_key="outbox_items.id", ondelete="CASCADE", index=True, max_length=ID_LENGTH)
    about_index: bytes = blind_index()
    sealed_job: bytes = sealed()
    done_up_to: bytes | None = blind_index(index=False, nullable=True)
    lease_until: datetime | None = moment(nullable=True)


class RemoteHost(SQLModel, table=True):
    """What is known of a server: its lane's lease, its health, and the signature form it accepts."""

    __tablename__ = "remote_hosts"
    __table_args__ = (Index("ix_remote_hosts_due", "due"), UNORDERED)

    host: str = Field(primary_key=True, max_length=253)
    due: datetime | None = moment(nullable=True)
    lease_holder: str | None = Field(default=None, max_length=ID_LENGTH)
    lease_until: datetime | None = moment(nullable=True)
    failures: int = 0
    failing_since: datetime | None = moment(nullable=True)
    paused_until: datetime | None = moment(nullable=True)
    signature_spec: str | None = Field(default=None, max_length=16)
    spec_learned_at: datetime | None = moment(nullable=True)
    software: str | None = Field(default=None, max_length=100)
    speaks_groups: bool = False
    last_seen_on: date | None = None


class DomainBlock(SQLModel, table=True):
    """A domain, with all below it, that this server neither hears nor speaks to."""

    __tablename__ = "domain_blocks"

    domain: str = Field(primary_key=True, max_length=253)
    since: date


class Budget(SQLModel, table=True):
    """How much of one kind (follow, invite, …) one domain sent in the running window; worthless after `ends_at`.

    `index` is labelled `budgets.kind`, over kind and domain: which server asked to join is nobody's business.
    """

    __tablename__ = "budgets"
    __table_args__ = UNORDERED

    index: bytes = blind_index(primary_key=True)
    spent: int = 0
    ends_at: datetime = moment(index=True)


class Tombstone(SQLModel, table=True):
    """A Delete that came before what it deletes. `index` is labelled `tombstones.object`, over actor and object."""

    __tablename__ = "tombstones"
    __table_args__ = UNORDERED

    index: bytes = blind_index(primary_key=True)
    expires_at: datetime = moment(index=True)


class ActivityTally(SQLModel, table=True):
    """How many activities of a verb ended how, by day; unknown verbs count as Unrecognized."""

    __tablename__ = "activity_tallies"

    day: date = Field(primary_key=True)
    verb: str = Field(primary_key=True, max_length=32)
    outcome: str = Field(primary_key=True, max_length=16)
    count: int = 0
