"""RFC 9421 signatures: the RFC's own vectors, what Fedify and WordPress send, and every component we refuse."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA512

from crypto import http_signatures as hs
from crypto import rfc9421
from crypto.messages import MalformedSignature, collect, split_target
from crypto.signing import sign
from tests.crypto.requests import BODY, HOST, INBOX, KEY_ID, NOW, OUTBOX, changed, header, message

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc9421.json").read_text("utf-8"))
EPOCH = int(NOW.timestamp())
TAIL = f';created={EPOCH};keyid="{KEY_ID}"'
FEDIFY = '("@method" "@target-uri" "@authority" "host" "date" "content-digest")'
WORDPRESS = '("@method" "@target-uri" "@authority" "collection-synchronization" "content-digest")'


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=")


def post(key: Any, **overrides: Any) -> hs.Message:
    options: dict[str, Any] = {
        "method": "POST",
        "target_uri": INBOX,
        "body": BODY,
        "key_id": KEY_ID,
        "key": key,
        "now": NOW,
    } | overrides
    return message(options["method"], options["target_uri"], hs.sign_rfc9421(**options), options["body"])


def parse(request: hs.Message, **overrides: Any) -> hs.ParsedSignature:
    options: dict[str, Any] = {"now": NOW, "host": HOST} | overrides
    return hs.parse(request, **options)


def by_hand(key: Any, covered: str, tail: str = TAIL, *, target_uri: str = INBOX) -> hs.Message:
    """A correctly signed POST with any list of components and parameters, written without our serialiser."""
    request = changed(post(key, target_uri=target_uri), "date", "Sun, 07 Jun 2026 20:51:35 GMT")
    request = changed(request, "collection-synchronization", 'digest="00"')
    target = split_target(target_uri)
    names = [part.strip('"') for part in covered.strip("()").split()]
    derived = rfc9421.signature_base(names, {}, collect(request.headers), method="POST", target=target)
    base = derived.rpartition(b'"@signature-params": ')[0] + f'"@signature-params": {covered}{tail}'.encode()
    signed = changed(request, "signature-input", f"sig1={covered}{tail}")
    return changed(signed, "signature", f"sig1=:{base64.b64encode(sign(key, base)).decode()}:")


def with_input(request: hs.Message, value: str) -> hs.Message:
    return changed(request, "signature-input", value)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_signature_bases_of_the_rfc(case: dict[str, Any]) -> None:
    request = VECTORS["request"]
    _, covered, parameters = rfc9421._read_input(case["input"])
    base = rfc9421.signature_base(
        covered,
        parameters,
        collect(tuple((name, value) for name, value in request["headers"])),
        method=request["method"],
        target=split_target(request["target_uri"]),
    )
    assert base.decode().split("\n") == case["base"]
    if "hmac_sha256" in case:
        secret = base64.b64decode(VECTORS["shared_secret"])
        assert hmac.digest(secret, base, hashlib.sha256) == base64.b64decode(case["hmac_sha256"])
    if "ed25519" in case:
        signature = base64.b64decode(case["ed25519"])
        private = Ed25519PrivateKey.from_private_bytes(unpadded(VECTORS["ed25519"]["d"]))
        assert sign(private, base) == signature
        Ed25519PublicKey.from_public_bytes(unpadded(VECTORS["ed25519"]["x"])).verify(signature, base)


def test_what_we_send(rsa: RSAPrivateKey) -> None:
    headers = hs.sign_rfc9421(
        method="POST", target_uri=INBOX, body=b'{"hello": "world"}', key_id=KEY_ID, key=rsa, now=NOW
    )
    assert list(headers) == ["Host", "Content-Digest", "Signature-Input", "Signature"]
    assert headers["Content-Digest"] == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    params = f'("@method" "@target-uri" "content-digest");created={EPOCH};keyid="{KEY_ID}";alg="rsa-v1_5-sha256"'
    assert headers["Signature-Input"] == "sig1=" + params
    base = (
        f'"@method": POST\n"@target-uri": {INBOX}\n'
        '"content-digest": sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:\n'
        f'"@signature-params": {params}'
    )
    assert headers["Signature"] == f"sig1=:{base64.b64encode(sign(rsa, base.encode())).decode()}:"


def test_round_trips(rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey) -> None:
    for key, label in ((rsa, "rsa-v1_5-sha256"), (ed25519, "ed25519")):
        parsed = parse(post(key))
        assert (parsed.spec, parsed.key_id, parsed.algorithm) == ("rfc9421", KEY_ID, label)
        assert (parsed.created, parsed.expires) == (EPOCH, None)
        hs.verify(parsed, key.public_key())
        hs.verify(parse(post(key, method="GET", target_uri=OUTBOX, body=None)), key.public_key())


@pytest.mark.parametrize("covered", [FEDIFY, WORDPRESS, '("@method" "@authority" "@path" "content-digest" "@scheme")'])
@pytest.mark.parametrize(
    "tail", [TAIL, f';alg="rsa-v1_5-sha256";keyid="{KEY_ID}";created={EPOCH}', TAIL + ';nonce="n";tag="t"']
)
def test_what_peers_send(rsa: RSAPrivateKey, covered: str, tail: str) -> None:
    request = by_hand(rsa, covered, tail)
    hs.verify(parse(request), rsa.public_key())
    spaced = with_input(request, header(request, "signature-input").replace(" ", "   ").replace(";", "; "))
    hs.verify(parse(spaced), rsa.public_key())


def test_a_query_must_be_covered(rsa: RSAPrivateKey) -> None:
    target = f"{INBOX}?a=b"
    with pytest.raises(hs.InsufficientCoverage):
        parse(by_hand(rsa, '("@method" "@authority" "@path" "content-digest")', target_uri=target))
    for covered in (
        '("@method" "@authority" "@path" "@query" "content-digest")',
        '("@method" "@target-uri" "@request-target" "content-digest")',
    ):
        request = by_hand(rsa, covered, target_uri=target)
        hs.verify(parse(request), rsa.public_key())
        moved = hs.Message("POST", f"{INBOX}?a=c", request.headers, request.body)
        with pytest.raises(hs.BadSignature):
            hs.verify(parse(moved), rsa.public_key())


@pytest.mark.parametrize(
    "covered",
    [
        "()",
        '("@method" "content-digest")',
        '("@target-uri" "content-digest")',
        '("@method" "@authority" "content-digest")',
        '("@method" "@path" "content-digest")',
        '("@method" "@target-uri")',
        '("@method" "@target-uri" "digest")',
    ],
)
def test_too_little_covered(rsa: RSAPrivateKey, covered: str) -> None:
    request = changed(post(rsa), "digest", None)
    with pytest.raises(hs.InsufficientCoverage):
        parse(with_input(request, f"sig1={covered}{TAIL}"))


def test_a_get_with_a_body_needs_its_digest(rsa: RSAPrivateKey) -> None:
    request = post(rsa, method="GET", target_uri=OUTBOX, body=None)
    with pytest.raises(hs.InsufficientCoverage):
        parse(hs.Message("GET", OUTBOX, request.headers, b"x"))


def test_fedify_signs_the_fragment_of_a_key_url(rsa: RSAPrivateKey) -> None:
    actor = f"https://{HOST}/ap/g/river"
    request = post(rsa, method="GET", target_uri=actor, body=None)
    names = ("@method", "@target-uri")
    parameters: dict[str, str | int] = {"created": EPOCH, "keyid": KEY_ID, "alg": "rsa-v1_5-sha256"}

    def signed(method: str, fragment: str) -> hs.Message:
        target = split_target(actor)
        base = rfc9421.signature_base(names, parameters, {}, method=method, target=target, fragment=fragment)
        return changed(request, "signature", f"sig1=:{base64.b64encode(sign(rsa, base)).decode()}:")

    for fragment in ("", "#main-key", "#ed25519-key"):
        hs.verify(parse(signed("GET", fragment)), rsa.public_key())
    for method, fragment in (("GET", "#other"), ("GET", "#"), ("POST", "")):
        with pytest.raises(hs.BadSignature):
            hs.verify(parse(signed(method, fragment)), rsa.public_key())
    assert len(parse(post(rsa)).candidates) == 1, "a POST has its exact target only"


COVERED = '("@method" "@target-uri" "content-digest"'


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sig1",
        "sig1=1",
        'sig1="text"' + TAIL,
        "sig1=" + COVERED + ")",
        f"sig1={COVERED})" + f';keyid="{KEY_ID}"',
        f"sig1={COVERED})" + f";created={EPOCH}",
        f"sig1={COVERED}{TAIL}",
        f"sig1={COVERED}){TAIL}, sig2={COVERED}){TAIL}",
        f"sig1={COVERED}){TAIL}, sig1={COVERED}){TAIL}",
        f"sig2={COVERED}){TAIL}",
        f"SIG1={COVERED}){TAIL}",
        f"sig1={COVERED}){TAIL};created={EPOCH}",
        f"sig1={COVERED}){TAIL};future=1",
        f"sig1={COVERED}){TAIL};expires=1.5",
        f"sig1={COVERED}){TAIL};expires=?1",
        f"sig1={COVERED}){TAIL};alg=ed25519",
        f'sig1={COVERED}){TAIL};alg="hmac-sha256"',
        f'sig1={COVERED}){TAIL};alg="rsa-pss-sha512"',
        f'sig1={COVERED}){TAIL};alg="none"',
        f'sig1={COVERED});created="{EPOCH}";keyid="{KEY_ID}"',
        f'sig1={COVERED});created=-1;keyid="{KEY_ID}"',
        f'sig1={COVERED});created=@{EPOCH};keyid="{KEY_ID}"',
        f"sig1={COVERED});created={EPOCH};keyid={KEY_ID}",
        f'sig1={COVERED});created={EPOCH};keyid="acct:alice@peer.example"',
        f'sig1={COVERED});created={EPOCH};keyid="http://peer.example/key"',
        f'sig1={COVERED});created={EPOCH};keyid="https://peer.example/{"k" * 2048}"',
        f"sig1={COVERED} @method){TAIL}",
        f'sig1={COVERED} "@method"){TAIL}',
        f'sig1={COVERED} "@status"){TAIL}',
        f'sig1={COVERED} "@query-param";name="a"){TAIL}',
        f'sig1={COVERED} "@query-param"){TAIL}',
        f'sig1={COVERED} "@signature-params"){TAIL}',
        f'sig1={COVERED} "@future"){TAIL}',
        f'sig1={COVERED} "absent"){TAIL}',
        f'sig1={COVERED} "Date"){TAIL}',
        f'sig1={COVERED} ""){TAIL}',
        f'sig1={COVERED} "host";sf){TAIL}',
        f'sig1={COVERED} "host";bs){TAIL}',
        f'sig1={COVERED} "host";tr){TAIL}',
        f'sig1={COVERED} "host";req){TAIL}',
        f'sig1={COVERED} "host";key="a"){TAIL}',
        f'sig1={COVERED} "host" "host";sf){TAIL}',
        f'sig1={COVERED}){TAIL};tag="{"t" * 8192}"',
    ],
)
def test_inputs_that_are_not_accepted(rsa: RSAPrivateKey, value: str) -> None:
    request = post(rsa)
    with pytest.raises(MalformedSignature):
        parse(with_input(request, value))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sig1",
        "sig1=",
        "sig1=:",
        "sig1=::",
        "sig1=:A:",
        "sig1=:AA AA:",
        "sig1=:AAAA:;x=1",
        "sig2=:AAAA:",
        "sig1=:AAAA:, sig2=:AAAA:",
        'keyId="https://peer.example/key",signature="AAAA"',
        f"sig1=:{base64.b64encode(bytes(1025)).decode()}:",
        f"sig1=:{'A' * 9000}:",
    ],
)
def test_signatures_that_are_not_accepted(rsa: RSAPrivateKey, value: str) -> None:
    with pytest.raises(MalformedSignature):
        parse(changed(post(rsa), "signature", value))


def test_missing_and_doubled_headers(rsa: RSAPrivateKey) -> None:
    request = post(rsa)
    with pytest.raises(hs.MissingSignature):
        parse(changed(changed(request, "signature", None), "signature-input", None))
    for name in ("signature", "content-digest"):
        with pytest.raises(MalformedSignature):
            parse(changed(request, name, None))
    for name in ("signature", "signature-input"):
        with pytest.raises(MalformedSignature):
            parse(hs.Message("POST", INBOX, (*request.headers, (name, header(request, name))), BODY))


def test_without_the_input_it_is_no_rfc9421(rsa: RSAPrivateKey) -> None:
    with pytest.raises(MalformedSignature):
        parse(changed(post(rsa), "signature-input", None))


def test_bodies_and_digests(rsa: RSAPrivateKey) -> None:
    request = post(rsa)
    with pytest.raises(hs.BadDigest):
        parse(hs.Message("POST", INBOX, request.headers, BODY + b" "))
    for value in ("sha-512=:AAAA:", "sha-256=:AAAA:", "nonsense", ""):
        with pytest.raises(hs.BadDigest):
            parse(changed(request, "content-digest", value))


def test_the_host_header_is_ours(rsa: RSAPrivateKey) -> None:
    request = post(rsa, target_uri="https://other.example/ap/g/river/inbox")
    with pytest.raises(MalformedSignature, match="Host"):
        parse(hs.Message("POST", INBOX, request.headers, BODY))
    with pytest.raises(MalformedSignature, match="Host"):
        parse(changed(post(rsa), "host", None))
    # With our Host forced on it, the target no longer matches.
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(changed(hs.Message("POST", INBOX, request.headers, BODY), "host", HOST)), rsa.public_key())


def test_times(rsa: RSAPrivateKey) -> None:
    request = post(rsa)
    for minutes in (-65, 65):
        parse(request, now=NOW + timedelta(minutes=minutes))
        with pytest.raises(hs.StaleSignature):
            parse(request, now=NOW + timedelta(minutes=minutes) * 1.001)
    expiring = by_hand(rsa, FEDIFY, f"{TAIL};expires={EPOCH + 60}")
    parsed = parse(expiring, now=NOW + timedelta(seconds=60))
    assert parsed.expires == EPOCH + 60
    hs.verify(parsed, rsa.public_key())
    with pytest.raises(hs.StaleSignature):
        parse(expiring, now=NOW + timedelta(seconds=61))
    with pytest.raises(hs.StaleSignature):
        parse(by_hand(rsa, FEDIFY, f"{TAIL};expires={EPOCH - 1}"), now=NOW - timedelta(minutes=30))


def test_labels_and_kinds_of_key_must_fit(rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey) -> None:
    hs.verify(parse(by_hand(ed25519, FEDIFY)), ed25519.public_key())
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(by_hand(ed25519, FEDIFY, TAIL + ';alg="rsa-v1_5-sha256"')), ed25519.public_key())
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(by_hand(rsa, FEDIFY, TAIL + ';alg="ed25519"')), rsa.public_key())
    request = by_hand(rsa, FEDIFY, TAIL + ';alg="rsa-v1_5-sha512"')
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(request), rsa.public_key())
    longer = rsa.sign(parse(request).candidates[0], PKCS1v15(), SHA512())
    signed = changed(request, "signature", f"sig1=:{base64.b64encode(longer).decode()}:")
    hs.verify(parse(signed), rsa.public_key())


def test_a_signed_header_cannot_add_a_line(rsa: RSAPrivateKey) -> None:
    request = by_hand(rsa, FEDIFY)
    for value in ('x\n"@path": /admin', "é", "\0"):
        with pytest.raises(MalformedSignature):
            parse(changed(request, "date", value))


def test_quotes_in_parameters_are_written_back_escaped(rsa: RSAPrivateKey) -> None:
    tail = TAIL + ';nonce="a\\"b\\\\c"'
    hs.verify(parse(by_hand(rsa, FEDIFY, tail)), rsa.public_key())
