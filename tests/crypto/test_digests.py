"""Digests: the published vectors, and every way in which a header may claim more than it proves."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import digests
from crypto.digests import BadDigest
from crypto.signing import SignatureError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "digests.json").read_text("utf-8"))
BODY = b'{"hello": "world"}'
GOOD = digests.digest_header(BODY)
CONTENT = digests.content_digest(BODY)
SHA512 = f"sha-512=:{base64.b64encode(hashlib.sha512(BODY).digest()).decode()}:"
MD5 = base64.b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode()


@pytest.mark.parametrize(("body", "header"), VECTORS["digest"])
def test_digest_vectors(body: str, header: str) -> None:
    assert digests.digest_header(body.encode()) == header
    digests.check_digest_header(header, body.encode())


@pytest.mark.parametrize(("body", "header"), VECTORS["content_digest"])
def test_content_digest_vectors(body: str, header: str) -> None:
    assert digests.content_digest(body.encode()) == header
    digests.check_content_digest(header, body.encode())


@pytest.mark.parametrize(("body", "header"), VECTORS["content_digest_sha512"])
def test_sha512_is_checked_but_not_enough(body: str, header: str) -> None:
    raw = body.encode()
    with pytest.raises(BadDigest):
        digests.check_content_digest(header, raw)
    digests.check_content_digest(f"{header}, {digests.content_digest(raw)}", raw)
    with pytest.raises(BadDigest):
        digests.check_content_digest(f"{header}, {digests.content_digest(raw + b'.')}", raw + b".")


@pytest.mark.parametrize(
    "header",
    [GOOD, GOOD.replace("SHA", "sha"), f"MD5={MD5}, {GOOD}", f"{GOOD},{GOOD}", f" {GOOD} , unixsum=30637"],
)
def test_accepted_digest_headers(header: str) -> None:
    digests.check_digest_header(header, BODY)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "SHA-256",
        "SHA-256=",
        GOOD[:-1],
        GOOD + "=",
        GOOD.replace("SHA-256=", "SHA-256= "),
        f"MD5={MD5}",
        f"SHA-512={base64.b64encode(hashlib.sha512(BODY).digest()).decode()}",
        f"SHA-256={hashlib.sha256(BODY).hexdigest()}",
        f"{GOOD}, {digests.digest_header(b'other')}",
        f"{digests.digest_header(b'other')}, {GOOD}",
        f"{GOOD},",
        "SHA-256=\ud800",
        "SHA-256=" + "é" * 44,
        f"{GOOD}," + "a=b," * 5000,
    ],
)
def test_refused_digest_headers(header: str) -> None:
    with pytest.raises(BadDigest):
        digests.check_digest_header(header, BODY)


@pytest.mark.parametrize(
    "header", [CONTENT, f"{CONTENT}, {SHA512}", f"md5=:{MD5}:, {CONTENT}", f"future=1, {CONTENT}", f"{CONTENT};q=1"]
)
def test_accepted_content_digests(header: str) -> None:
    digests.check_content_digest(header, BODY)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha-256",
        'sha-256="X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="',
        "sha-256=(:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:)",
        "sha-256=::",
        CONTENT.replace("sha", "SHA"),
        CONTENT[:-1],
        CONTENT + ",",
        f"{CONTENT} {CONTENT}",
        f"{digests.content_digest(b'other')}, {CONTENT}",
        f"{CONTENT}, {CONTENT}",
        f"{CONTENT}, sha-512=:AAAA:",
        f"{CONTENT}, sha-512=1",
        SHA512,
        f"md5=:{MD5}:",
        "sha-256=:é:",
        f"{CONTENT}, " + "a=1, " * 5000 + "a=1",
    ],
)
def test_refused_content_digests(header: str) -> None:
    with pytest.raises(BadDigest):
        digests.check_content_digest(header, BODY)


@given(st.text(max_size=60), st.sampled_from(["", "sha-256=:", "sha-256=", "SHA-256="]))
def test_any_text_is_a_bad_digest(text: str, start: str) -> None:
    for check in (digests.check_digest_header, digests.check_content_digest):
        with pytest.raises(BadDigest):
            check(start + text, BODY)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_another_body_does_not_match(body: bytes, other: bytes) -> None:
    digests.check_digest_header(digests.digest_header(body), body)
    digests.check_content_digest(digests.content_digest(body), body)
    if body != other:
        with pytest.raises(BadDigest):
            digests.check_digest_header(digests.digest_header(body), other)
        with pytest.raises(BadDigest):
            digests.check_content_digest(digests.content_digest(body), other)


def test_bad_digest_is_a_signature_error() -> None:
    assert issubclass(BadDigest, SignatureError)


@pytest.mark.parametrize(("ids", "digest"), VECTORS["followers"])
def test_followers_vector(ids: list[str], digest: str) -> None:
    assert digests.followers_digest(ids) == digest
    assert digests.followers_digest(reversed(ids)) == digest
    assert digests.followers_digest(ids + ids) == digest, "a set: an id given twice counts once"


def test_no_followers() -> None:
    assert digests.followers_digest([]) == "0" * 64
