"""What vouches for an activity besides its signature, and what never does (HOSTILE A9, A17, A18)."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crypto.signing import sign
from server.organizing.moderation.service import block_domain, suspend_actor, unblock_domain
from tests.hostile import wire
from tests.hostile.peer import Account, PeerServer, peer_server
from tests.hostile.us import CACHED, TAKEN_IN, Us
from tests.hostile.wire import Document, encoded

pytestmark = pytest.mark.asyncio(loop_scope="module")

AS = "https://www.w3.org/ns/activitystreams#"


def signed_by(account: Account, activity: Document) -> Document:
    """An activity with an RsaSignature2017, made with the account's real key."""
    made = sign(account.key, hashlib.sha256(encoded(activity)).digest())
    block = {"type": "RsaSignature2017", "creator": account.key_id, "created": "2026-01-01T00:00:00Z"}
    return activity | {"signature": block | {"signatureValue": b64encode(made).decode()}}


async def test_a_linked_data_signature_counts_for_nothing(
    us: Us, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """A9: neither for what only its actor may say, nor for the text of a post."""
    await us.follow(carla)
    await us.know(mallory)
    note = carla.note("moved")
    async with us.unchanged(victim, but=TAKEN_IN) as watch:
        assert (await mallory.send(us.inbox, signed_by(carla, carla.activity("Like", us.public)))).status == 401
        assert (await mallory.send(us.inbox, signed_by(carla, carla.create(note)))).status == 202
    assert watch.outcomes == ["refused"]
    assert victim.fetched[1:] == [note["id"].removeprefix(victim.base)]


@pytest.mark.parametrize(
    "moved",
    [
        {"@graph": [{"id": "https://other.example/"}]},
        {"@included": []},
        {"@reverse": {"actor": "https://other.example/"}},
        {"@import": "https://other.example/"},
        {"as:actor": "https://other.example/"},
        {f"{AS}actor": [{"@id": "https://other.example/"}]},
        {"@id": "https://other.example/"},
        {"@type": "Delete"},
        {"__proto__": {"actor": "https://other.example/"}},
    ],
    ids=lambda moved: next(iter(moved)),
)
async def test_fields_that_others_would_read_otherwise(us: Us, mallory: Account, moved: Document) -> None:
    """A9 (CVE-2026-46349, CVE-2026-42462): at the top, or in the object."""
    await us.know(mallory)
    note = mallory.note()
    async with us.unchanged():
        assert (await mallory.send(us.inbox, mallory.create(note) | moved)).status == 400
        inner = {**note, **moved, "as:content": "x", "content": "y"}
        assert (await mallory.send(us.inbox, mallory.create(inner))).status == 400


async def test_a_proof_of_the_author_counts(us: Us, mallory: Account, victim: PeerServer, carla: Account) -> None:
    """What A17 is held against: with Carla's own proof her post is hers, whoever brings it."""
    await us.follow(carla)
    await us.know(mallory)
    note = carla.note("proved")
    async with us.unchanged(victim, but=(*TAKEN_IN, "posts")) as watch:
        assert (await mallory.send(us.inbox, carla.prove(carla.create(note)))).status == 202
    assert watch.outcomes == ["done"]
    assert await us.text_of(note["id"]) == "proved"


BROKEN: dict[str, dict[str, Any]] = {
    "purpose": {"proofPurpose": "authentication"},
    "expired": {"expires": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="seconds")},
    "from the future": {"created": (datetime.now(UTC) + timedelta(hours=3)).isoformat(timespec="seconds")},
    "too old": {"created": (datetime.now(UTC) - timedelta(days=400)).isoformat(timespec="seconds")},
    "another context": {"@context": ["https://evil.example/context"]},
    "another suite": {"cryptosuite": "eddsa-rdfc-2022"},
    "a chain": {"previousProof": "urn:uuid:1"},
    "a key that is not listed": {"verificationMethod": "{carla}#other-key"},
    "a key of Mallory's": {"verificationMethod": "{mallory}#ed25519-key"},
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_proofs_that_prove_nothing(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account, broken: str
) -> None:
    """A17: the post is looked for at its origin, where there is none; its text here is not believed."""
    await us.follow(carla)
    await us.know(mallory)
    ids = {"carla": carla.id, "mallory": mallory.id}
    configuration = {
        name: value.format(**ids) if isinstance(value, str) else value for name, value in BROKEN[broken].items()
    }
    prover = mallory if "Mallory" in broken else carla
    note = carla.note("never said")
    forged = prover.prove(carla.create(note), **configuration)
    async with us.unchanged(victim, evil, but=TAKEN_IN) as watch:
        assert (await mallory.send(us.inbox, forged)).status == 202
    assert watch.outcomes == ["refused"]
    assert note["id"].removeprefix(victim.base) in victim.fetched


async def test_a_proof_of_something_else(us: Us, mallory: Account, victim: PeerServer, carla: Account) -> None:
    """A17: what is proved is the whole activity; a proof cannot be carried over to another text."""
    await us.follow(carla)
    await us.know(mallory)
    note = carla.note("never said")
    proof = carla.prove(carla.create({**note, "content": "said"}))["proof"]
    async with us.unchanged(victim, but=TAKEN_IN) as watch:
        assert (await mallory.send(us.inbox, carla.create(note) | {"proof": proof})).status == 202
    assert watch.outcomes == ["refused"]


async def test_a_suspended_actor_only_takes_back(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """A18 (CVE-2026-23961): nothing new of hers, nothing old boosted or handed on by others."""
    await us.follow(carla)
    await us.follow(mallory)
    old, before = mallory.note("old"), mallory.note("before")
    evil.pages[old["id"].removeprefix(evil.base)] = old
    assert (await mallory.send(us.inbox, mallory.create(before))).status == 202
    await us.settled()
    assert await us.text_of(before["id"]) == "before"
    async with us.federation.writing() as context:
        await suspend_actor(context, mallory.id)
    assert await us.text_of(before["id"]) is None
    async with us.unchanged(evil, but=(*TAKEN_IN, "tombstones", "budgets")) as watch:
        for activity in _everything_new(us, mallory, before):
            assert (await mallory.send(us.inbox, activity)).status == 202
        assert (await carla.send(us.inbox, carla.activity("Announce", old["id"]))).status == 202
        assert (await carla.send(us.inbox, mallory.create(old))).status == 202
        undo = mallory.activity("Undo", {"type": "Follow", "id": mallory.uri("f"), "actor": mallory.id})
        assert (await mallory.send(us.inbox, undo)).status == 202
    assert watch.outcomes == ["ignored"] * 3, "hers were dropped at the door, all but the Undo"
    assert victim.delivered == evil.delivered == []


def _everything_new(us: Us, account: Account, note: Document) -> list[Document]:
    return [
        account.create(account.note("new")),
        account.activity("Update", note),
        account.activity("Update", account.document(name="Other")),
        account.activity("Follow", us.uri(us.kim)),
        account.activity("Join", us.uri(us.circle)),
        account.activity("Like", us.public),
        account.activity("Announce", us.public),
        account.activity("Flag", us.public),
        account.activity("Accept", {"type": "Follow", "actor": us.uri(us.kim), "object": account.id}),
    ]


async def test_a_blocked_domain_is_neither_heard_nor_asked(
    us: Us, evil: PeerServer, mallory: Account, carla: Account
) -> None:
    """A18: as signer, as actor, as author, as what is boosted, under any name below it (B16)."""
    await us.follow(carla)
    below = evil.actor("below", key=2, host=f"n1.{evil.authority}")
    note = mallory.note("boost me")
    evil.pages[note["id"].removeprefix(evil.base)] = note
    async with us.federation.writing() as context:
        await block_domain(context, f"{evil.host}.localhost")
    try:
        async with us.unchanged(but=TAKEN_IN) as watch:
            for account in (mallory, below):
                assert (await account.send(us.inbox, account.create(account.note()))).status == 401
            assert (await carla.send(us.inbox, carla.activity("Announce", note["id"]))).status == 202
            assert (await carla.send(us.inbox, carla.activity("Announce", note))).status == 202
            assert (await carla.send(us.inbox, mallory.create(note))).status == 202
    finally:
        async with us.federation.writing() as context:
            await unblock_domain(context, f"{evil.host}.localhost")
    assert watch.outcomes == ["ignored", "ignored"]
    assert evil.fetched == []


async def test_nobody_reads_out_whom_we_block(us: Us, evil: PeerServer, mallory: Account, carla: Account) -> None:
    """A18: an unproven claim about a blocked domain is answered like one about any other, status, body and headers."""
    await us.know(carla)
    async with peer_server("blocked") as blocked, peer_server("open") as other:
        named = [blocked.actor("named", key=3), other.actor("named", key=3)]
        async with us.federation.writing() as context:
            await block_domain(context, f"{blocked.host}.localhost")
        try:
            async with us.unchanged(other, evil, but=CACHED):
                answers = [await _claims(us, mallory, account) for account in named]
        finally:
            async with us.federation.writing() as context:
                await unblock_domain(context, f"{blocked.host}.localhost")
        assert blocked.fetched == []
        assert other.fetched != []
    assert answers[0] == answers[1]
    assert {status for status, _, _ in answers[0]} == {202, 401, 404}


async def _claims(us: Us, mallory: Account, named: Account) -> list[tuple[int, bytes, dict[str, str]]]:
    """What somebody hears who holds no key of an actor's, and speaks in its name in every way."""
    forged, note = mallory.key, named.note()
    replies = [
        await named.send(us.inbox, named.create(note), key=forged),
        await named.send(us.inbox, named.create(note), key=forged, key_id=named.uri("no-such-key")),
        await named.send(us.inbox, named.activity("Follow", us.uri(us.flex)), key=forged),
        await named.send(us.uri(us.kim, "inbox"), named.create(note), key=forged),
        await named.send(f"{us.base}/ap/actors/nobody/inbox", named.create(note), key=forged),
        await named.send(us.inbox, named.activity("Delete", named.id), key=forged),
        await named.send(us.inbox, named.activity("Update", named.document()), key=forged),
        await mallory.send(us.inbox, named.create(note), key_id=mallory.uri("no-such-key")),
        await wire.get(us.uri(us.flex, "followers_synchronization"), mallory.key, named.key_id),
        await wire.get(us.secret, mallory.key, named.key_id),
    ]
    return [(r.status, r.body, {name: v for name, v in r.headers.items() if name != "date"}) for r in replies]
