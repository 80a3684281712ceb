"""Applies, admits, refuses, removes: everything that happens to memberships in circles of this server.

Never commits. Whatever names a member is sent to that one person's own inbox and to nobody else.
"""

from collections import Counter
from datetime import timedelta

from crypto.tokens import random_id
from federation import follows, outbox
from federation.addressing import Recipient
from federation.context import Context
from federation.domains import registrable
from federation.origin import host_of
from federation.vocabulary import Document, builders
from federation.withdrawing import withdraw
from models import LocalActor
from server.organizing.following import edges
from server.organizing.membership import elsewhere, policy, records
from server.organizing.membership.records import Record, Role, Way
from server.organizing.membership.states import State, Step
from server.organizing.membership.wire import invite_of, join_of, member_document, member_id
from server.organizing.movements.queries import is_circle, scope_of_group
from server.organizing.notifications import service as notifications
from server.organizing.parties import Party, local_actor, recipient_of, uri_of
from server.organizing.refusal import Refusal, Refused, require
from server.organizing.relations.policy import OUT_OF_REACH
from server.organizing.relations.silence import are_apart

NOT_WAITING = Refusal("Nobody of that address is waiting or a member here.")
KEEP_UNDECIDED = timedelta(days=30)
"""How long an application or invitation waits."""
OURS = ""
"""In place of a domain: applicants of this server."""

_WAY_OUT: dict[State | None, Step] = {
    State.INVITED: Step.DECLINE,
    State.APPLIED: Step.LEAVE,
    State.ACTIVE: Step.LEAVE,
}


async def found(context: Context, *, circle: LocalActor, organizer: LocalActor) -> Record:
    """Makes a local person the first organizer of a new circle."""
    own = recipient_of(context.origin, organizer)
    record = _new(context, circle, own, way=Way.LOCAL).but(role=Role.ORGANIZER).after(Step.FOUND)
    await records.put(context, record)
    await _open_local_edge(context, circle, record)
    return record


async def join(context: Context, *, person: LocalActor, group: Party) -> Record | None:
    """A local person asks to become a member: of a circle here by an application, of a group elsewhere by a Join.

    A group that knows no Join is asked by a Follow, and then there is no membership: None. Raises `Refused`.
    """
    if not isinstance(group, LocalActor):
        return await elsewhere.join(context, person=person, group=group)
    require(policy.may_apply(kind=person.kind, to_circle=await is_circle(context, group)))
    own, target = recipient_of(context.origin, person), uri_of(context.origin, group)
    if await are_apart(context, own.actor, target):
        raise Refused(OUT_OF_REACH)
    known = await records.find(context, group=target, member=own.actor)
    if known is not None and known.state is not State.INVITED:
        return known
    record = await apply(context, circle=group, applicant=own, way=Way.LOCAL, activity=None)
    await _open_local_edge(context, group, record)
    return record


async def leave(context: Context, *, person: LocalActor, group: Party) -> None:
    """A local person leaves, or takes back what they asked for. Nothing when they are no member.

    Raises `Refused` for the last organizer of a circle here.
    """
    if not isinstance(group, LocalActor):
        await elsewhere.leave(context, person=person, group=group)
        return
    member = context.origin.actor(person.id)
    record = await records.find(context, group=context.origin.actor(group.id), member=member)
    if record is not None:
        await _keep_an_organizer(context, record, becomes=None)
        await depart(context, circle=group, member=member)


async def apply(
    context: Context, *, circle: LocalActor, applicant: Recipient, way: Way, activity: str | None
) -> Record:
    """Notes that somebody asks to become a member; active at once only if they are one or were invited.

    Idempotent for each applicant: a new Follow or Join replaces the id of the earlier. When too many are waiting, the
    newest application of the domain with most of them gives way; raises `Refused` where none has more.
    """
    group = context.origin.actor(circle.id)
    known = await records.find(context, group=group, member=applicant.actor)
    if known is None:
        await _make_room(context, circle, applicant)
        known = _new(context, circle, applicant, way=way)
    record = known.after(Step.APPLY).but(inbox=applicant.inbox, shared_inbox=applicant.shared_inbox)
    if not _outweighs(known, way):
        record = record.but(way=way, activity=activity)
    await records.put(context, record)
    if record.state is State.APPLIED:
        await notifications.follows(context, followee=group, follower=record.member, asks=True)
    return record


async def admit(context: Context, *, circle: LocalActor, member: str, by: LocalActor) -> Record:
    """An organizer, or the circle itself, takes an applicant in and tells them. Raises `Refused`."""
    record = (await _decide(context, circle, member, by)).after(Step.ADMIT)
    await records.put(context, record)
    await notifications.decided(context, group=circle, applicant=record.member)
    edge = await follows.find(context, follower=record.member, followee=record.group)
    if edge is not None and edge.state == edges.REQUESTED:
        await edges.accept_edge(context, owner=circle, edge=edge)
    if record.way is Way.JOIN:
        await welcome(context, circle=circle, record=record, join=join_of(record))
    return record


async def welcome(context: Context, *, circle: LocalActor, record: Record, join: Document) -> None:
    """Answers a Join with Accept, whose result is the Member."""
    answer = builders.accept(
        id=context.origin.activity(random_id()),
        actor=record.group,
        object=join,
        to=[record.member],
        result=member_document(context.origin, record),
    )
    await _tell(context, circle, record.recipient, answer)


async def refuse(context: Context, *, circle: LocalActor, member: str, by: LocalActor) -> None:
    """An organizer, or the circle itself, turns an applicant away and tells them. Raises `Refused`."""
    record = (await _decide(context, circle, member, by)).after(Step.REFUSE)
    await _end(context, circle, record)
    if record.way is Way.JOIN:
        await turn_away(context, circle=circle, applicant=record.recipient, join=join_of(record))


async def turn_away(context: Context, *, circle: LocalActor, applicant: Recipient, join: Document) -> None:
    """Answers a Join with Reject."""
    answer = builders.reject(
        id=context.origin.activity(random_id()),
        actor=context.origin.actor(circle.id),
        object=join,
        to=[applicant.actor],
    )
    await _tell(context, circle, applicant, answer)


async def remove(context: Context, *, circle: LocalActor, member: str, by: LocalActor) -> None:
    """An organizer, or the circle itself, removes a member or withdraws an invitation. Raises `Refused`.

    From here on nothing of the circle is addressed to them; what they are told is that, and no more (HOSTILE B17).
    """
    record = (await _decide(context, circle, member, by)).after(Step.REMOVE)
    await _keep_an_organizer(context, record, becomes=None)
    await _end(context, circle, record)
    if record.way in (Way.JOIN, Way.INVITE):
        goodbye = builders.remove(
            id=context.origin.activity(random_id()),
            actor=record.group,
            object=member_id(context.origin, record),
            target=record.group,
            to=[record.member],
        )
        await _tell(context, circle, record.recipient, goodbye)


async def depart(context: Context, *, circle: LocalActor, member: str) -> bool:
    """Somebody went by themselves: membership and edge end without a word. Tells whether there was anything."""
    group = context.origin.actor(circle.id)
    record = await records.find(context, group=group, member=member)
    if record is not None:
        await notifications.decided(context, group=circle, applicant=member)
        await _withdraw(context, circle, record)
        await records.put(context, record.after(_WAY_OUT[record.state]))
    return await edges.cut(context, follower=member, followee=group) or record is not None


async def invite(context: Context, *, circle: LocalActor, guest: Party, by: LocalActor) -> Record:
    """An organizer, or the circle itself, invites a person; they become a member by accepting. Raises `Refused`."""
    group = context.origin.actor(circle.id)
    await _require_organizer(context, circle, by)
    kind = guest.kind if isinstance(guest, LocalActor) else guest.type
    require(policy.may_apply(kind=kind, to_circle=await is_circle(context, circle)))
    own = recipient_of(context.origin, guest)
    known = await records.find(context, group=group, member=own.actor)
    record = (known or _new(context, circle, own, way=Way.INVITE)).after(Step.INVITE)
    record = record.but(activity=member_id(context.origin, record), inviter=group)
    await records.put(context, record)
    if not isinstance(guest, LocalActor):
        fields = invite_of(record)
        activity = builders.invite(**{name: fields[name] for name in ("id", "actor", "object", "target")})
        await _tell(context, circle, own, activity)
    return record


async def accept_invitation(context: Context, *, person: LocalActor, group: str) -> Record:
    """A local person accepts an invitation and is a member at once: inviting was the circle's consent.

    Raises `Refused` without an invitation.
    """
    record = (await _own(context, person, group)).after(Step.ACCEPT)
    await records.put(context, record)
    circle = await local_actor(context, group)
    if circle is not None:
        await _open_local_edge(context, circle, record)
    else:
        await elsewhere.answer_invitation(context, person=person, record=record, accepted=True)
    return record


async def decline_invitation(context: Context, *, person: LocalActor, group: str) -> None:
    """A local person turns an invitation down. Raises `Refused` without one."""
    record = (await _own(context, person, group)).after(Step.DECLINE)
    await records.put(context, record)
    if not context.origin.owns(group):
        await elsewhere.answer_invitation(context, person=person, record=record, accepted=False)


async def relocate(context: Context, *, actor: str, inbox: str, shared_inbox: str | None) -> None:
    """Writes where an actor elsewhere receives now into its memberships, and into those in the group that it is."""
    for record in await records.of_member(context, actor):
        await records.put(context, record.but(inbox=inbox, shared_inbox=shared_inbox))
    if not context.origin.owns(actor):
        for record in await records.of_group(context, actor):
            await records.put(context, record.but(answer_to=inbox))


async def forget_actor(context: Context, actor: str) -> None:
    """Ends all memberships of an actor that is gone, and all in the group that it was. Tells nobody."""
    for record in [*await records.of_member(context, actor), *await records.of_group(context, actor)]:
        await records.put(context, record.after(_WAY_OUT[record.state]))


async def forget_stale(context: Context) -> None:
    """Drops applications and invitations that nobody decided about in time. Run now and then."""
    for record in await records.undecided_since(context, context.now.date() - KEEP_UNDECIDED):
        await _lapse(context, record)


async def set_role(context: Context, *, circle: LocalActor, member: str, role: Role, by: LocalActor) -> Record:
    """An organizer gives an active member a role. The only way by which a role changes (HOSTILE B5)."""
    record = await _decide(context, circle, member, by)
    if record.state is not State.ACTIVE:
        raise Refused(NOT_WAITING)
    await _keep_an_organizer(context, record, becomes=role)
    changed = record.but(role=role)
    await records.put(context, changed)
    return changed


async def _make_room(context: Context, circle: LocalActor, applicant: Recipient) -> None:
    """Drops an application if the pile is full, so that no domain fills it alone. Raises `Refused`."""
    pile = await records.of_group(context, context.origin.actor(circle.id), state=State.APPLIED)
    full = policy.may_wait(waiting=len(pile))
    if full is None:
        return
    owns = context.origin.owns
    domains = [OURS if owns(record.member) else registrable(record.host) for record in pile]
    newcomer = OURS if owns(applicant.actor) else registrable(host_of(applicant.actor))
    yields = policy.who_yields(waiting=Counter(domains), newcomer=newcomer, ours=OURS)
    if yields is None:
        raise Refused(full)
    # The newest: whoever was here before a flood from the same server stays. Without a word, as when nobody decided in
    # time: a Reject would tell the flooder each time that somebody else has applied.
    newest = max(position for position, domain in enumerate(domains) if domain == yields)
    await _lapse(context, pile[newest])


async def _lapse(context: Context, record: Record) -> None:
    """Ends an application or invitation without a word."""
    await notifications.follows_no_more(context, followee=record.group, follower=record.member)
    await edges.cut(context, follower=record.member, followee=record.group)
    await records.put(context, record.after(_WAY_OUT[record.state]))


def _outweighs(known: Record, way: Way) -> bool:
    """Whether a Follow is only one more subscription of somebody who came, or is coming, by another way."""
    joined = known.way is Way.JOIN or (known.way is Way.INVITE and known.state is State.ACTIVE)
    return way is Way.FOLLOW and joined


def _new(context: Context, circle: LocalActor, who: Recipient, *, way: Way) -> Record:
    return Record(
        group=context.origin.actor(circle.id),
        member=who.actor,
        inbox=who.inbox,
        shared_inbox=who.shared_inbox,
        way=way,
        since=context.now.date(),
    )


async def _withdraw(context: Context, circle: LocalActor, record: Record) -> None:
    """Drops what still waits for a member who goes, unless others receive at the same address."""
    active = await records.of_group(context, record.group, state=State.ACTIVE)
    if not any(record.inbox == other.inbox for other in active if other.id != record.id):
        await withdraw(context, sender_id=circle.id, inbox=record.inbox)


async def _end(context: Context, circle: LocalActor, record: Record) -> None:
    await notifications.decided(context, group=circle, applicant=record.member)
    await _withdraw(context, circle, record)
    await records.put(context, record)
    edge = await follows.find(context, follower=record.member, followee=record.group)
    if edge is not None:
        await edges.reject_edge(context, owner=circle, edge=edge)


async def _decide(context: Context, circle: LocalActor, member: str, by: LocalActor) -> Record:
    await _require_organizer(context, circle, by)
    record = await records.find(context, group=context.origin.actor(circle.id), member=member)
    if record is None:
        raise Refused(NOT_WAITING)
    return record


async def _own(context: Context, person: LocalActor, group: str) -> Record:
    record = await records.find(context, group=group, member=context.origin.actor(person.id))
    if record is None:
        raise Refused(NOT_WAITING)
    return record


async def _require_organizer(context: Context, circle: LocalActor, by: LocalActor) -> None:
    own = await records.find(context, group=context.origin.actor(circle.id), member=context.origin.actor(by.id))
    role = own.role if own is not None and own.state is State.ACTIVE else None
    require(policy.may_organize(role=role, as_circle=by.id == circle.id))


async def _keep_an_organizer(context: Context, record: Record, *, becomes: Role | None) -> None:
    active = await records.of_group(context, record.group, state=State.ACTIVE)
    organizers = sum(other.role is Role.ORGANIZER for other in active)
    require(policy.may_step_down(organizers=organizers, was=record.role, becomes=becomes))


async def _open_local_edge(context: Context, circle: LocalActor, record: Record) -> None:
    state: follows.State = edges.ACCEPTED if record.state is State.ACTIVE else edges.REQUESTED
    activity = context.origin.activity(random_id())
    await edges.open_edge(context, follower=record.recipient, followee=record.group, activity=activity, state=state)


async def _tell(context: Context, circle: LocalActor, who: Recipient, activity: Document) -> None:
    if context.origin.owns(who.actor):
        return
    scope = await scope_of_group(context, context.origin.actor(circle.id))
    await outbox.enqueue(context, sender=circle, activity=activity, inboxes=[who.inbox], about=who.actor, scope=scope)
