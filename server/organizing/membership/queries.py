"""Reads memberships for those who may see them. To everybody else a circle has no members at all."""

from dataclasses import dataclass
from datetime import date

from federation import follows
from federation.addressing import Recipient
from federation.context import Context
from models import LocalActor
from server.organizing.following import edges
from server.organizing.membership import policy, records
from server.organizing.membership.records import Role, Way
from server.organizing.membership.states import State


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody who waits for an answer; for a person with the way `invite`, the group that waits for theirs."""

    uri: str
    way: Way
    since: date


@dataclass(frozen=True, slots=True)
class Member:
    """An active member, as organizers see them."""

    uri: str
    role: Role
    since: date


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person stands with one group."""

    group: str
    role: Role
    state: State


async def requests_of(context: Context, actor: LocalActor) -> list[Request]:
    """Who waits for an answer by this actor, oldest first. For that actor's own eyes, or a circle's organizers'."""
    own = context.origin.actor(actor.id)
    applied = await records.of_group(context, own, state=State.APPLIED)
    invited = await records.of_member(context, own, state=State.INVITED)
    waiting = [Request(record.member, record.way, record.since) for record in applied]
    waiting += [Request(record.group, Way.INVITE, record.since) for record in invited]
    counted = {record.member for record in applied}
    for edge in await follows.followers_of(context, own, state=edges.REQUESTED):
        if edge.follower not in counted:
            waiting.append(Request(edge.follower, Way.FOLLOW, edge.since))
    return sorted(waiting, key=lambda request: request.since)


async def waiting_for(context: Context, actor: LocalActor) -> list[Request]:
    """Of those, who asks to follow, or to become a member; invitations are answered by following."""
    return [request for request in await requests_of(context, actor) if request.way is not Way.INVITE]


async def members_of(context: Context, circle: LocalActor, viewer: LocalActor) -> list[Member]:
    """The active members of a circle, for its organizers and the circle itself; empty for everybody else."""
    group = context.origin.actor(circle.id)
    role = await role_of(context, circle, context.origin.actor(viewer.id))
    if policy.may_organize(role=role, as_circle=viewer.id == circle.id) is not None:
        return []
    active = await records.of_group(context, group, state=State.ACTIVE)
    return [Member(record.member, record.role, record.since) for record in active]


async def is_member(context: Context, circle: LocalActor, uri: str) -> bool:
    """Whether an actor is an active member of a circle here."""
    return await role_of(context, circle, uri) is not None


async def role_of(context: Context, circle: LocalActor, uri: str) -> Role | None:
    """The role of an active member; None for everybody else, applicants and guests included."""
    record = await records.find(context, group=context.origin.actor(circle.id), member=uri)
    return record.role if record is not None and record.state is State.ACTIVE else None


async def circles_of(context: Context, uri: str, *, state: State | None = State.ACTIVE) -> list[Place]:
    """All groups, here and elsewhere, in which an actor has a place; for that actor's own eyes."""
    found = await records.of_member(context, uri, state=state)
    return [Place(record.group, record.role, record.state) for record in found if record.state is not None]


async def recipients(context: Context, circle: LocalActor) -> list[Recipient]:
    """Where the active members of a circle receive, local ones included, whatever way they came."""
    active = await records.of_group(context, context.origin.actor(circle.id), state=State.ACTIVE)
    return [record.recipient for record in active]


async def activity_type(context: Context, uri: str) -> str | None:
    """`Join` or `Invite` for the id of one that is known here; picks the row of the table for answers by id alone."""
    record = await records.find_by_activity(context, uri)
    if record is None or record.way not in (Way.JOIN, Way.INVITE):
        return None
    return record.way.value.capitalize()
