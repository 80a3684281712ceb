"""Binds a body, or a set of followers, to a short digest. Never lets a listed digest that we know go unchecked."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import NoReturn

import http_sf

from crypto.signing import SignatureError

_LARGEST_HEADER = 8 * 1024
_CONTENT_DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


class BadDigest(SignatureError):
    """A digest header is missing SHA-256, is unreadable, or does not match the body."""


def digest_header(body: bytes) -> str:
    """Return the value of a `Digest` header: `SHA-256=` and base64 (RFC 3230; the only value that peers agree on)."""
    return "SHA-256=" + _sha256_base64(body)


def check_digest_header(value: str, body: bytes) -> None:
    """Raise BadDigest unless the comma-separated `Digest` value has SHA-256 and every SHA-256 in it matches the body.

    Algorithm names are case-insensitive (RFC 3230 section 4.1.1). Other algorithms are not looked at and are never
    enough.
    """
    if len(value) > _LARGEST_HEADER:
        raise BadDigest("the digest header is too long")
    expected = _sha256_base64(body).encode("ascii")
    found = False
    for part in value.split(","):
        algorithm, separator, encoded = part.strip(" \t").partition("=")
        if not separator:
            raise BadDigest("the digest header is unreadable")
        if algorithm.lower() != "sha-256":
            continue
        if not hmac.compare_digest(encoded.encode("utf-8", "surrogatepass"), expected):
            raise BadDigest("the digest does not match the body")
        found = True
    if not found:
        raise BadDigest("the digest header has no SHA-256")


def content_digest(body: bytes) -> str:
    """Return the value of a `Content-Digest` header with SHA-256 (RFC 9530 section 2)."""
    return f"sha-256=:{_sha256_base64(body)}:"


def check_content_digest(value: str, body: bytes) -> None:
    """Raise BadDigest unless the `Content-Digest` value has sha-256, and sha-256 and any sha-512 match the body.

    The value is a Dictionary of RFC 8941. A key given twice is refused: readers differ in which one counts.
    Algorithms that RFC 9530 calls deprecated, and unknown ones, are ignored.
    """
    if len(value) > _LARGEST_HEADER:
        raise BadDigest("the digest header is too long")
    # What nearly every peer sends. Reading it as a Dictionary would take longer than hashing a usual activity.
    if hmac.compare_digest(value.encode("utf-8", "surrogatepass"), content_digest(body).encode("ascii")):
        return
    try:
        members = http_sf.parse(value.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_duplicate)
    except (ValueError, ArithmeticError) as error:
        raise BadDigest("the digest header is unreadable") from error
    if not isinstance(members, dict) or "sha-256" not in members:
        raise BadDigest("the digest header has no sha-256")
    for algorithm, function in _CONTENT_DIGESTS.items():
        member = members.get(algorithm)
        if member is None:
            continue
        given = member[0] if isinstance(member, tuple) else None
        if not isinstance(given, bytes) or not hmac.compare_digest(given, function(body).digest()):
            raise BadDigest("the digest does not match the body")


def followers_digest(ids: Iterable[str]) -> str:
    """Return the digest of a set of follower ids: XOR of their SHA-256, 64 lower-case hex digits (FEP-8fcf).

    Order does not matter and an id given twice counts once. No ids give 64 zeros.
    """
    combined = 0
    for follower in set(ids):
        combined ^= int.from_bytes(hashlib.sha256(follower.encode("utf-8")).digest(), "big")
    return f"{combined:064x}"


def _sha256_base64(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


def _refuse_duplicate(_key: str, _context: str) -> NoReturn:
    raise ValueError("a key is given twice")
