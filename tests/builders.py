"""Makes what tests begin with: persons and movements here, actors elsewhere, and what those send."""

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import select

from crypto import keys
from crypto.tokens import random_id
from federation.context import Context
from federation.identities import make_keypairs
from federation.outbox import open_address, payload_cell
from federation.received import Received
from federation.remote import store_actor
from federation.vocabulary import Document
from federation.vocabulary.activities import parse_activity
from federation.vocabulary.actors import Actor, PublicKeyEntry
from models import Delivery, LocalActor, OutboxItem
from server.organizing.movements.queries import circle_actor
from server.organizing.movements.service import create_movement
from server.organizing.people.service import PassphraseHash, create_person

NO_PASSPHRASE = PassphraseHash("no passphrase has this hash")
"""Nobody signs in with it, and no time is spent on Argon2id."""


@dataclass(frozen=True)
class MadeMovement:
    """A movement's actor and that of its circle of members."""

    actor: LocalActor
    circle: LocalActor


async def make_person(
    context: Context,
    handle: str = "robin",
    *,
    name: str = "",
    locked: bool = True,
    passphrase: PassphraseHash = NO_PASSPHRASE,
) -> LocalActor:
    """A person here, who cannot sign in unless a passphrase is given."""
    person = await create_person(
        context, handle=handle, passphrase=passphrase, keypairs=await make_keypairs(), name=name
    )
    person.locked = locked
    await context.session.flush()
    return person


async def make_movement(
    context: Context,
    handle: str = "flex",
    *,
    name: str = "Flexible work",
    posture: str = "quiet",
    organizer: LocalActor | None = None,
) -> MadeMovement:
    """A movement here with its circle of members."""
    movement = await create_movement(
        context,
        handle=handle,
        name=name,
        keypairs=await make_keypairs(),
        circle_keypairs=await make_keypairs(),
        posture=posture,
        organizer=organizer,
    )
    actor = await context.session.get_one(LocalActor, movement.actor_id)
    return MadeMovement(actor, await circle_actor(context, movement))


def make_remote_actor(name: str = "mona", *, host: str = "far.example", type: str = "Person", **fields: Any) -> Actor:
    """An actor elsewhere as it would be parsed from its document; known to nobody before `know`."""
    uri = f"https://{host}/users/{name}"
    actor = Actor(
        id=uri,
        type=type,
        preferred_username=name,
        inbox=f"{uri}/inbox",
        shared_inbox=f"https://{host}/inbox",
        outbox=f"{uri}/outbox",
        followers=f"{uri}/followers",
        members=f"{uri}/members" if type == "Group" else None,
        name=name.title(),
        keys=(PublicKeyEntry(id=f"{uri}#main-key", pem=_public_pem()),),
    )
    return replace(actor, **fields)


def remote_document(actor: Actor) -> Document:
    """The document of a remote actor, as its server would serve it."""
    document: Document = {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": actor.id,
        "type": actor.type,
        "preferredUsername": actor.preferred_username,
        "name": actor.name,
        "summary": actor.summary,
        "inbox": actor.inbox,
        "outbox": actor.outbox,
        "followers": actor.followers,
        "endpoints": {"sharedInbox": actor.shared_inbox},
        "manuallyApprovesFollowers": actor.locked,
        "alsoKnownAs": list(actor.also_known_as),
        "publicKey": {"id": f"{actor.id}#main-key", "owner": actor.id, "publicKeyPem": _public_pem()},
    }
    optional = {"movedTo": actor.moved_to, "members": actor.members, "featured": actor.featured}
    return document | {name: value for name, value in optional.items() if value is not None}


async def know(context: Context, actor: Actor) -> Actor:
    """Stores a remote actor, as if its document had been fetched."""
    await store_actor(context, actor, remote_document(actor))
    return actor


def activity(sender: Actor | str, verb: str, object: str | Document, **fields: Any) -> Document:
    """An activity of a remote actor, with a fresh id on its own server unless one is given."""
    actor = sender if isinstance(sender, str) else sender.id
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{actor}/activities/{random_id()}",
        "type": verb,
        "actor": actor,
        "object": object,
    }
    return document | fields


def received(
    sender: Actor,
    document: Document,
    *,
    object: Document | None = None,
    target: Document | None = None,
    recipient_id: str | None = None,
) -> Received:
    """What a handler gets: the document parsed, its sender verified."""
    parsed = parse_activity(document)
    return Received(activity=parsed, sender=sender, recipient_id=recipient_id, object=object, target=target)


@dataclass(frozen=True)
class Sent:
    """One delivery that waits, opened."""

    sender: str
    inbox: str
    activity: Document


async def sent(context: Context) -> list[Sent]:
    """Everything that waits to be delivered, in the order in which it was queued."""
    statement = select(Delivery.__table__).order_by(Delivery.__table__.c.number)  # type: ignore[attr-defined]
    waiting = []
    for row in (await context.session.execute(statement)).all():
        item = await context.session.get_one(OutboxItem, row.item_id)
        inbox, scope = await open_address(context, row)
        payload = await context.vault.open(payload_cell(item.id, scope), item.sealed_payload)
        waiting.append(Sent(item.sender_id, inbox, json.loads(payload)))
    return waiting


@cache
def _public_pem() -> str:
    return keys.public_to_pem(keys.generate_rsa().public_key())
