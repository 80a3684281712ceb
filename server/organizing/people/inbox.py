"""Believes actors elsewhere about themselves: what changed, that they are gone, and where persons moved."""

from datetime import timedelta

from federation import follows
from federation.blocks import is_blocked
from federation.context import Context
from federation.follows import Edge
from federation.origin import host_of
from federation.received import Received
from federation.remote import forget_actor, store_actor
from federation.table import Outcome
from federation.vocabulary.actors import Actor, parse_actor
from server.organizing import budgets
from server.organizing.following import edges
from server.organizing.membership import service as membership
from server.organizing.parties import local_actor
from server.organizing.people import policy
from server.organizing.posts import service as posts
from server.organizing.remembered import is_remembered, remember

COOLDOWN = timedelta(days=7)
"""How long after a move the same old account cannot move again (Mastodon's rule)."""


async def handle_update_actor(context: Context, received: Received) -> Outcome:
    """An actor elsewhere changed its profile, keys or inboxes. REFUSED for any document but its own.

    Raises `Malformed` for a document that describes no actor.
    """
    if received.object is None or received.object.get("id") != received.sender.id:
        return Outcome.REFUSED
    actor = parse_actor(received.object)
    await store_actor(context, actor, received.object)
    await follows.relocate(context, actor.id, actor.inbox, actor.shared_inbox)
    await membership.relocate(context, actor=actor.id, inbox=actor.inbox, shared_inbox=actor.shared_inbox)
    return Outcome.DONE


async def handle_delete_actor(context: Context, received: Received) -> Outcome:
    """An actor elsewhere is gone, and with it all that it wrote, followed and belonged to. REFUSED for any other."""
    reference = received.activity.object
    if reference is None or reference.id != received.sender.id:
        return Outcome.REFUSED
    gone = received.sender.id
    await posts.forget_author(context, gone)
    await follows.remove_actor(context, gone)
    await membership.forget_actor(context, gone)
    await forget_actor(context, gone, state="gone")
    return Outcome.DONE


async def handle_move_actor(context: Context, received: Received) -> Outcome:
    """Persons here who followed the old address ask to follow the new one (HOSTILE B18).

    Only persons follow along, one hop, once in seven days, and only where the new address, fetched afresh, says it
    was the old. No membership moves. IGNORED when too soon or when the new host is blocked; REFUSED otherwise.
    """
    reference, old = received.activity.object, received.sender
    if reference is None or reference.id != old.id or received.target is None:
        return Outcome.REFUSED
    target = parse_actor(received.target)
    refusal = policy.may_move(
        old=old.id,
        kind=old.type,
        target=target.id,
        target_kind=target.type,
        known_as=target.also_known_as,
        moved_on=target.moved_to is not None,
    )
    if refusal is not None or context.origin.owns(target.id):
        return Outcome.REFUSED
    if await is_blocked(context, host_of(target.id)) or await is_remembered(context, actor=old.id, deed="Move"):
        return Outcome.IGNORED
    if not await remember(context, actor=old.id, deed="Move", keep=COOLDOWN, allowance=budgets.MOVES):
        return Outcome.IGNORED
    await store_actor(context, target, received.target)
    for edge in await follows.followers_of(context, old.id):
        await _follow_along(context, edge, old=old, target=target)
    return Outcome.DONE


async def _follow_along(context: Context, edge: Edge, *, old: Actor, target: Actor) -> None:
    follower = await local_actor(context, edge.follower)
    if follower is not None and follower.kind == "Person":
        await edges.ask(context, follower=follower, followee=target)
        await edges.take_back(context, follower=follower, followee=old, edge=edge)
