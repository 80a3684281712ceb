"""Names the two kinds of actor alike: those of this server and those of others. Reads only, fetches nothing."""

from federation.addressing import Recipient
from federation.context import Context
from federation.origin import Origin
from federation.vocabulary.actors import Actor
from models import LocalActor

Party = LocalActor | Actor
"""Anyone who follows, joins or is joined."""

ACTIVE = "active"


def uri_of(origin: Origin, party: Party) -> str:
    """The actor's id."""
    return origin.actor(party.id) if isinstance(party, LocalActor) else party.id


def name_of(party: Party) -> str:
    """What an actor is called: the name it gave itself, else its handle."""
    return party.name or (party.handle if isinstance(party, LocalActor) else party.preferred_username)


def recipient_of(origin: Origin, party: Party) -> Recipient:
    """Where an actor receives; of a local one, inboxes that delivery skips."""
    if isinstance(party, LocalActor):
        return Recipient(
            actor=origin.actor(party.id), inbox=origin.actor(party.id, "inbox"), shared_inbox=origin.shared_inbox
        )
    return Recipient(actor=party.id, inbox=party.inbox, shared_inbox=party.shared_inbox)


async def local_actor(context: Context, uri: str | None) -> LocalActor | None:
    """The active local actor with exactly this id; None for collections of one, other servers, and the deleted."""
    located = context.origin.locate(uri) if uri else None
    if located is None or located.kind != "actor" or context.origin.actor(located.id) != uri:
        return None
    actor = await context.session.get(LocalActor, located.id)
    return actor if actor is not None and actor.state == ACTIVE else None


def endpoints_of(origin: Origin) -> tuple[tuple[str, str], ...]:
    """Where a program asks to act for an actor of this server (ActivityPub section 4.1)."""
    return (
        ("oauthAuthorizationEndpoint", f"{origin}/oauth/authorize"),
        ("oauthTokenEndpoint", f"{origin}/oauth/token"),
    )


def picture_address(origin: Origin, medium_id: str | None) -> str | None:
    """Where a picture is shown that an actor of this server is known by."""
    return f"{origin}/media/{medium_id}/original" if medium_id is not None else None
