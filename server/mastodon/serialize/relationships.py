"""How one actor stands to others, as entities, for that actor's own eyes."""

from collections.abc import Sequence

from federation import follows
from federation.context import Context
from models import LocalActor
from server.mastodon.entities.account import Relationship
from server.mastodon.ids import account_id
from server.organizing.following import edges
from server.organizing.parties import Party, uri_of


async def relationships_of(context: Context, me: LocalActor, parties: Sequence[Party]) -> list[Relationship]:
    """One for each, in the same order."""
    return [await relationship_of(context, me, party) for party in parties]


async def relationship_of(context: Context, me: LocalActor, party: Party) -> Relationship:
    """How `me` stands to another, and the other to `me`."""
    own, other = context.origin.actor(me.id), uri_of(context.origin, party)
    mine = await follows.find(context, follower=own, followee=other)
    theirs = await follows.find(context, follower=other, followee=own)
    return Relationship(
        id=account_id(context, party),
        following=mine is not None and mine.state == edges.ACCEPTED,
        requested=mine is not None and mine.state == edges.REQUESTED,
        showing_reblogs=mine is not None and mine.state == edges.ACCEPTED,
        followed_by=theirs is not None and theirs.state == edges.ACCEPTED,
        requested_by=theirs is not None and theirs.state == edges.REQUESTED,
    )
