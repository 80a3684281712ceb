"""Makes, describes and deletes pseudonymous accounts. Never commits; never keeps a passphrase."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select, update
from sqlmodel import col

from crypto.passwords import hash_password
from crypto.tokens import random_id
from federation import departures, follows, outbox
from federation.addressing import Recipient, on_other_servers, shared_inboxes
from federation.context import Context
from federation.identities import Keypairs, make_actor
from federation.remote import known_actor
from federation.vocabulary import builders
from federation.vocabulary.activities import PUBLIC
from models import LocalActor, OutboxItem, Person
from server.oauth import tokens
from server.organizing import profiles
from server.organizing.conversations import records as conversations
from server.organizing.media import records as media
from server.organizing.membership import records
from server.organizing.membership import service as membership
from server.organizing.notifications import service as notifications
from server.organizing.people import policy
from server.organizing.personal import records as personal
from server.organizing.posts import service as posts
from server.organizing.posts.copies import inboxes_of_author
from server.organizing.refusal import require


@dataclass(frozen=True, slots=True)
class PassphraseHash:
    """A passphrase that was checked and hashed before."""

    text: str


async def hash_passphrase(passphrase: str) -> PassphraseHash:
    """Checks a passphrase and hashes it in a thread: a tenth of a second, so before a transaction begins.

    Raises `Refused` when it is too short or too long.
    """
    require(policy.may_use_passphrase(passphrase))
    return PassphraseHash(await asyncio.to_thread(hash_password, passphrase))


async def create_person(
    context: Context, *, handle: str, passphrase: PassphraseHash, keypairs: Keypairs, name: str = ""
) -> LocalActor:
    """Makes a person: locked, not discoverable, with no name but the given. What takes time to make was made before.

    Raises `Refused`, `BadHandle` or `HandleTaken`. A handle that was ever used is taken.
    """
    require(policy.may_describe(name=name, summary=""))
    actor = await make_actor(context, kind="Person", handle=handle, keypairs=keypairs, name=name, locked=True)
    context.session.add(Person(actor_id=actor.id, passphrase_hash=passphrase.text))
    await context.session.flush()
    return actor


async def update_person(context: Context, *, person: LocalActor, name: str, summary: str) -> None:
    """Changes what a person says of themselves and tells their followers. Raises `Refused`."""
    await profiles.revise(context, actor=person, name=name, summary=summary)


async def delete_person(context: Context, *, person: LocalActor) -> None:
    """Deletes an account: everything about it here, and its copies wherever they may be (Delete of the actor).

    Told are servers of all who follow or are followed, of those who left within 180 days, and of everybody whom it
    named, whose post it boosted or liked, or who boosted or liked its own.
    The row stays, blank, so that the handle is never anybody else's. The keys stay until the Delete has left.
    """
    own = context.origin.actor(person.id)
    known = shared_inboxes(await _acquaintances(context, own))
    inboxes = [*known, *on_other_servers(await inboxes_of_author(context, own), than=known)]
    await posts.forget_author(context, own)
    await follows.remove_actor(context, own)
    await membership.forget_actor(context, own)
    await departures.forget(context, own)
    await tokens.revoke_all_of(context, person)
    await media.remove_all_of(context, person.id)
    await personal.remove_all_of(context, own)
    await notifications.forget_actor(context, person)
    await conversations.forget_owner(context, person)
    account = await context.session.get(Person, person.id)
    if account is not None:
        await context.session.delete(account)
    person.name, person.summary, person.fields = "", "", "[]"
    person.state, person.deleted_at = "deleted", context.now
    context.session.add(person)
    await context.session.flush()
    farewell = builders.delete(id=context.origin.activity(random_id()), actor=own, object_id=own, to=[PUBLIC])
    await outbox.enqueue(context, sender=person, activity=farewell, inboxes=inboxes, about=own)


async def forget_keys(context: Context) -> None:
    """Blanks the private keys of deleted actors whose last activity has left. Run now and then."""
    waiting = exists(select(col(OutboxItem.id)).where(col(OutboxItem.sender_id) == col(LocalActor.id)))
    statement = update(LocalActor).where(
        col(LocalActor.state) == "deleted", col(LocalActor.sealed_keys).is_not(None), ~waiting
    )
    await context.session.execute(statement.values(sealed_keys=None))


async def _acquaintances(context: Context, own: str) -> Sequence[Recipient]:
    """Everybody elsewhere who stands in some relation to a person: followers, the followed, and groups."""
    known = [
        Recipient(actor=edge.follower, inbox=edge.inbox, shared_inbox=edge.shared_inbox)
        for edge in await follows.followers_of(context, own, state=None)
    ]
    for edge in await follows.following_of(context, own, state=None):
        actor = await known_actor(context, edge.followee)
        if actor is not None:
            known.append(Recipient(actor=actor.id, inbox=actor.inbox, shared_inbox=actor.shared_inbox))
    for record in await records.of_member(context, own):
        if record.answer_to is not None:
            known.append(Recipient(actor=record.group, inbox=record.answer_to))
    return known
