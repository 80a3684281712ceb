"""An actor gets new keys: who knows the old one believes the Update, the rest fetch, and the old one has an end."""

from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy import select, text

from crypto import keys
from crypto.proofs import add_proof, verify_proof
from federation import identities, outbox
from federation.identities import OVERLAP, TooSoon, change_keys, drop_former_keys, make_keypairs, proof_keys
from models import LocalActor
from server.db import Database
from tests.conftest import Clock
from tests.federation.receiver import Receiver
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


def public(actor: LocalActor) -> RSAPublicKey:
    key = keys.load_public_pem(actor.public_key_pem)
    assert isinstance(key, RSAPublicKey)
    return key


async def renew(sender: Sender, *inboxes: str, overlap: bool = True) -> None:
    """New keys, and the Update about them queued in the same transaction."""
    async with sender.database.writing() as context:
        actor = await context.session.get_one(LocalActor, sender.actor.id)
        await change_keys(context, actor, await make_keypairs(), overlap=overlap)
        own = context.origin.actor(actor.id)
        update = sender.activity("Update", "keys") | {"object": own}
        await outbox.enqueue(
            context, sender=actor, activity=update, inboxes=inboxes, about=own, with_former_key=overlap
        )
    sender.actor = await current(sender)


async def current(sender: Sender) -> LocalActor:
    async with sender.database.reading() as context:
        return await context.session.get_one(LocalActor, sender.actor.id)


def learn(receiver: Receiver, actor: LocalActor) -> None:
    """What a peer does with the Update, or after a signature that does not fit: it takes the key of the document."""
    (key_id,) = receiver.keys
    receiver.keys[key_id] = public(actor)


async def test_a_peer_that_knows_the_old_key_believes_the_update_and_then_the_new_one(sender: Sender) -> None:
    async with sender.receiver() as peer:
        await sender.enqueue("Create", 1, peer.inbox())
        await sender.deliver()
        await renew(sender, peer.inbox())
        assert await sender.deliver() == 1, "signed with the key that the peer has"
        learn(peer, sender.actor)
        await sender.enqueue("Create", 2, peer.inbox())
        await sender.deliver()
        assert [taken.activity["type"] for taken in peer.taken] == ["Create", "Update", "Create"]


async def test_a_peer_that_has_fetched_the_new_key_believes_the_second_knock(sender: Sender) -> None:
    async with sender.receiver() as peer:
        await renew(sender, peer.inbox())
        learn(peer, sender.actor)
        assert await sender.deliver() == 1
        assert peer.taken[0].activity["type"] == "Update"


async def test_a_peer_that_could_not_be_reached_gets_it_with_the_old_key_again(sender: Sender) -> None:
    async with sender.receiver(answers=[503, 503, 503]) as peer:
        await renew(sender, peer.inbox())
        await sender.deliver()
        for _ in range(3):
            await sender.turn_to_next_due()
            await sender.deliver()
        assert [taken.activity["type"] for taken in peer.taken] == ["Update"]


async def test_all_else_is_signed_with_the_new_key_at_once(sender: Sender) -> None:
    async with sender.receiver() as peer:
        await renew(sender, "http://127.0.0.1:9/inbox")
        learn(peer, sender.actor)
        await sender.enqueue("Create", 1, peer.inbox())
        await sender.deliver()
        assert [taken.activity["type"] for taken in peer.taken] == ["Create"]


async def test_without_overlap_the_old_key_signs_nothing_more(sender: Sender) -> None:
    async with sender.receiver() as peer:
        await renew(sender, peer.inbox(), overlap=False)
        assert await sender.deliver() == 0
        learn(peer, sender.actor)
        await sender.turn_to_next_due()
        assert await sender.deliver() == 1
    assert sender.actor.former_multikey is None
    assert len(proof_keys(sender.actor)) == 1


async def test_proofs_of_before_count_until_the_overlap_ends(sender: Sender, clock: Clock) -> None:
    document = {"@context": ["https://www.w3.org/ns/activitystreams"], "type": "Create"}
    async with sender.database.reading() as context:
        method, key = await identities.proof_key_for(context, sender.actor.id)
    before = add_proof(document, key=key, verification_method=method, created=clock.now)
    await renew(sender)
    async with sender.database.reading() as context:
        method, key = await identities.proof_key_for(context, sender.actor.id)
    after = add_proof(document, key=key, verification_method=method, created=clock.now)
    listed = {
        f"{sender.federation.origin.actor(sender.actor.id)}#{name}": key for name, key in proof_keys(sender.actor)
    }
    for proved in (before, after):
        named = proved["proof"]["verificationMethod"]
        verify_proof(proved, public_key=keys.multikey_decode(listed[named]), now=clock.now)
    assert before["proof"]["verificationMethod"] != after["proof"]["verificationMethod"]
    clock.advance(days=OVERLAP.days)
    async with sender.database.writing() as context:
        assert await drop_former_keys(context) == 1
    assert [name for name, _ in proof_keys(await current(sender))] == [
        after["proof"]["verificationMethod"].split("#")[1]
    ]


async def test_the_sweep_drops_former_keys_when_their_time_has_come_and_not_before(
    sender: Sender, clock: Clock
) -> None:
    old = public(sender.actor)
    await renew(sender)
    clock.advance(days=OVERLAP.days - 1)
    async with sender.database.writing() as context:
        assert await drop_former_keys(context) == 0
        former = await identities.signer_for(context, sender.actor.id, former=True)
        assert former.key.public_key() == old
    clock.advance(days=1)
    async with sender.database.writing() as context:
        assert await drop_former_keys(context) == 1
        assert await drop_former_keys(context) == 0
        left = await identities.signer_for(context, sender.actor.id, former=True)
        assert left.key.public_key() == public(sender.actor) != old


async def test_keys_are_not_changed_twice_within_an_overlap_unless_they_were_stolen(
    sender: Sender, clock: Clock
) -> None:
    await renew(sender)
    with pytest.raises(TooSoon, match="those before count until"):
        await renew(sender)
    await renew(sender, overlap=False)
    assert sender.actor.former_until is None
    for _ in range(4):
        await renew(sender)
        clock.advance(days=OVERLAP.days)
        assert len({name for name, _ in proof_keys(sender.actor)}) == 2


async def test_what_is_stored_of_the_keys_is_sealed(sender: Sender) -> None:
    await renew(sender)
    async with sender.database.reading() as context:
        row = (await context.session.execute(text("SELECT * FROM local_actors"))).one()
        assert not [value for value in row if b"PRIVATE" in (value if isinstance(value, bytes) else b"")]
        actor = (await context.session.execute(select(LocalActor))).scalar_one()
        assert actor.keys_made_on == context.now.date()
