"""Makes, answers and cuts single follow edges, and tells the other side. Every answer goes to the one follower only."""

from dataclasses import replace
from typing import Final

from crypto.tokens import random_id
from federation import follows, outbox
from federation.addressing import Recipient
from federation.blocks import is_blocked
from federation.context import Context
from federation.follows import Edge
from federation.origin import host_of
from federation.vocabulary import Document, builders
from federation.vocabulary.actors import Actor
from models import LocalActor
from server.organizing.following.wire import follow_of
from server.organizing.movements.queries import scope_of_group
from server.organizing.notifications import service as notifications
from server.organizing.parties import recipient_of
from server.organizing.refusal import Refusal, Refused

REQUESTED: Final = "requested"
ACCEPTED: Final = "accepted"


async def open_edge(
    context: Context, *, follower: Recipient, followee: str, activity: str, state: follows.State
) -> Edge:
    """Writes the one edge of a pair; a new Follow replaces the id of an earlier one, and where answers go."""
    edge = Edge(
        follower=follower.actor,
        followee=followee,
        activity=activity,
        inbox=follower.inbox,
        shared_inbox=follower.shared_inbox,
        state=state,
        since=context.now.date(),
    )
    opened = await follows.put(context, edge)
    await notifications.follows(context, followee=followee, follower=follower.actor, asks=state == REQUESTED)
    return opened


async def ask(context: Context, *, follower: LocalActor, followee: Actor) -> Edge:
    """Asks an actor elsewhere; nothing counts as followed before its Accept. Asking twice sends one Follow.

    Raises `Refused` when the actor's domain is blocked here.
    """
    await require_open(context, followee)
    own = recipient_of(context.origin, follower)
    edge = await follows.find(context, follower=own.actor, followee=followee.id)
    if edge is not None:
        return edge
    activity = builders.follow(id=context.origin.activity(random_id()), actor=own.actor, object=followee.id)
    edge = await open_edge(context, follower=own, followee=followee.id, activity=str(activity["id"]), state=REQUESTED)
    await outbox.enqueue(context, sender=follower, activity=activity, inboxes=[followee.inbox], about=followee.id)
    return edge


async def require_open(context: Context, actor: Actor) -> None:
    """Raises `Refused` when an actor is on a domain that this server does not speak to."""
    if await is_blocked(context, host_of(actor.id)):
        raise Refused(Refusal("That server is blocked here."))


async def take_back(context: Context, *, follower: LocalActor, followee: Actor, edge: Edge) -> None:
    """Undoes a Follow of an actor elsewhere, with the whole Follow in it: few find it by id alone."""
    await follows.remove(context, edge)
    undo = builders.undo(
        id=context.origin.activity(random_id()), actor=edge.follower, object=follow_of(edge), to=[followee.id]
    )
    await outbox.enqueue(context, sender=follower, activity=undo, inboxes=[followee.inbox], about=followee.id)


async def accept_edge(context: Context, *, owner: LocalActor, edge: Edge, follow: Document | None = None) -> Edge:
    """Accepts a follower. `follow` is the Follow as it came; without it, it is rebuilt."""
    accepted = await follows.put(context, replace(edge, state=ACCEPTED, since=context.now.date()))
    await notifications.follows(context, followee=edge.followee, follower=edge.follower, asks=False)
    answer = builders.accept(
        id=context.origin.activity(random_id()),
        actor=edge.followee,
        object=follow or follow_of(edge),
        to=[edge.follower],
    )
    await _answer(context, owner, edge, answer)
    return accepted


async def reject_edge(context: Context, *, owner: LocalActor, edge: Edge) -> None:
    """Refuses a follower, or ends what was accepted before; the edge is gone at once, heard or not."""
    await _remove(context, edge)
    answer = builders.reject(
        id=context.origin.activity(random_id()), actor=edge.followee, object=follow_of(edge), to=[edge.follower]
    )
    await _answer(context, owner, edge, answer)


async def cut(context: Context, *, follower: str, followee: str) -> bool:
    """Removes an edge without a word. Tells whether there was one."""
    edge = await follows.find(context, follower=follower, followee=followee)
    if edge is None:
        return False
    await _remove(context, edge)
    return True


async def _remove(context: Context, edge: Edge) -> None:
    await follows.remove(context, edge)
    await notifications.follows_no_more(context, followee=edge.followee, follower=edge.follower)


async def _answer(context: Context, owner: LocalActor, edge: Edge, answer: Document) -> None:
    if context.origin.owns(edge.follower):
        return
    scope = await scope_of_group(context, edge.followee)
    await outbox.enqueue(context, sender=owner, activity=answer, inboxes=[edge.inbox], about=edge.follower, scope=scope)
