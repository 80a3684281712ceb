"""Reads follow edges for whoever they belong to. Shows nobody else's."""

from datetime import date

from federation import follows
from federation.context import Context
from federation.follows import Edge
from models import LocalActor
from server.organizing.following import edges
from server.organizing.parties import Party, uri_of


async def relation(context: Context, *, follower: LocalActor, followee: Party) -> str | None:
    """`requested`, `accepted`, or None: how a local actor stands to another."""
    target = uri_of(context.origin, followee)
    edge = await follows.find(context, follower=context.origin.actor(follower.id), followee=target)
    return edge.state if edge is not None else None


async def follows_actor(context: Context, *, follower: str, followee: str) -> bool:
    """Whether one actor follows another, and was accepted; by their ids."""
    edge = await follows.find(context, follower=follower, followee=followee)
    return edge is not None and edge.state == edges.ACCEPTED


async def followers(context: Context, owner: LocalActor) -> list[Edge]:
    """The accepted followers of a local actor, for that actor's own eyes."""
    return await follows.followers_of(context, context.origin.actor(owner.id))


async def follower_uris(context: Context, owner: LocalActor) -> list[str]:
    """The ids of the accepted followers, for that actor's own eyes."""
    return [edge.follower for edge in await followers(context, owner)]


async def following(context: Context, owner: LocalActor) -> list[Edge]:
    """Whom a local actor follows, accepted, for that actor's own eyes."""
    return await follows.following_of(context, context.origin.actor(owner.id))


def place_of(context: Context, uri: str, since: date) -> int:
    """The place of somebody in a list that is ordered by day, and within a day by nothing that says anything."""
    return since.toordinal() << 40 | int.from_bytes(context.vault.index("follows.follower", uri)[:5])


async def activity_type(context: Context, uri: str) -> str | None:
    """`Follow` for the id of a Follow that is known here; picks the row of the table for answers by id alone."""
    return "Follow" if await follows.find_by_activity(context, uri) is not None else None
