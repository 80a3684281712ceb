"""draft-cavage signatures: the draft's vectors, what we send, and what peers send."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from crypto import http_signatures as hs
from crypto.cavage import signing_string
from crypto.messages import MalformedSignature, collect
from tests.crypto.cavage_requests import ALL, CREATED, EPOCH, by_hand, get, parse, post
from tests.crypto.requests import BODY, INBOX, KEY_ID, NOW, changed, header

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "cavage.json").read_text("utf-8"))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_signing_strings_of_the_draft(case: dict[str, Any]) -> None:
    fields = collect(tuple((name, value) for name, value in VECTORS["headers"]))
    text = signing_string(tuple(case["covered"]), fields, target=VECTORS["target"])
    key = load_pem_public_key(VECTORS["public_key"].encode())
    assert isinstance(key, RSAPublicKey)
    key.verify(base64.b64decode(case["signature"]), text, PKCS1v15(), SHA256())


def test_what_we_send(rsa: RSAPrivateKey) -> None:
    headers = hs.sign_cavage(
        method="POST", target_uri=INBOX, body=b'{"hello": "world"}', key_id=KEY_ID, key=rsa, now=NOW
    )
    assert list(headers) == ["Host", "Date", "Digest", "Signature"]
    assert headers["Host"] == "our.example"
    assert headers["Date"] == "Sun, 07 Jun 2026 20:51:35 GMT"
    assert headers["Digest"] == "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
    start = f'keyId="{KEY_ID}",algorithm="rsa-sha256",headers="(request-target) host date digest",signature="'
    assert headers["Signature"].startswith(start)
    text = (
        b"(request-target): post /ap/g/river/inbox\nhost: our.example\ndate: Sun, 07 Jun 2026 20:51:35 GMT\n"
        b"digest: SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
    )
    signature = base64.b64decode(headers["Signature"][len(start) : -1])
    rsa.public_key().verify(signature, text, PKCS1v15(), SHA256())


def test_post_round_trip(rsa: RSAPrivateKey) -> None:
    parsed = parse(post(rsa))
    assert (parsed.spec, parsed.key_id, parsed.algorithm) == ("cavage", KEY_ID, "rsa-sha256")
    assert parsed.created is None
    hs.verify(parsed, rsa.public_key())


def test_ed25519_goes_by_hs2019(ed25519: Ed25519PrivateKey) -> None:
    parsed = parse(post(ed25519))
    assert parsed.algorithm == "hs2019"
    hs.verify(parsed, ed25519.public_key())


def test_extra_headers_are_covered(rsa: RSAPrivateKey) -> None:
    value = 'collectionId="https://our.example/f", digest="00", url="https://our.example/s"'
    request = post(rsa, extra_headers={"Collection-Synchronization": value})
    assert '(request-target) host date digest collection-synchronization"' in header(request, "signature")
    hs.verify(parse(request), rsa.public_key())
    with pytest.raises(hs.BadSignature):
        hs.verify(parse(changed(request, "collection-synchronization", value + "0")), rsa.public_key())


@pytest.mark.parametrize("extra", [{"Host": "x"}, {"DATE": "x"}, {"X": "a\nb"}, {"X": "é"}, {"X Y": "a"}])
def test_extra_headers_that_cannot_be_signed(rsa: RSAPrivateKey, extra: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        post(rsa, extra_headers=extra)


def test_ports_and_empty_paths(rsa: RSAPrivateKey) -> None:
    def signed(target: str) -> str:
        return hs.sign_cavage(method="GET", target_uri=target, body=None, key_id=KEY_ID, key=rsa, now=NOW)["Host"]

    assert signed("https://Our.Example:443") == "our.example"
    assert signed("http://our.example:80/x") == "our.example"
    assert signed("http://127.0.0.1:3000/x") == "127.0.0.1:3000"
    assert signed("https://[::1]:8443?x") == "[::1]:8443"
    for target in (
        "/inbox",
        "https:///x",
        "https://a@b/x",
        "ftp://a/x",
        "https://a/x#y",
        "https://a/x y",
        "https://é/",
    ):
        with pytest.raises(MalformedSignature):
            signed(target)


def test_get_is_tried_with_and_without_its_query(rsa: RSAPrivateKey) -> None:
    for omit in (False, True):
        parsed = parse(get(rsa, omit_query=omit))
        assert [text.split(b"\n")[0] for text in parsed.candidates] == [
            b"(request-target): get /ap/g/river/outbox?page=2&min=7",
            b"(request-target): get /ap/g/river/outbox",
        ]
        hs.verify(parsed, rsa.public_key())
    assert len(parse(get(rsa, target_uri=INBOX)).candidates) == 1


def test_post_is_tried_with_its_query_only(rsa: RSAPrivateKey) -> None:
    exact = parse(post(rsa, target_uri=f"{INBOX}?a=b"))
    assert len(exact.candidates) == 1
    hs.verify(exact, rsa.public_key())
    without = parse(post(rsa, target_uri=f"{INBOX}?a=b", omit_query=True))
    with pytest.raises(hs.BadSignature):
        hs.verify(without, rsa.public_key())


def test_snac_signs_the_digest_of_nothing(rsa: RSAPrivateKey) -> None:
    request = get(rsa, target_uri=INBOX, body=b"")
    assert "digest" in header(request, "signature")
    hs.verify(parse(request), rsa.public_key())


@pytest.mark.parametrize("algorithm", ["", 'algorithm="hs2019",', "algorithm=hs2019,", 'algorithm="rsa-sha256",'])
@pytest.mark.parametrize("covered", [ALL, ALL + " user-agent accept", "digest date host (request-target)", ALL.title()])
def test_accepted_forms(rsa: RSAPrivateKey, algorithm: str, covered: str) -> None:
    request = by_hand(rsa, covered.lower(), algorithm=algorithm)
    value = header(request, "signature").replace(covered.lower(), covered)
    for form in (value, "Signature " + value, value.replace(",", " , ", 1) + " ", value + ',other="a,b=c"'):
        hs.verify(parse(changed(request, "signature", form)), rsa.public_key())


def test_created_and_expires(rsa: RSAPrivateKey) -> None:
    request = by_hand(
        rsa, CREATED + " (expires)", f",created={EPOCH},expires={EPOCH + 60}", created=EPOCH, expires=EPOCH + 60
    )
    parsed = parse(request)
    assert (parsed.created, parsed.expires) == (EPOCH, EPOCH + 60)
    hs.verify(parsed, rsa.public_key())
    parse(request, now=NOW + timedelta(seconds=60))
    with pytest.raises(hs.StaleSignature):
        parse(request, now=NOW + timedelta(seconds=61))


def test_expires_is_honoured_even_when_unsigned(rsa: RSAPrivateKey) -> None:
    for expires in (EPOCH - 1, 0):
        with pytest.raises(hs.StaleSignature):
            parse(by_hand(rsa, ALL, f",expires={expires}"))
    # Far beyond 12 hours: the 65 minutes still hold.
    request = by_hand(rsa, ALL, f",expires={EPOCH + 10**6}")
    parse(request)
    with pytest.raises(hs.StaleSignature):
        parse(request, now=NOW + timedelta(minutes=66))


@pytest.mark.parametrize("minutes", [-65, 65])
def test_the_window_is_65_minutes(rsa: RSAPrivateKey, minutes: int) -> None:
    request, created = post(rsa), by_hand(rsa, CREATED, f",created={EPOCH}", created=EPOCH)
    for signed in (request, created):
        parse(signed, now=NOW + timedelta(minutes=minutes))
        with pytest.raises(hs.StaleSignature):
            parse(signed, now=NOW + timedelta(minutes=minutes) * 1.001)


def test_a_day_of_one_digit_and_a_leap_second_pass(rsa: RSAPrivateKey) -> None:
    for date in ("Sun, 7 Jun 2026 20:51:35 GMT", "Sun, 07 Jun 2026 20:51:60 GMT"):
        parse(changed(post(rsa), "date", date))


def test_http_key_ids_only_when_asked_for(rsa: RSAPrivateKey) -> None:
    request = post(rsa, key_id="http://127.0.0.1:3000/users/alice#main-key")
    with pytest.raises(MalformedSignature):
        parse(request)
    hs.verify(parse(request, allow_http=True), rsa.public_key())


def test_takahe_key_ids_are_urls(rsa: RSAPrivateKey) -> None:
    parse(post(rsa, key_id="https://takahe.example/@tina@takahe.example/#main-key"))


def test_repeated_headers_are_joined(rsa: RSAPrivateKey) -> None:
    request = post(rsa, extra_headers={"X-Note": "one, two"})
    apart = changed(request, "x-note", None)
    split = hs.Message("POST", INBOX, (*apart.headers, ("x-note", " one "), ("x-note", "two\t")), BODY)
    hs.verify(parse(split), rsa.public_key())


def test_a_time_without_a_zone_is_a_mistake_of_ours(rsa: RSAPrivateKey) -> None:
    with pytest.raises(ValueError, match="zone"):
        post(rsa, now=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="zone"):
        parse(post(rsa), now=NOW.replace(tzinfo=None))
