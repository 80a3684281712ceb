"""How one actor stands to others, as entities, for that actor's own eyes."""

from collections.abc import Sequence

from federation.context import Context
from models import LocalActor
from server.mastodon.entities.account import Relationship
from server.mastodon.ids import account_id
from server.organizing.following import edges, options
from server.organizing.parties import Party, uri_of
from server.organizing.personal.records import Kind
from server.organizing.relations.queries import Relation, relations


async def relationships_of(context: Context, me: LocalActor, parties: Sequence[Party]) -> list[Relationship]:
    """One for each, in the same order: three queries."""
    uris = [uri_of(context.origin, party) for party in parties]
    found = await relations(context, me, uris)
    return [_entity(context, party, found[uri]) for party, uri in zip(parties, uris, strict=True)]


async def relationship_of(context: Context, me: LocalActor, party: Party) -> Relationship:
    """How `me` stands to another, and the other to `me`."""
    return (await relationships_of(context, me, [party]))[0]


def _entity(context: Context, party: Party, relation: Relation) -> Relationship:
    how, kept = options.read(relation.kept.get(Kind.FOLLOWING)), relation.kept
    mute, note = kept.get(Kind.MUTE), kept.get(Kind.NOTE)
    asked = relation.follows is not None
    return Relationship(
        id=account_id(context, party),
        following=relation.follows == edges.ACCEPTED,
        requested=relation.follows == edges.REQUESTED,
        showing_reblogs=asked and how.boosts,
        notifying=asked and how.notify,
        languages=list(how.languages) or None if asked else None,
        followed_by=relation.followed == edges.ACCEPTED,
        requested_by=relation.followed == edges.REQUESTED,
        blocking=Kind.BLOCK in kept,
        blocked_by=relation.blocked_by,
        muting=mute is not None,
        muting_notifications=mute is not None and mute.values["notifications"],
        muting_expires_at=mute.until if mute is not None else None,
        domain_blocking=relation.domain_shut,
        endorsed=Kind.ENDORSEMENT in kept,
        note=note.values["comment"] if note is not None else "",
    )
