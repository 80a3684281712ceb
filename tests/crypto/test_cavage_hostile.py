"""draft-cavage signatures: everything that an attacker may leave out, double, forge or replay."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA512

from crypto import http_signatures as hs
from crypto.messages import MalformedSignature
from tests.crypto.cavage_requests import ALL, CREATED, EPOCH, by_hand, get, parse, post
from tests.crypto.requests import BODY, HOST, INBOX, KEY_ID, changed, header


@pytest.mark.parametrize("tail", [f',created="{EPOCH}"', f",created={EPOCH}.5", ",created=-1", ",created=1e9", ""])
def test_created_is_a_whole_unquoted_number(rsa: RSAPrivateKey, tail: str) -> None:
    with pytest.raises(MalformedSignature):
        parse(by_hand(rsa, CREATED, tail, created=EPOCH))


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "rsa-sha512", "ed25519"])
def test_created_needs_a_label_that_leaves_the_choice_to_the_key(rsa: RSAPrivateKey, algorithm: str) -> None:
    label = f'algorithm="{algorithm}",'
    with pytest.raises(MalformedSignature):
        parse(by_hand(rsa, CREATED, f",created={EPOCH}", label, created=EPOCH))
    with pytest.raises(MalformedSignature):
        parse(by_hand(rsa, ALL + " (expires)", f",expires={EPOCH + 9}", label, expires=EPOCH + 9))


def test_both_times_must_be_fresh_when_both_are_signed(rsa: RSAPrivateKey) -> None:
    old = EPOCH - 7200
    with pytest.raises(hs.StaleSignature):
        parse(by_hand(rsa, CREATED + " date", f",created={old}", created=old))


@pytest.mark.parametrize(
    "date",
    [
        "",
        "Sun, 07 Jun 2026 20:51:35",
        "Sun, 07 Jun 2026 20:51:35 UTC",
        "Sun, 07 Jun 2026 20:51:35 +0000",
        "2026-06-07T20:51:35Z",
        "Sunday, 07-Jun-26 20:51:35 GMT",
        "Sun Jun  7 20:51:35 2026",
        "Sun, 31 Feb 2026 20:51:35 GMT",
        "Sun, 07 Jun 2026 24:51:35 GMT",
        "Sun, 07 Jun 2026 20:51:61 GMT",
        "Sun, 07 Jun -226 20:51:35 GMT",
        "Sun, 07 Jun 0000 20:51:35 GMT",
        "Sun, \u0660\u0667 Jun 2026 20:51:35 GMT",
        "Sun, 07 Jun 2026 20:51:³5 GMT",
    ],
)
def test_dates_that_are_not_http_dates(rsa: RSAPrivateKey, date: str) -> None:
    with pytest.raises(MalformedSignature):
        parse(changed(post(rsa), "date", date))


@pytest.mark.parametrize(
    "covered",
    [
        "date",
        "host date digest",
        "(request-target) date digest",
        "(request-target) host digest",
        "(request-target) host date",
    ],
)
def test_too_little_covered(rsa: RSAPrivateKey, covered: str) -> None:
    with pytest.raises(hs.InsufficientCoverage):
        parse(by_hand(rsa, covered))


def test_the_default_list_covers_too_little(rsa: RSAPrivateKey) -> None:
    request = post(rsa)
    without = header(request, "signature").replace(f'headers="{ALL}",', "")
    with pytest.raises(MalformedSignature):
        parse(changed(request, "signature", without))
    with pytest.raises(hs.InsufficientCoverage):
        parse(changed(request, "signature", without.replace('algorithm="rsa-sha256",', "")))


def test_a_get_with_a_body_or_another_method_needs_a_digest(rsa: RSAPrivateKey) -> None:
    request = get(rsa)
    parse(request)
    with pytest.raises(hs.InsufficientCoverage):
        parse(hs.Message("GET", request.target_uri, request.headers, b"x"))
    for method in ("POST", "PUT", "DELETE", "get"):
        with pytest.raises(hs.InsufficientCoverage):
            parse(hs.Message(method, request.target_uri, request.headers, b""))


def test_a_request_to_another_server_cannot_be_replayed_here(rsa: RSAPrivateKey) -> None:
    request = post(rsa, target_uri="https://other.example/ap/g/river/inbox")
    replayed = hs.Message(request.method, INBOX, request.headers, request.body)
    with pytest.raises(MalformedSignature, match="Host"):
        parse(replayed)
    for host in ("our.example.", "our.example:443", "OUR.example", "our.example, our.example", ""):
        with pytest.raises(MalformedSignature, match="Host"):
            parse(changed(post(rsa), "host", host))
    doubled = post(rsa)
    with pytest.raises(MalformedSignature, match="Host"):
        parse(hs.Message("POST", INBOX, (*doubled.headers, ("host", HOST)), BODY))


@pytest.mark.parametrize("digest", ["SHA-512=AAAA", "MD5=AAAA", "SHA-256=AAAA", ""])
def test_digests_that_do_not_hold(rsa: RSAPrivateKey, digest: str) -> None:
    with pytest.raises(hs.BadDigest):
        parse(changed(post(rsa), "digest", digest))


def test_missing_and_doubled_headers(rsa: RSAPrivateKey) -> None:
    request = post(rsa)
    with pytest.raises(hs.MissingSignature):
        parse(changed(request, "signature", None))
    for name in ("digest", "date"):
        with pytest.raises(MalformedSignature):
            parse(changed(request, name, None))
    for name in ("signature", "date"):
        extra = (name, header(request, name))
        with pytest.raises(MalformedSignature):
            parse(hs.Message("POST", INBOX, (*request.headers, extra), BODY))


@pytest.mark.parametrize(
    "tail",
    [
        f',keyId="{KEY_ID}"',
        ',keyid="https://evil.example/key"',
        ',signature="AAAA"',
        ',headers="date"',
        ',algorithm="hs2019"',
        ",",
        ",a",
        ",a=",
        ',a="',
        ',a=""',
        ',a="b"c',
        ',a="b\\""',
        ",a=b c",
        ",=b",
        ',"a"=b',
        ',a="\x07"',
        ',a="é"',
        ",a=" + "b" * 8192,
    ],
)
def test_unreadable_or_ambiguous_parameters(rsa: RSAPrivateKey, tail: str) -> None:
    request = post(rsa)
    parse(request)
    with pytest.raises(MalformedSignature):
        parse(changed(request, "signature", header(request, "signature") + tail))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('algorithm="rsa-sha256"', 'algorithm="none"'),
        ('algorithm="rsa-sha256"', 'algorithm="hmac-sha256"'),
        ('algorithm="rsa-sha256"', 'algorithm="RSA-SHA1"'),
        ("host date", "host host date"),
        ("host date", "host Host date"),
        ("host date", "host date x-absent"),
        ('signature="', 'signature="!'),
        ('signature="', 'signature="AAAA='),
        (f'keyId="{KEY_ID}",', ""),
        (KEY_ID, "acct:alice@peer.example"),
        (KEY_ID, "data:text/plain,key"),
        (KEY_ID, "http://peer.example/users/alice#main-key"),
        (KEY_ID, "HTTPS://peer.example/users/alice#main-key"),
        (KEY_ID, "https:///users/alice#main-key"),
        (KEY_ID, "https://alice@peer.example/#main-key"),
        (KEY_ID, "https://peer.example\\@evil.example/#main-key"),
        (KEY_ID, "https://peer.example/ key"),
        (KEY_ID, "https://peer.example/" + "k" * 2048),
        (KEY_ID, "key-1"),
    ],
)
def test_contents_that_are_not_accepted(rsa: RSAPrivateKey, old: str, new: str) -> None:
    request = post(rsa)
    value = header(request, "signature")
    assert old in value
    with pytest.raises(MalformedSignature):
        parse(changed(request, "signature", value.replace(old, new)))


def test_empty_and_overlong_signatures(rsa: RSAPrivateKey) -> None:
    request = post(rsa)
    start = header(request, "signature").partition('signature="')[0]
    for encoded in (base64.b64encode(bytes(1025)).decode(), "A", "===="):
        with pytest.raises(MalformedSignature):
            parse(changed(request, "signature", f'{start}signature="{encoded}"'))
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(changed(request, "signature", f'{start}signature="AAAA"')), rsa.public_key())


def test_labels_and_kinds_of_key_must_fit(rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey) -> None:
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(by_hand(ed25519, ALL, algorithm='algorithm="rsa-sha256",')), ed25519.public_key())
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(by_hand(rsa, ALL, algorithm='algorithm="ed25519",')), rsa.public_key())
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(by_hand(rsa, ALL, algorithm='algorithm="rsa-sha512",')), rsa.public_key())
    hs.verify(parse(by_hand(ed25519, ALL, algorithm='algorithm="ed25519",')), ed25519.public_key())
    request = by_hand(rsa, ALL, algorithm='algorithm="rsa-sha512",')
    longer = rsa.sign(parse(request).candidates[0], PKCS1v15(), SHA512())
    start = header(request, "signature").partition('signature="')[0]
    value = f'{start}signature="{base64.b64encode(longer).decode()}"'
    hs.verify(parse(changed(request, "signature", value)), rsa.public_key())


def test_another_key_does_not_verify(rsa: RSAPrivateKey, other_rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey) -> None:
    parsed = parse(post(rsa))
    for key in (other_rsa.public_key(), ed25519.public_key()):
        with pytest.raises(hs.BadSignature):
            hs.verify(parsed, key)


@pytest.mark.parametrize("value", ["a\nhost: our.example", "a\r\nb", "é", "\0", "\ud800"])
def test_a_signed_header_cannot_add_a_line(rsa: RSAPrivateKey, value: str) -> None:
    request = changed(by_hand(rsa, ALL + " user-agent"), "user-agent", value)
    with pytest.raises(MalformedSignature):
        parse(request)


@pytest.mark.parametrize(
    "target", ["/inbox", "", "https://", "https://our.example/a\nhost: x", "https://our.example/#"]
)
def test_targets_that_are_no_targets(rsa: RSAPrivateKey, target: str) -> None:
    request = post(rsa)
    with pytest.raises(MalformedSignature):
        parse(hs.Message("POST", target, request.headers, BODY))
    with pytest.raises(MalformedSignature):
        parse(hs.Message("PO ST", INBOX, request.headers, BODY))
