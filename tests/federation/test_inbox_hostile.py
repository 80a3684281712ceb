"""Senders that claim to be others: the attacks of known advisories, each against the whole way in.

In every test `mallory` and `carla` live on different servers, and Carla's is the one that Mallory speaks for.
"""

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import event

from crypto import keys
from crypto.signing import sign
from tests.conftest import Clock
from tests.federation.running import Running
from tests.federation.strangers import US, Document, Stranger, encoded, rsa_key, strangers


@pytest.fixture
async def mallory(clock: Clock) -> AsyncIterator[Stranger]:
    async with strangers("mallory", clock=clock) as (made,):
        yield made


@pytest.fixture
async def carla(clock: Clock) -> AsyncIterator[Stranger]:
    async with strangers("other", "carla", clock=clock) as (_, made):
        yield made


def like(sender: Stranger, **changes: Any) -> Document:
    return sender.activity("Like", sender.uri("n/1"), **changes)


async def test_a_key_that_only_claims_an_owner(us: Running, mallory: Stranger, carla: Stranger) -> None:
    """A1: the owner's own document has to list the key."""
    key_id = mallory.uri("key")
    pem = keys.public_to_pem(mallory.key.public_key())
    mallory.serve("key", {"id": key_id, "owner": carla.id, "publicKeyPem": pem})
    for claimed in (carla, mallory):
        activity = claimed.activity("Create", claimed.note("n/1"))
        assert (await us.post(mallory, activity, key_id=key_id)).status_code == 401
    assert await us.items() == []
    assert set(mallory.peer.targets) == {"/key"}
    assert set(carla.peer.targets) <= {"/carla"}


async def test_forgeries_in_a_row_cost_no_look_at_the_database(
    us: Running, mallory: Stranger, carla: Stranger, clock: Clock
) -> None:
    """E1: a known key that does not fit is looked at anew once, and again when it may have changed."""
    assert (await us.post(carla, like(carla))).status_code == 202
    assert (await us.post(mallory, like(carla), key_id=carla.key_id)).status_code == 401
    asked: list[str] = []
    engine = us.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *execution: asked.append(execution[2]))
    assert (await us.post(mallory, like(carla), key_id=carla.key_id)).status_code == 401
    assert asked == []
    clock.advance(seconds=10)
    assert (await us.post(mallory, like(carla), key_id=carla.key_id)).status_code == 401
    assert asked != []


async def test_a_signer_that_is_not_the_actor(us: Running, mallory: Stranger, carla: Stranger) -> None:
    """A2. No Accept-Signature: knocking again with the same key would not help (WIRE 2.4)."""
    for activity in (
        like(carla),
        carla.activity("Create", mallory.note("n/1")),
        carla.activity("Create", {"type": "Note", "attributedTo": carla.id, "content": "x"}),
        carla.activity("Follow", f"{US}/ap/actors/{us.ada.id}"),
        carla.activity("Undo", {"type": "Follow", "actor": carla.id}),
    ):
        answer = await us.post(mallory, activity)
        assert answer.status_code == 401
        assert "accept-signature" not in answer.headers
    assert await us.items() == []
    assert carla.peer.targets == []


async def test_another_actor_of_the_same_server(us: Running, carla: Stranger, clock: Clock) -> None:
    async with strangers("mallory", "victim", clock=clock) as (mallory, victim):
        assert (await us.post(mallory, like(victim))).status_code == 401
        assert (await us.post(mallory, like(mallory))).status_code == 202


async def test_a_request_that_was_meant_for_another_server(us: Running, mallory: Stranger) -> None:
    """A3 (a), (g)."""
    body = encoded(like(mallory))
    captured = mallory.sign(body, target_uri="http://elsewhere.test/ap/inbox")
    for host in ("elsewhere.test", "groundswell.test"):
        answer = await us.http.post("/ap/inbox", content=body, headers={**captured, "Host": host})
        assert answer.status_code in (400, 401)
    absolute = await us.http.post("http://elsewhere.test/ap/inbox", content=body, headers=mallory.sign(body))
    assert absolute.status_code == 202, "the same bytes with our own Host and target are the sender's own request"


async def test_a_signature_over_too_little(us: Running, mallory: Stranger) -> None:
    """A3 (b), (d), (e): covered is only what is signed, whatever other headers say."""
    body = encoded(like(mallory))
    for left_out in ("digest", "host", "(request-target)", "date"):
        headers = _without(mallory, body, left_out)
        assert (await us.http.post("/ap/inbox", content=body, headers=headers)).status_code == 401
    newer = mallory.sign(body, spec="rfc9421")
    newer.pop("Content-Digest")
    assert (await us.http.post("/ap/inbox", content=body, headers=newer)).status_code == 401
    assert await us.items() == []


def _without(sender: Stranger, body: bytes, left_out: str) -> dict[str, str]:
    """A correct signature over all but one of what has to be covered."""
    headers = sender.sign(body)
    values = {"(request-target)": "post /ap/inbox", **{name.lower(): value for name, value in headers.items()}}
    covered = [name for name in ("(request-target)", "host", "date", "digest") if name != left_out]
    signed = "\n".join(f"{name}: {values[name]}" for name in covered).encode()
    signature = b64encode(sign(sender.key, signed)).decode()
    names = " ".join(covered)
    parameters = f'keyId="{sender.key_id}",algorithm="rsa-sha256",headers="{names}",signature="{signature}"'
    return {**headers, "Signature": parameters}


async def test_a_digest_of_something_else(us: Running, mallory: Stranger) -> None:
    """A3 (c), (f)."""
    for digest in ("SHA-512=xxxx", "MD5=xxxx", "SHA-256=AAAA", ""):
        assert (await us.post(mallory, like(mallory), headers={"Digest": digest})).status_code == 401
    changed = encoded(like(mallory)).replace(b"Like", b"like")
    assert (await us.post(mallory, changed, signed_body=encoded(like(mallory)))).status_code == 401
    assert await us.items() == []


async def test_an_activity_id_of_another_server(us: Running, mallory: Stranger, carla: Stranger) -> None:
    """A7: a forged id must not make the genuine activity a repeat."""
    genuine = like(carla, path="a/9")
    assert (await us.post(mallory, {**like(mallory), "id": genuine["id"]})).status_code == 400
    assert (await us.post(mallory, {**genuine, "actor": mallory.id})).status_code == 400
    assert (await us.post(carla, genuine)).status_code == 202
    assert await us.process() == ["done"]


async def test_a_forwarder_cannot_spend_the_authors_id(us: Running, mallory: Stranger, carla: Stranger) -> None:
    """A8: the forwarder's copy is a repeat of the forwarder's only."""
    carla.serve("n/1", carla.note("n/1", "as it is"))
    genuine = carla.activity("Create", carla.note("n/1", "as it is"))
    forged = carla.activity("Create", carla.note("n/1", "as it never was"))
    assert (await us.post(mallory, forged)).status_code == 202
    assert (await us.post(carla, genuine)).status_code == 202
    assert await us.process() == ["done", "done"]
    assert {received.object["content"] for received in us.program.received if received.object} == {"as it is"}
    assert {received.sender.id for received in us.program.received} == {carla.id}


async def test_a_linked_data_signature_counts_for_nothing(us: Running, mallory: Stranger, carla: Stranger) -> None:
    """A9."""
    signature = {"type": "RsaSignature2017", "creator": carla.key_id, "signatureValue": "AAAA"}
    assert (await us.post(mallory, {**like(carla), "signature": signature})).status_code == 401
    rearranged: list[Document] = [{"@graph": []}, {"@included": []}, {"@reverse": {}}, {"as:actor": carla.id}]
    for extra in rearranged:
        assert (await us.post(mallory, {**like(mallory), **extra})).status_code == 400


async def test_actors_of_the_wrong_kind(us: Running, mallory: Stranger) -> None:
    """A10."""
    for actor in (["x"], [], 7, None, {"id": 7}, "mallory", "acct:mallory@evil.example"):
        assert (await us.post(mallory, {**like(mallory), "actor": actor})).status_code == 400, actor


async def test_authors_of_the_wrong_kind(us: Running, mallory: Stranger) -> None:
    """A11: whatever the embedded or the served object says, it is not believed."""
    owners: list[object] = [1, True, ["x"], {"id": f"{US}/ap/actors/instance"}, f"{US}/ap/instance"]
    for number, owner in enumerate(owners):
        note = mallory.note("n/1", attributedTo=owner)
        mallory.serve("n/1", note)
        activity = mallory.activity("Create", note, f"a/{number}")
        assert (await us.post(mallory, activity)).status_code == 202
    assert await us.process() == ["refused"] * 5
    assert us.program.received == []


async def test_ids_of_ours_from_elsewhere(us: Running, mallory: Stranger) -> None:
    """A12: in any spelling that may be read as ours."""
    hosts = ["GROUNDSWELL.test", "groundswell.test.", "groundswell.test:80", "x@groundswell.test", "groundswell%2etest"]
    ids = [f"{US}/ap/activities/1", "https://groundswell.test/ap/activities/1"]
    for ours in ids + [f"http://{host}/ap/activities/1" for host in hosts]:
        assert (await us.post(mallory, {**like(mallory), "id": ours})).status_code == 400, ours
        assert (await us.post(mallory, {**like(mallory), "id": ours, "actor": ours})).status_code == 400, ours
        assert (await us.post(mallory, like(mallory), key_id=ours)).status_code == 401, ours
        assert await us.items() == []
    for number, ours in enumerate(ids):
        note = {**mallory.note("n/1"), "id": ours}
        assert (await us.post(mallory, mallory.activity("Create", note, f"a/{number}"))).status_code == 202
    assert await us.process() == ["refused"] * 2
    assert us.program.received == []


async def test_replays(us: Running, mallory: Stranger, clock: Clock) -> None:
    """A15."""
    body = encoded(like(mallory))
    headers = mallory.sign(body)
    assert (await us.http.post("/ap/inbox", content=body, headers=headers)).status_code == 202
    assert (await us.http.post("/ap/inbox", content=body, headers=headers)).status_code == 202
    assert len(await us.items()) == 1
    clock.advance(hours=2)
    assert (await us.http.post("/ap/inbox", content=body, headers=headers)).status_code == 401
    ahead = clock.now + timedelta(hours=2)
    assert (await us.post(mallory, like(mallory, path="a/2"), now=ahead)).status_code == 401


async def test_key_ids_that_are_no_address(us: Running, mallory: Stranger) -> None:
    """A16."""
    body = encoded(like(mallory))
    schemes = ("acct:mallory@evil.example", "data:text/plain,x", "ftp://evil.example/key", "http:///key", "x")
    for key_id in (*schemes, "http://e/" + "k" * 9_000):
        headers = mallory.sign(body)
        headers["Signature"] = headers["Signature"].replace(mallory.key_id, key_id)
        assert (await us.http.post("/ap/inbox", content=body, headers=headers)).status_code == 401, key_id[:40]
    assert mallory.peer.targets == []


async def test_signature_headers_that_say_two_things(us: Running, mallory: Stranger, carla: Stranger) -> None:
    """A16."""
    body = encoded(like(mallory))
    good = mallory.sign(body)
    twice = {**good, "Signature": good["Signature"] + f',keyId="{carla.key_id}"'}
    assert (await us.http.post("/ap/inbox", content=body, headers=twice)).status_code == 401
    two = [*good.items(), ("Signature", carla.sign(body)["Signature"])]
    assert (await us.http.post("/ap/inbox", content=body, headers=two)).status_code == 401
    for algorithm in ("none", "hmac-sha256", "rsa-sha1"):
        other = good["Signature"].replace("rsa-sha256", algorithm)
        assert (await us.http.post("/ap/inbox", content=body, headers={**good, "Signature": other})).status_code == 401
    long = {**good, "Signature": good["Signature"] + ',x="' + "y" * 100_000 + '"'}
    assert (await us.http.post("/ap/inbox", content=body, headers=long)).status_code == 401
    assert mallory.peer.targets == []
    assert (await us.http.post("/ap/inbox", content=body, headers=good)).status_code == 202


async def test_keys_too_weak_to_count(us: Running, mallory: Stranger) -> None:
    """A16. 1024 bits is the least that this library still makes."""
    mallory.key = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)  # noqa: S505
    mallory.publish()
    assert (await us.post(mallory, like(mallory))).status_code == 401


async def test_a_key_elsewhere_than_signed_with(us: Running, mallory: Stranger, carla: Stranger) -> None:
    """Mallory names Carla's key but signs with her own; Carla is asked once, then not again for five minutes."""
    for number in range(5):
        answer = await us.post(mallory, like(carla, path=f"a/{number}"), key_id=carla.key_id)
        assert answer.status_code == 401
        assert "accept-signature" in answer.headers
    assert len(carla.peer.targets) <= 2
    assert await us.items() == []


async def test_an_actor_document_with_another_actor_in_it(us: Running, mallory: Stranger, carla: Stranger) -> None:
    """A6: what stands at an address of Mallory's cannot be Carla."""
    mallory.serve("mallory", {**carla.document(), "publicKey": mallory.document()["publicKey"]})
    for claimed in (mallory, carla):
        assert (await us.post(mallory, like(claimed))).status_code == 401
    assert await us.items() == []


async def test_an_actor_that_lists_the_key_of_another(us: Running, mallory: Stranger, carla: Stranger) -> None:
    pem = keys.public_to_pem(rsa_key(0).public_key())
    mallory.publish(publicKey={"id": carla.key_id, "owner": mallory.id, "publicKeyPem": pem})
    assert (await us.post(mallory, like(mallory), key_id=carla.key_id)).status_code == 401
    assert (await us.post(mallory, like(carla), key_id=carla.key_id)).status_code == 401
