"""Signatures that are not over this request, not now, or not by a key worth the name (HOSTILE A3, A15, A16)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.hostile import weak_keys
from tests.hostile.peer import Account, PeerServer
from tests.hostile.us import CACHED, COUNTED, TAKEN_IN, Us
from tests.hostile.wire import (
    COVER,
    COVER_9421,
    LABELS,
    Shape,
    Signer,
    Spec,
    encoded,
    keyed_hash,
    post,
    signed_headers,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUICK = 5.0
"""Seconds for a refusal that needs no key, with room for a busy machine."""


@pytest.mark.parametrize("spec", ["cavage", "rfc9421"])
async def test_the_kit_itself_signs_well(us: Us, mallory: Account, spec: str) -> None:
    """Every other test differs from this one by its fault alone: by hand too, a whole signature is accepted."""
    await us.know(mallory)
    async with us.unchanged(but=TAKEN_IN):
        for shape in ({}, {"algorithm": LABELS[spec]}, {"cover": COVER if spec == "cavage" else COVER_9421}):
            reply = await mallory.send(us.inbox, mallory.activity("Dislike", us.public), spec=spec, **shape)
            assert reply.status == 202


def _without(names: Sequence[str], left_out: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != left_out)


@pytest.mark.parametrize(
    ("spec", "cover"),
    [
        ("cavage", ("date",)),
        ("cavage", ()),
        *(("cavage", _without(COVER, name)) for name in COVER),
        ("cavage", ("(created)", "(request-target)", "host", "digest")),
        *(("rfc9421", _without(COVER_9421, name)) for name in COVER_9421),
        ("rfc9421", ()),
        ("rfc9421", ("@method", "@authority", "content-digest")),
        ("rfc9421", ("@method", "@target-uri", "content-digest", "@status")),
        ("rfc9421", ("@method", "@method", "@target-uri", "content-digest")),
    ],
)
async def test_signatures_over_too_little(us: Us, mallory: Account, spec: str, cover: Sequence[str]) -> None:
    """A3 (b), (d), (e): only what is signed counts, whatever other headers say."""
    await us.know(mallory)
    async with us.unchanged(within=QUICK):
        reply = await mallory.send(us.inbox, mallory.activity("Like", us.public), spec=spec, cover=cover)
    assert reply.status == 401


@pytest.mark.parametrize("spec", ["cavage", "rfc9421"])
async def test_a_request_meant_for_another_server(us: Us, mallory: Account, spec: Spec) -> None:
    """A3 (a), (g) (GHSA-3f39-6537-3cgc): as it was captured, and with our own name put on it."""
    await us.know(mallory)
    body = encoded(mallory.activity("Like", us.public))
    elsewhere = "http://elsewhere.localhost/ap/inbox"
    captured = signed_headers("POST", elsewhere, body, mallory.key, mallory.key_id, Shape(spec=spec))
    async with us.unchanged(within=QUICK):
        assert (await post(us.inbox, body, captured)).status == 400
        assert (await post(us.inbox, body, {**captured, "Host": us.server.domain})).status == 401
        for target in ("http://elsewhere.localhost/ap/inbox", "http://user@elsewhere.localhost/ap/inbox"):
            reply = await mallory.send(us.inbox, body, spec=spec, host="elsewhere.localhost", target=target)
            assert reply.status in (400, 401)
        assert (await mallory.send(us.inbox, body, spec=spec, more=[("Host", "elsewhere.localhost")])).status == 400


async def test_a_request_for_another_inbox(us: Us, mallory: Account) -> None:
    """A3: a signature for Kim's inbox opens no other one."""
    await us.know(mallory)
    body = encoded(mallory.activity("Like", us.public))
    async with us.unchanged(within=QUICK):
        for spec in ("cavage", "rfc9421"):
            kims = us.uri(us.kim, "inbox")
            assert (await mallory.send(kims, body, spec=spec, target="/ap/inbox")).status == 401
            assert (await mallory.send(us.inbox, body, spec=spec, target="/ap/inbox?x=1")).status == 401


DIGESTS = ["SHA-512=AAAA", "MD5=1B2M2Y8AsgTpgAmY7PhCfg==", "SHA-256=AAAA", "SHA-256", "sha-256=:AAAA:"]


@pytest.mark.parametrize("digest", DIGESTS)
async def test_digests_of_something_else(us: Us, mallory: Account, digest: str) -> None:
    """A3 (c), (f) (CVE-2026-90679): of either header, signed correctly."""
    await us.know(mallory)
    activity = mallory.activity("Like", us.public)
    async with us.unchanged(within=QUICK):
        assert (await mallory.send(us.inbox, activity, digest=digest)).status == 401
        assert (await mallory.send(us.inbox, activity, spec="rfc9421", digest=digest)).status == 401


@pytest.mark.parametrize("spec", ["cavage", "rfc9421"])
async def test_a_body_that_was_not_signed(us: Us, mallory: Account, spec: str) -> None:
    """A3 (c): one byte changed, or one more."""
    await us.know(mallory)
    body = encoded(mallory.activity("Like", us.public))
    async with us.unchanged(within=QUICK):
        for changed in (body.replace(b"Like", b"Lake"), body + b" ", b""):
            assert (await mallory.send(us.inbox, body, spec=spec, body_override=changed)).status == 401


@pytest.mark.parametrize("spec", ["cavage", "rfc9421"])
async def test_signatures_out_of_time(us: Us, mallory: Account, spec: str) -> None:
    """A15: two hours old, two hours ahead, or past its own expiry."""
    await us.know(mallory)
    now, activity = datetime.now(UTC), mallory.activity("Like", us.public)
    separator = "," if spec == "cavage" else ";"
    expired = f"{separator}expires={int(now.timestamp()) - 60}"
    async with us.unchanged(within=QUICK):
        for hours in (-2, 2):
            moment = now + timedelta(hours=hours)
            assert (await mallory.send(us.inbox, activity, spec=spec, date=moment)).status == 401
        assert (await mallory.send(us.inbox, activity, spec=spec, parameters=expired)).status == 401


async def test_the_same_bytes_again(us: Us, carla: Account) -> None:
    """A15: a repeat is answered as the first was, and changes nothing, even under a fresh signature."""
    await us.follow(carla)
    body = encoded(carla.create(carla.note()))
    headers = signed_headers("POST", us.inbox, body, carla.key, carla.key_id, Shape())
    assert (await post(us.inbox, body, headers)).status == 202
    await us.settled()
    async with us.unchanged():
        assert (await post(us.inbox, body, headers)).status == 202
        assert (await carla.send(us.inbox, body)).status == 202


async def test_an_old_follow_after_its_undo(us: Us, evil: PeerServer, mallory: Account) -> None:
    """A15: whoever keeps a Follow cannot make somebody follow again, be it seen before or only now."""
    await us.know(mallory)
    seen, unseen = (mallory.activity("Follow", us.uri(us.kim)) for _ in range(2))
    assert (await mallory.send(us.inbox, seen)).status == 202
    await us.settled()
    for follow in (seen, unseen):
        assert (await mallory.send(us.inbox, mallory.activity("Undo", follow))).status == 202
    await us.settled()
    told = len(evil.delivered)
    async with us.unchanged(but=(*TAKEN_IN, *COUNTED)) as watch:
        for follow in (seen, unseen):
            assert (await mallory.send(us.inbox, follow)).status == 202
    assert watch.outcomes == ["ignored"]
    assert len(evil.delivered) == told == 1, "one Accept, of the first Follow"


@pytest.mark.parametrize(
    "key_id",
    [
        "acct:mallory@evil.example",
        "data:text/plain,key",
        "ftp://evil.example/key",
        "file:///etc/passwd",
        "http:///key",
        "mallory",
        "",
        "https://evil.example/" + "k" * 8_192,
        "https://a:b@evil.example/key",
        "https://evil.example\\@x/",
    ],
)
async def test_key_ids_that_are_no_address(us: Us, mallory: Account, key_id: str) -> None:
    """A16."""
    async with us.unchanged(within=QUICK):
        for spec in ("cavage", "rfc9421"):
            reply = await mallory.send(us.inbox, mallory.activity("Like", us.public), key_id=key_id, spec=spec)
            assert reply.status == 401


@pytest.mark.parametrize("spec", ["cavage", "rfc9421"])
async def test_headers_that_say_two_things(us: Us, mallory: Account, carla: Account, spec: str) -> None:
    """A16 (Mastodon 4.3.18): readers differ in which one counts."""
    await us.know(mallory, carla)
    activity = mallory.activity("Like", us.public)
    name = "keyId" if spec == "cavage" else "keyid"
    twice = f'{"," if spec == "cavage" else ";"}{name}="{carla.key_id}"'
    other = signed_headers("POST", us.inbox, encoded(activity), carla.key, carla.key_id, Shape(spec="cavage"))
    async with us.unchanged(within=QUICK):
        second = [("Signature", other["Signature"])]
        assert (await mallory.send(us.inbox, activity, spec=spec, more=second)).status == 401
        reply = await mallory.send(us.inbox, activity, spec=spec, parameters=twice)
        # RFC 8941 lets the last parameter of a name count: then the key is Carla's, and did not sign.
        assert reply.status == 401


@pytest.mark.parametrize("size", [9_000, 100_000])
async def test_a_header_without_end(us: Us, mallory: Account, size: int) -> None:
    """A16: refused before anything is looked up."""
    await us.know(mallory)
    filler = f',x="{"y" * size}"'
    async with us.unchanged(within=QUICK):
        reply = await mallory.send(us.inbox, mallory.activity("Like", us.public), parameters=filler)
    assert reply.status in (400, 401, 431)


@pytest.mark.parametrize("algorithm", ["none", "hmac-sha256", "rsa-sha1", "ecdsa-sha256", "RSA-SHA256", ""])
@pytest.mark.parametrize("spec", ["cavage", "rfc9421"])
async def test_algorithms_that_are_none(us: Us, mallory: Account, algorithm: str, spec: str) -> None:
    """A16: the public key is nobody's secret."""
    await us.know(mallory)
    keys: list[Signer] = [mallory.key, keyed_hash(mallory.public_pem), lambda text: b"\0"]
    async with us.unchanged(within=QUICK):
        for key in keys:
            activity = mallory.activity("Like", us.public)
            reply = await mallory.send(us.inbox, activity, key=key, algorithm=algorithm, spec=spec)
            assert reply.status == 401


@pytest.mark.parametrize("kind", ["512 bits", "1024 bits", "exponent 1", "16384 bits", "even modulus"])
async def test_keys_that_prove_nothing(us: Us, evil: PeerServer, mallory: Account, kind: str) -> None:
    """A16: the signature is right for the key, as far as the key allows, and is refused for the key alone."""
    weak = weak_keys.WEAK[kind]()
    key = {"id": mallory.key_id, "owner": mallory.id, "publicKeyPem": weak.public_pem}
    mallory.publish(publicKey=key)
    async with us.unchanged(evil, but=CACHED, within=QUICK):
        reply = await mallory.send(us.inbox, mallory.activity("Like", us.public), key=weak.sign)
    assert reply.status == 401
    assert set(evil.fetched) == {"/mallory"}


async def test_signing_in_vain_with_the_key_of_another(
    us: Us, victim: PeerServer, mallory: Account, carla: Account
) -> None:
    """1.7, 9: Carla is not asked anew each time somebody pretends to be her."""
    await us.know(carla)
    async with us.unchanged():
        for _ in range(10):
            reply = await mallory.send(us.inbox, carla.activity("Like", us.public), key_id=carla.key_id)
            assert reply.status == 401
    assert victim.fetched == ["/carla"]
