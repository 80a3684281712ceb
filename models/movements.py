"""Movements, their circles, and who belongs to a circle."""

from datetime import date

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import UNORDERED, blind_index, identifier, sealed


class Movement(SQLModel, table=True):
    """A public-facing Group actor that anyone may follow. Posture is quiet, members or public."""

    __tablename__ = "movements"

    actor_id: str = Field(primary_key=True, foreign_key="local_actors.id")
    posture: str = Field(default="quiet", max_length=16)
    topics: str = Field(default="", max_length=500)


class Circle(SQLModel, table=True):
    """A locked Group actor of a movement; every movement has one whose `purpose` is `members`."""

    __tablename__ = "circles"
    __table_args__ = (UniqueConstraint("movement_id", "purpose"),)

    actor_id: str = Field(primary_key=True, foreign_key="local_actors.id")
    movement_id: str = Field(foreign_key="movements.actor_id", index=True)
    purpose: str = Field(default="members", max_length=64)


class AuditEntry(SQLModel, table=True):
    """What an organizer did as a movement or circle, for three months. Who and what are sealed.

    `actor_index` is labelled `audit_entries.actor`, over the id of the actor in whose name it was done.
    """

    __tablename__ = "audit_entries"
    __table_args__ = UNORDERED

    id: str = identifier()
    actor_index: bytes = blind_index()
    sealed_record: bytes = sealed()
    made_on: date = Field(index=True)


class Membership(SQLModel, table=True):
    """A person's place in a circle of this server, or a local person's place in a group elsewhere.

    `group_index` is labelled `memberships.group`; `member_index`, labelled `memberships.member`, is keyed for the
    server and not for the movement, so that all of a person's circles are found at once; `host_index`
    (`memberships.host`, over group and the member's host) finds a group's members on one server. The sealed record
    holds group and member URIs, role, way in (`follow`, `join`, `invite`, `local`), the id of the activity that asked,
    and where the member receives. States: invited, applied, active. A membership that ended leaves no row.
    """

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("group_index", "member_index"), UNORDERED)

    id: str = identifier()
    group_index: bytes = blind_index()
    member_index: bytes = blind_index()
    activity_index: bytes | None = blind_index(nullable=True)
    host_index: bytes | None = blind_index(nullable=True)
    sealed_record: bytes = sealed()
    state: str = Field(max_length=16)
    since: date
