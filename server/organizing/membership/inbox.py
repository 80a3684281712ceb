"""Gives meaning to Join, Leave, Invite, Remove and their answers. Fetches nothing, and lets nobody name their own role.

About circles here, members speak for themselves; about groups elsewhere, only the group's own server does.
"""

from federation.blocks import is_blocked
from federation.context import Context
from federation.origin import host_of, same_origin
from federation.received import Received
from federation.remote import known_actor
from federation.table import Outcome
from federation.vocabulary.activities import Reference
from models import LocalActor
from server.organizing import budgets
from server.organizing.following import edges
from server.organizing.following.wire import as_received, embedded_pair
from server.organizing.membership import elsewhere, policy, records, service
from server.organizing.membership.records import Record, Way
from server.organizing.membership.states import State, Step
from server.organizing.movements.queries import is_circle
from server.organizing.parties import local_actor, recipient_of
from server.organizing.refusal import Refused, require
from server.organizing.relations.silence import are_apart
from server.organizing.remembered import is_remembered, remember


async def handle_join_group(context: Context, received: Received) -> Outcome:
    """An application to a circle; a member or an invited person is answered at once, others wait for an organizer.

    A Join of a movement is rejected: those are followed. IGNORED when taken back before it came, when the sender or
    host is blocked, or the host sent too many. REFUSED for what is no group here or who cannot be a member.
    """
    group = await _circle_or_movement(context, received.activity.object)
    if group is None:
        return Outcome.REFUSED
    if not await _is_welcome(context, received, budgets.JOINS):
        return Outcome.IGNORED
    if await are_apart(context, context.origin.actor(group.id), received.sender.id):
        return Outcome.IGNORED
    applicant, join = recipient_of(context.origin, received.sender), as_received(received.activity)
    if not await is_circle(context, group):
        await service.turn_away(context, circle=group, applicant=applicant, join=join)
        return Outcome.REFUSED
    try:
        require(policy.may_apply(kind=received.sender.type, to_circle=True))
        record = await service.apply(
            context, circle=group, applicant=applicant, way=Way.JOIN, activity=received.activity.id
        )
    except Refused:
        return Outcome.REFUSED
    if record.state is State.ACTIVE:
        await service.welcome(context, circle=group, record=record, join=join)
    return Outcome.DONE


async def handle_leave_group(context: Context, received: Received) -> Outcome:
    """A member leaves a circle here, or an applicant steps back. IGNORED for others, REFUSED for no group here."""
    group = await _circle_or_movement(context, received.activity.object)
    if group is None:
        return Outcome.REFUSED
    return _done(await service.depart(context, circle=group, member=received.sender.id))


async def handle_undo_join(context: Context, received: Received) -> Outcome:
    """Takes a Join back, found by its id or by the pair it names; remembered, should the Join come late."""
    reference = received.activity.object
    if reference is None:
        return Outcome.REFUSED
    if reference.id is not None:
        await remember(context, actor=received.sender.id, deed=reference.id)
    record = await _named(context, reference, member=received.sender.id)
    circle = await local_actor(context, record.group) if record is not None else None
    if record is None or circle is None or record.member != received.sender.id:
        return Outcome.IGNORED
    return _done(await service.depart(context, circle=circle, member=record.member))


async def handle_accept_join(context: Context, received: Received) -> Outcome:
    """A group elsewhere takes in a person of ours: from here on they are a member, with no other role.

    REFUSED unless the group's own server says it. IGNORED for repeats and for what nobody here asked.
    """
    record = await _asked_by_us(context, received)
    if record is None or record.state is not State.APPLIED:
        return Outcome.IGNORED
    if not elsewhere.speaks_for(received.sender.id, record.group):
        return Outcome.REFUSED
    result = received.activity.result.id if received.activity.result else None
    remote_id = result if result is not None and same_origin(result, record.group) else None
    await records.put(context, record.after(Step.ADMIT).but(remote_id=remote_id))
    return Outcome.DONE


async def handle_reject_join(context: Context, received: Received) -> Outcome:
    """A group elsewhere turns a person of ours away, or ends their membership. Outcomes as for Accept."""
    record = await _asked_by_us(context, received)
    if record is None or record.state is State.INVITED:
        return Outcome.IGNORED
    if not elsewhere.speaks_for(received.sender.id, record.group):
        return Outcome.REFUSED
    await records.put(context, record.after(Step.REFUSE if record.state is State.APPLIED else Step.REMOVE))
    return Outcome.DONE


async def handle_invite_person(context: Context, received: Received) -> Outcome:
    """A group elsewhere invites a person here; it waits among that person's requests. Makes nobody a member.

    IGNORED for whoever already stands in some relation to the group, when too many wait or came from its host.
    REFUSED from any other server than the group's own, and for whom is not here.
    """
    activity = received.activity
    group = activity.object.id if activity.object else None
    person = await local_actor(context, activity.target.id if activity.target else None)
    if group is None or person is None or person.kind != "Person":
        return Outcome.REFUSED
    if context.origin.owns(group) or not elsewhere.speaks_for(received.sender.id, group):
        return Outcome.REFUSED
    own = context.origin.actor(person.id)
    waiting = await records.of_member(context, own, state=State.INVITED)
    if policy.may_wait(waiting=len(waiting)) or await records.find(context, group=group, member=own):
        return Outcome.IGNORED
    if not await _is_welcome(context, received, budgets.INVITATIONS):
        return Outcome.IGNORED
    await records.put(context, await _invitation(context, received, group, person))
    return Outcome.DONE


async def handle_accept_invite(context: Context, received: Received) -> Outcome:
    """Somebody elsewhere accepts the invitation of a circle here. IGNORED from all who are not invited."""
    record = await _invited_by_us(context, received)
    if record is None or record.state is not State.INVITED:
        return Outcome.IGNORED
    await records.put(context, record.after(Step.ACCEPT))
    return Outcome.DONE


async def handle_reject_invite(context: Context, received: Received) -> Outcome:
    """Somebody elsewhere declines the invitation of a circle here. IGNORED from all who are not invited."""
    record = await _invited_by_us(context, received)
    if record is None or record.state is not State.INVITED:
        return Outcome.IGNORED
    await records.put(context, record.after(Step.DECLINE))
    return Outcome.DONE


async def handle_remove_member(context: Context, received: Received) -> Outcome:
    """A group elsewhere removes a person of ours, named by their own id or by the membership's.

    REFUSED unless the group's own server says it; nobody elsewhere removes anybody from a circle here (HOSTILE B3).
    """
    activity = received.activity
    reference = activity.origin or activity.target
    group, removed = (part.id if part else None for part in (reference, activity.object))
    if group is None or removed is None or context.origin.owns(group):
        return Outcome.REFUSED
    if not elsewhere.speaks_for(received.sender.id, group):
        return Outcome.REFUSED
    for record in await records.of_group(context, group):
        if removed in (record.member, record.remote_id, record.activity):
            step = Step.REFUSE if record.state is State.APPLIED else Step.REMOVE
            await records.put(context, record.after(step))
            await edges.cut(context, follower=record.member, followee=group)
            return Outcome.DONE
    return _done(context.origin.owns(removed) and await edges.cut(context, follower=removed, followee=group))


async def handle_add_member(context: Context, received: Received) -> Outcome:
    """Nobody is put into a group without asking, and nobody elsewhere puts anybody into one here."""
    return Outcome.IGNORED


async def handle_update_member(context: Context, received: Received) -> Outcome:
    """What others claim of roles is never believed: only this server gives roles in its circles (HOSTILE B5)."""
    return Outcome.REFUSED


def _done(happened: bool, /) -> Outcome:
    return Outcome.DONE if happened else Outcome.IGNORED


async def _circle_or_movement(context: Context, reference: Reference | None) -> LocalActor | None:
    actor = await local_actor(context, reference.id if reference else None)
    return actor if actor is not None and actor.kind == "Group" else None


async def _is_welcome(context: Context, received: Received, allowance: budgets.Allowance) -> bool:
    host = host_of(received.sender.id)
    if await is_blocked(context, host):
        return False
    if await is_remembered(context, actor=received.sender.id, deed=received.activity.id):
        return False
    try:
        await budgets.spend(context, allowance, host=host)
    except budgets.OverBudget:
        return False
    return True


async def _named(context: Context, reference: Reference, *, member: str | None) -> Record | None:
    """The membership that a Join or Invite began: by that activity's id, else by the group it embeds.

    Only this member's; anybody's, by id, when it is None.
    """
    record = await records.find_by_activity(context, reference.id) if reference.id else None
    if record is not None and member in (None, record.member):
        return record
    pair = embedded_pair(reference.embedded)
    return await records.find(context, group=pair[1], member=member) if pair and member else None


async def _asked_by_us(context: Context, received: Received) -> Record | None:
    """The membership, in a group elsewhere, of a local person whose Join is answered."""
    reference = received.activity.object
    pair = embedded_pair(reference.embedded) if reference else None
    if reference is None:
        return None
    record = await _named(context, reference, member=pair[0] if pair else None)
    if record is None or not context.origin.owns(record.member) or context.origin.owns(record.group):
        return None
    return record


async def _invited_by_us(context: Context, received: Received) -> Record | None:
    """The sender's own invitation to a circle here."""
    reference = received.activity.object
    record = await _named(context, reference, member=received.sender.id) if reference else None
    if record is None or record.member != received.sender.id or not context.origin.owns(record.group):
        return None
    return record


async def _invitation(context: Context, received: Received, group: str, person: LocalActor) -> Record:
    own = recipient_of(context.origin, person)
    known = await known_actor(context, group)
    return Record(
        group=group,
        member=own.actor,
        inbox=own.inbox,
        shared_inbox=own.shared_inbox,
        way=Way.INVITE,
        activity=received.activity.id,
        inviter=received.sender.id,
        answer_to=known.inbox if known is not None else received.sender.inbox,
        since=context.now.date(),
    ).after(Step.INVITE)
