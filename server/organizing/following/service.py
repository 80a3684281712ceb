"""Follows and unfollows, and answers those who ask to follow. Never commits."""

from crypto.tokens import random_id
from federation import follows
from federation.context import Context
from federation.follows import Edge
from models import LocalActor
from server.organizing.following import edges, policy
from server.organizing.lists import service as lists
from server.organizing.membership import service as membership
from server.organizing.movements.queries import is_circle
from server.organizing.parties import Party, recipient_of, uri_of
from server.organizing.personal import records
from server.organizing.personal.records import Kind
from server.organizing.refusal import Refusal, Refused, require
from server.organizing.relations.policy import OUT_OF_REACH
from server.organizing.relations.silence import are_apart

NOBODY_ASKED = Refusal("There is no such request.", missing=True)


async def follow(context: Context, *, follower: LocalActor, followee: Party) -> Edge:
    """Follows an actor, or asks to. Whoever is elsewhere, or locked, counts as followed only once they accepted.

    Following a circle of this server is applying to it. Asking again changes nothing. Raises `Refused`.
    """
    own = recipient_of(context.origin, follower)
    target = uri_of(context.origin, followee)
    require(policy.may_follow(follower=own.actor, followee=target, as_circle=await is_circle(context, follower)))
    if await are_apart(context, own.actor, target):
        raise Refused(OUT_OF_REACH)
    if not isinstance(followee, LocalActor):
        return await edges.ask(context, follower=follower, followee=followee)
    if await is_circle(context, followee):
        await membership.join(context, person=follower, group=followee)
    edge = await follows.find(context, follower=own.actor, followee=target)
    if edge is not None:
        return edge
    return await edges.open_edge(
        context,
        follower=own,
        followee=target,
        activity=context.origin.activity(random_id()),
        state=edges.REQUESTED if followee.locked else edges.ACCEPTED,
    )


async def unfollow(context: Context, *, follower: LocalActor, followee: Party) -> None:
    """Stops following, or takes the request back; of a circle of this server, leaves it. Nothing when not followed."""
    target = uri_of(context.origin, followee)
    edge = await follows.find(context, follower=context.origin.actor(follower.id), followee=target)
    if isinstance(followee, LocalActor):
        if await is_circle(context, followee):
            await membership.depart(context, circle=followee, member=context.origin.actor(follower.id))
        elif edge is not None:
            await edges.cut(context, follower=edge.follower, followee=target)
    elif edge is not None:
        await edges.take_back(context, follower=follower, followee=followee, edge=edge)
    await _forget_choices(context, context.origin.actor(follower.id), target)


async def accept_request(context: Context, *, owner: LocalActor, requester: str) -> None:
    """The owner lets a requester follow; of a circle, admits them. Raises `Refused` when nobody of that id waits."""
    if await is_circle(context, owner):
        await membership.admit(context, circle=owner, member=requester, by=owner)
        return
    edge = await _edge_to(context, owner, requester)
    if edge.state != edges.REQUESTED:
        raise Refused(NOBODY_ASKED)
    await edges.accept_edge(context, owner=owner, edge=edge)


async def reject_request(context: Context, *, owner: LocalActor, requester: str) -> None:
    """The owner turns a requester away; of a circle, refuses the application. Raises `Refused` as above."""
    if await is_circle(context, owner):
        await membership.refuse(context, circle=owner, member=requester, by=owner)
        return
    edge = await _edge_to(context, owner, requester)
    if edge.state != edges.REQUESTED:
        raise Refused(NOBODY_ASKED)
    await edges.reject_edge(context, owner=owner, edge=edge)


async def remove_follower(context: Context, *, owner: LocalActor, follower: str) -> None:
    """Ends that somebody follows; of a circle, removes the member. Raises `Refused` when they do not follow."""
    if await is_circle(context, owner):
        await membership.remove(context, circle=owner, member=follower, by=owner)
        return
    await edges.reject_edge(context, owner=owner, edge=await _edge_to(context, owner, follower))


async def _forget_choices(context: Context, follower: str, followee: str) -> None:
    """How somebody was followed, recommended and listed goes with the follow."""
    for kind in (Kind.FOLLOWING, Kind.ENDORSEMENT):
        await records.remove(context, kind, follower, followee)
    await lists.take_out_everywhere(context, owner=follower, member=followee)


async def _edge_to(context: Context, owner: LocalActor, follower: str) -> Edge:
    edge = await follows.find(context, follower=follower, followee=context.origin.actor(owner.id))
    if edge is None:
        raise Refused(NOBODY_ASKED)
    return edge
