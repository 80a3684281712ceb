"""Gives meaning to Follow, its answers, its Undo, and to Block. Fetches nothing; answers only the one who asked."""

from dataclasses import replace

from federation import follows
from federation.blocks import is_blocked
from federation.context import Context
from federation.follows import Edge
from federation.origin import host_of
from federation.received import Received
from federation.table import Outcome
from models import LocalActor
from server.organizing import budgets
from server.organizing.following import edges, policy
from server.organizing.following.wire import as_received, embedded_pair
from server.organizing.membership import elsewhere, records
from server.organizing.membership import policy as membership_policy
from server.organizing.membership import service as membership
from server.organizing.membership.records import Way
from server.organizing.membership.states import State, Step
from server.organizing.movements.queries import is_circle
from server.organizing.parties import local_actor, recipient_of
from server.organizing.refusal import Refused, require
from server.organizing.relations.silence import are_apart
from server.organizing.remembered import is_remembered, remember


async def handle_follow_group(context: Context, received: Received) -> Outcome:
    """A Follow of a movement is accepted; of a circle, it is an application and waits for an organizer.

    IGNORED when taken back before it came, when its sender or host is blocked, or its host sent too many (HOSTILE
    B19). REFUSED for what is no group here, for who cannot be a member, and when too many are waiting.
    """
    group = await _followee(context, received, "Group")
    if group is None:
        return Outcome.REFUSED
    if not await _is_welcome(context, received, group, budgets.REQUESTS if group.locked else budgets.SUPPORTERS):
        return Outcome.IGNORED
    if await is_circle(context, group):
        return await _apply(context, received, group)
    return await _follow(context, received, group)


async def handle_follow_person(context: Context, received: Received) -> Outcome:
    """A Follow of a person waits until that person decides; of an unlocked one it is accepted. Outcomes as above."""
    person = await _followee(context, received, "Person")
    if person is None:
        return Outcome.REFUSED
    if not await _is_welcome(context, received, person, budgets.REQUESTS):
        return Outcome.IGNORED
    return await _follow(context, received, person)


async def handle_accept_follow(context: Context, received: Received) -> Outcome:
    """Only now somebody here follows (HOSTILE B4). DONE when the one who was asked accepts what was asked.

    IGNORED for a repeat, and for what nobody here asked or asks any more. REFUSED from anybody else (HOSTILE B3).
    """
    edge = await _asked_by_us(context, received)
    if edge is None:
        return Outcome.IGNORED
    if edge.followee != received.sender.id:
        return Outcome.REFUSED
    if edge.state == edges.ACCEPTED:
        return Outcome.IGNORED
    await follows.put(context, replace(edge, state=edges.ACCEPTED))
    return Outcome.DONE


async def handle_reject_follow(context: Context, received: Received) -> Outcome:
    """A request refused, or an accepted follow ended by the one who is followed. Outcomes as for Accept."""
    edge = await _asked_by_us(context, received)
    if edge is None:
        return Outcome.IGNORED
    if edge.followee != received.sender.id:
        return Outcome.REFUSED
    await follows.remove(context, edge)
    return Outcome.DONE


async def handle_undo_follow(context: Context, received: Received) -> Outcome:
    """The follower stops following; of a circle, leaves it. Found by id, or by the pair that the Undo names.

    IGNORED when there is nothing to undo; the Follow it names is then remembered, should it come late (HOSTILE A15).
    """
    reference = received.activity.object
    if reference is None:
        return Outcome.REFUSED
    if reference.id is not None and not context.origin.owns(reference.id):
        await remember(context, actor=received.sender.id, deed=reference.id)
    followee = await local_actor(context, await _undone_followee(context, received))
    if followee is None:
        return Outcome.IGNORED
    own, follower = context.origin.actor(followee.id), received.sender.id
    record = await records.find(context, group=own, member=follower)
    if record is not None and record.way is not Way.FOLLOW:
        # Whoever came by Join or invitation leaves by Leave; the Follow was one more subscription.
        stopped = await edges.cut(context, follower=follower, followee=own)
    else:
        stopped = await _stop(context, follower=follower, followee=followee)
    return Outcome.DONE if stopped else Outcome.IGNORED


async def handle_block_actor(context: Context, received: Received) -> Outcome:
    """Somebody elsewhere blocks an actor here: nothing stays between the two, in either direction.

    With a group as its target it is a ban from that group (Lemmy), and counts from the group's own server only.
    Nobody is told.
    """
    blocked = await local_actor(context, received.activity.object.id if received.activity.object else None)
    if blocked is None:
        return Outcome.REFUSED
    own, other = context.origin.actor(blocked.id), received.sender.id
    target = received.activity.target.id if received.activity.target else None
    if target is not None and target != other:
        if context.origin.owns(target) or not elsewhere.speaks_for(other, target):
            return Outcome.REFUSED
        other = target
    cut = [
        await _expel(context, member=own, group=other),
        await _stop(context, follower=other, followee=blocked),
        await edges.cut(context, follower=own, followee=other),
    ]
    return Outcome.DONE if any(cut) else Outcome.IGNORED


async def _expel(context: Context, *, member: str, group: str) -> bool:
    record = await records.find(context, group=group, member=member)
    if record is not None:
        step = Step.REFUSE if record.state is State.APPLIED else Step.REMOVE
        await records.put(context, record.after(step))
    return record is not None


async def _stop(context: Context, *, follower: str, followee: LocalActor) -> bool:
    if await is_circle(context, followee):
        return await membership.depart(context, circle=followee, member=follower)
    return await edges.cut(context, follower=follower, followee=context.origin.actor(followee.id))


async def _followee(context: Context, received: Received, kind: str) -> LocalActor | None:
    reference = received.activity.object
    actor = await local_actor(context, reference.id if reference else None)
    return actor if actor is not None and actor.kind == kind else None


async def _is_welcome(context: Context, received: Received, followee: LocalActor, allowance: budgets.Allowance) -> bool:
    host = host_of(received.sender.id)
    if await is_blocked(context, host):
        return False
    if await is_remembered(context, actor=received.sender.id, deed=received.activity.id):
        return False
    if await are_apart(context, context.origin.actor(followee.id), received.sender.id):
        return False
    try:
        await budgets.spend(context, allowance, host=host)
    except budgets.OverBudget:
        return False
    return True


async def _follow(context: Context, received: Received, followee: LocalActor) -> Outcome:
    follower, target = recipient_of(context.origin, received.sender), context.origin.actor(followee.id)
    known = await follows.find(context, follower=follower.actor, followee=target)
    if known is None:
        try:
            state: follows.State = edges.REQUESTED if followee.locked else edges.ACCEPTED
            count = await follows.count_followers(context, target, state=state)
            require(policy.may_wait(waiting=count) if followee.locked else policy.may_be_followed(followers=count))
        except Refused:
            return Outcome.REFUSED
    settled = not followee.locked or (known is not None and known.state == edges.ACCEPTED)
    await _open(context, received, followee, settled=settled)
    return Outcome.DONE


async def _apply(context: Context, received: Received, circle: LocalActor) -> Outcome:
    applicant = recipient_of(context.origin, received.sender)
    try:
        require(membership_policy.may_apply(kind=received.sender.type, to_circle=True))
        record = await membership.apply(
            context, circle=circle, applicant=applicant, way=Way.FOLLOW, activity=received.activity.id
        )
    except Refused:
        return Outcome.REFUSED
    await _open(context, received, circle, settled=record.state is State.ACTIVE)
    return Outcome.DONE


async def _open(context: Context, received: Received, followee: LocalActor, *, settled: bool) -> None:
    edge = await edges.open_edge(
        context,
        follower=recipient_of(context.origin, received.sender),
        followee=context.origin.actor(followee.id),
        activity=received.activity.id,
        state=edges.ACCEPTED if settled else edges.REQUESTED,
    )
    if settled:
        await edges.accept_edge(context, owner=followee, edge=edge, follow=as_received(received.activity))


async def _asked_by_us(context: Context, received: Received) -> Edge | None:
    """Our own Follow that an answer is about: by its id, which is ours, else by the pair that was embedded."""
    reference = received.activity.object
    if reference is None:
        return None
    if reference.id is not None and context.origin.owns(reference.id):
        edge = await follows.find_by_activity(context, reference.id)
    else:
        pair = embedded_pair(reference.embedded)
        edge = await follows.find(context, follower=pair[0], followee=pair[1]) if pair else None
    return edge if edge is not None and context.origin.owns(edge.follower) else None


async def _undone_followee(context: Context, received: Received) -> str | None:
    """Whom the sender no longer follows. snac names only the followed actor."""
    reference = received.activity.object
    if reference is None:
        return None
    pair = embedded_pair(reference.embedded)
    if pair is not None:
        return pair[1] if pair[0] == received.sender.id else None
    if reference.id is None or context.origin.owns(reference.id):
        return reference.id
    edge = await follows.find_by_activity(context, reference.id)
    return edge.followee if edge is not None and edge.follower == received.sender.id else None
