"""What local actors say of themselves, keys included, and who hears of a change: followers, never a list of them."""

from crypto.tokens import random_id
from federation import fanout, identities, outbox
from federation.addressing import shared_inboxes
from federation.context import Context
from federation.identities import Keypairs
from federation.origin import Origin
from federation.vocabulary import Document, builders
from federation.vocabulary.activities import PUBLIC
from models import LocalActor
from server.organizing.membership import queries as membership
from server.organizing.movements.queries import is_circle
from server.organizing.movements.wire import group_document
from server.organizing.people.wire import person_document


def document_of(origin: Origin, actor: LocalActor) -> Document:
    """The public document of any local actor."""
    return group_document(origin, actor) if actor.kind == "Group" else person_document(origin, actor)


async def describe(context: Context, *, actor: LocalActor, name: str, summary: str) -> None:
    """Writes a new name and summary, and sends them to whoever follows; of a circle, to its members alone."""
    if (actor.name, actor.summary) == (name, summary):
        return
    actor.name, actor.summary = name, summary
    context.session.add(actor)
    await context.session.flush()
    await _send(context, actor)


async def change_keys(context: Context, *, actor: LocalActor, keypairs: Keypairs, overlap: bool = True) -> None:
    """Gives an actor new keys, and sends them to whoever follows, signed with the former key (WIRE 1.9).

    Without `overlap` the former keys are gone at once, and whoever is told has to fetch the new ones to believe it.
    Raises `TooSoon` or `NoSuchKey`.
    """
    await identities.change_keys(context, actor, keypairs, overlap=overlap)
    if actor.kind != "Application":
        await _send(context, actor, with_former_key=overlap)


async def _send(context: Context, actor: LocalActor, *, with_former_key: bool = False) -> None:
    """Sends the document, as it is now, to the actor's audience."""
    own = context.origin.actor(actor.id)
    followers = context.origin.actor(actor.id, "followers")
    is_open = actor.kind == "Group" and not actor.locked
    update = builders.update(
        id=context.origin.activity(random_id()), actor=own, object=document_of(context.origin, actor)
    ) | {"to": [PUBLIC] if is_open else [followers], "cc": [followers] if is_open else []}
    if await is_circle(context, actor):
        inboxes = shared_inboxes(await membership.recipients(context, actor))
        await outbox.enqueue(
            context, sender=actor, activity=update, inboxes=inboxes, about=own, with_former_key=with_former_key
        )
    else:
        await fanout.enqueue(
            context, sender=actor, activity=update, narrow=False, about=own, with_former_key=with_former_key
        )
