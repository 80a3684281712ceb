"""Who said it: keys, owners and actors that do not belong together (HOSTILE A1, A2, A6 to A8)."""

from collections import Counter

import pytest

from tests.hostile import faults
from tests.hostile.peer import Account, PeerServer
from tests.hostile.us import CACHED, TAKEN_IN, Us
from tests.hostile.wire import encoded, post, send

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("database_kind", ["sqlite", "postgres"], indirect=True, scope="module"),
]


async def test_an_honest_post_is_taken(us: Us, victim: PeerServer, carla: Account) -> None:
    """What all the other tests withhold: a followed author's post is stored, and nobody but its author was asked."""
    await us.follow(carla)
    note = carla.note("as it is")
    async with us.unchanged(victim, but=(*TAKEN_IN, "posts")) as watch:
        assert (await carla.send(us.inbox, carla.create(note))).status == 202
    assert watch.outcomes == ["done"]
    assert await us.text_of(note["id"]) == "as it is"


@pytest.mark.parametrize("owner", ["owner", "controller"])
async def test_a_key_that_only_claims_an_owner(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account, owner: str
) -> None:
    """A1: the owner's own document has to list the key, however often it is asked."""
    key = evil.serve("key", {"id": evil.uri("key"), owner: carla.id, "publicKeyPem": mallory.public_pem})
    async with us.unchanged(evil, victim, but=CACHED):
        reply = await mallory.send(us.inbox, carla.create(carla.note()), key_id=key)
    assert reply.status == 401
    assert set(evil.fetched) == {"/key"}
    assert set(victim.fetched) == {"/carla"}


async def test_a_key_within_an_actor_that_is_somebody_else(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """A1, A6: at an address of Mallory's stands Carla, with a key of Mallory's."""
    await us.know(carla)
    forged = carla.document(publicKey={"id": mallory.key_id, "owner": carla.id, "publicKeyPem": mallory.public_pem})
    mallory.answer(forged)
    async with us.unchanged(evil):
        for claimed in (carla, mallory):
            assert (await mallory.send(us.inbox, claimed.create(claimed.note()))).status == 401
    assert victim.fetched == ["/carla"]


async def test_a_signer_who_is_not_the_actor(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """A2. No Accept-Signature: another form of signature would not help (WIRE 2.4)."""
    await us.know(mallory)
    follow = carla.activity("Follow", us.uri(us.kim))
    activities = [
        follow,
        carla.activity("Undo", follow),
        carla.activity("Like", us.public),
        carla.activity("Announce", us.public),
        carla.activity("Accept", {"type": "Follow", "actor": us.uri(us.kim), "object": carla.id}),
        carla.activity("Join", us.uri(us.circle)),
        carla.activity("Move", carla.id, target=mallory.id),
        carla.activity("Create", mallory.note()),
        carla.activity("Create", {"type": "Note", "attributedTo": carla.id, "content": "no id"}),
    ]
    async with us.unchanged():
        for activity in activities:
            reply = await mallory.send(us.inbox, activity)
            assert (reply.status, "accept-signature" in reply.headers) == (401, False), activity["type"]
    assert victim.fetched == []


async def test_another_actor_of_the_same_server(us: Us, victim: PeerServer, carla: Account) -> None:
    """A2: an origin is not an actor."""
    trent = victim.actor("trent", key=2)
    await us.know(trent)
    async with us.unchanged():
        assert (await trent.send(us.inbox, carla.activity("Like", us.public))).status == 401


@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
async def test_what_a_stranger_hands_on_is_only_a_hint(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account, verb: str
) -> None:
    """A2: nothing of it is believed; the origin is asked, and knows no such thing."""
    await us.follow(carla)
    await us.know(mallory)
    note = carla.note("never said")
    forged = carla.activity(verb, note["id"] if verb == "Delete" else note)
    async with us.unchanged(evil, victim, but=TAKEN_IN) as watch:
        assert (await mallory.send(us.inbox, forged)).status == 202
    assert watch.outcomes == ["refused"]
    assert victim.fetched[1:] == [note["id"].removeprefix(carla.uri("").rstrip("/"))]


@pytest.mark.parametrize("way", ["redirect", "body"])
async def test_an_actor_id_that_leads_to_another(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account, way: str
) -> None:
    """A6 (GHSA-8863-8468-7hq7): an open redirect, or a file, on Carla's server makes nobody an actor of it."""
    posed = victim.uri("go?to=mallory")
    key = {"id": f"{posed}#main-key", "owner": posed, "publicKeyPem": mallory.public_pem}
    evil.serve("posed", mallory.document(id=posed, inbox=f"{posed}/inbox", publicKey=key))
    victim.serve("go?to=mallory", faults.redirect(evil.uri("posed")) if way == "redirect" else mallory.document())
    forged = {**carla.activity("Like", us.public), "actor": posed}
    async with us.unchanged(evil, victim):
        assert (await mallory.send(us.inbox, forged, key_id=f"{posed}#main-key")).status == 401


async def test_an_activity_id_on_another_origin(us: Us, mallory: Account, victim: PeerServer, carla: Account) -> None:
    """A7 (GHSA-4qhx-hhwf-8685): the forged id is refused, and the genuine activity is no repeat of it."""
    await us.know(mallory)
    await us.follow(carla)
    note = carla.note("genuine")
    genuine = carla.create(note)
    async with us.unchanged():
        assert (await mallory.send(us.inbox, {**mallory.create(note), "id": genuine["id"]})).status == 400
        assert (await mallory.send(us.inbox, {**genuine, "actor": mallory.id})).status == 400
    assert (await carla.send(us.inbox, genuine)).status == 202
    await us.settled()
    assert await us.text_of(note["id"]) == "genuine"


async def test_an_id_counts_only_once_it_is_authentic(us: Us, carla: Account, mallory: Account) -> None:
    """A8: what was refused is not remembered as seen."""
    await us.follow(carla)
    await us.know(mallory)
    note = carla.note("signed")
    body = encoded(carla.create(note))
    async with us.unchanged():
        assert (await post(us.inbox, body)).status == 401
        assert (await send(us.inbox, body, mallory.key, carla.key_id)).status == 401
    assert (await carla.send(us.inbox, body)).status == 202
    await us.settled()
    assert await us.text_of(note["id"]) == "signed"


async def test_a_forwarder_cannot_spend_the_id(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """A8 (GHSA-39gj-rchc-q5m3): of a post handed on, the origin's text is stored, and its author's own still counts."""
    await us.follow(carla)
    await us.know(mallory)
    note = carla.note("as it is")
    victim.pages[note["id"].removeprefix(victim.base)] = note
    genuine = carla.create(note)
    altered = {**genuine, "object": {**note, "content": "as it never was"}}
    async with us.unchanged(victim, evil, but=(*TAKEN_IN, "posts")) as watch:
        assert (await mallory.send(us.inbox, altered)).status == 202
        await us.settled()
        assert (await carla.send(us.inbox, genuine)).status == 202
    assert Counter(watch.outcomes) == {"done": 1, "ignored": 1}
    assert await us.outcome_of(altered, signer=mallory.id) == "done"
    assert await us.text_of(note["id"]) == "as it is"
