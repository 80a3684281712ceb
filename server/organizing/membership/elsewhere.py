"""What local persons ask of groups on other servers. Nobody is a member before the group's own server said so."""

from crypto.tokens import random_id
from federation import follows, outbox
from federation.context import Context
from federation.origin import same_origin
from federation.vocabulary import Document, builders
from federation.vocabulary.actors import Actor
from models import LocalActor
from server.organizing.following import edges
from server.organizing.membership import records
from server.organizing.membership.records import Record, Way
from server.organizing.membership.states import State, Step
from server.organizing.membership.wire import invite_of, join_of
from server.organizing.parties import recipient_of


def knows_join(group: Actor) -> bool:
    """Whether a group takes part by Join, as Mobilizon's and our own do: a Group with a collection of members."""
    return group.type == "Group" and group.members is not None


def speaks_for(speaker: str, group: str) -> bool:
    """Whether an actor may speak for a group: the group itself, or a moderator on its own server (Mobilizon)."""
    return same_origin(speaker, group)


async def join(context: Context, *, person: LocalActor, group: Actor) -> Record | None:
    """Sends a Join, or a Follow to a group that knows no Join (then None). Asking again changes nothing.

    Raises `Refused` when the group's domain is blocked here.
    """
    if not knows_join(group):
        await edges.ask(context, follower=person, followee=group)
        return None
    await edges.require_open(context, group)
    own = recipient_of(context.origin, person)
    known = await records.find(context, group=group.id, member=own.actor)
    if known is not None and known.state is State.INVITED:
        accepted = known.after(Step.ACCEPT)
        await records.put(context, accepted)
        await answer_invitation(context, person=person, record=accepted, accepted=True)
        return accepted
    if known is not None:
        return known
    record = Record(
        group=group.id,
        member=own.actor,
        inbox=own.inbox,
        shared_inbox=own.shared_inbox,
        way=Way.JOIN,
        activity=context.origin.activity(random_id()),
        answer_to=group.inbox,
        since=context.now.date(),
    ).after(Step.APPLY)
    await records.put(context, record)
    fields = join_of(record)
    await _tell(context, person, record, builders.join(**{name: fields[name] for name in ("id", "actor", "object")}))
    return record


async def leave(context: Context, *, person: LocalActor, group: Actor) -> None:
    """Sends a Leave, takes an unanswered Join back, declines an invitation, and undoes a Follow."""
    own = context.origin.actor(person.id)
    edge = await follows.find(context, follower=own, followee=group.id)
    if edge is not None:
        await edges.take_back(context, follower=person, followee=group, edge=edge)
    record = await records.find(context, group=group.id, member=own)
    if record is None:
        return
    if record.state is State.INVITED:
        await records.put(context, record.after(Step.DECLINE))
        await answer_invitation(context, person=person, record=record, accepted=False)
        return
    await records.put(context, record.after(Step.LEAVE))
    if record.state is State.APPLIED:
        farewell = builders.undo(
            id=context.origin.activity(random_id()), actor=own, object=join_of(record), to=[group.id]
        )
    else:
        farewell = builders.leave(id=context.origin.activity(random_id()), actor=own, object=group.id)
    await _tell(context, person, record, farewell)


async def answer_invitation(context: Context, *, person: LocalActor, record: Record, accepted: bool) -> None:
    """Accepts or rejects an Invite, telling the group's server and nobody else."""
    build = builders.accept if accepted else builders.reject
    answer = build(
        id=context.origin.activity(random_id()),
        actor=record.member,
        object=invite_of(record),
        to=[record.inviter or record.group],
    )
    await _tell(context, person, record, answer)


async def _tell(context: Context, person: LocalActor, record: Record, activity: Document) -> None:
    if record.answer_to is not None:
        await outbox.enqueue(context, sender=person, activity=activity, inboxes=[record.answer_to], about=record.group)
