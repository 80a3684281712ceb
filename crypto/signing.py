"""Signs and verifies bytes with RSA PKCS #1 v1.5 or Ed25519. Never lets a label choose against the key's own kind."""

from typing import Literal, assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from crypto.keys import PrivateKey, PublicKey

Algorithm = Literal["rsa-v1_5-sha256", "rsa-v1_5-sha512", "ed25519"]

_PADDING = PKCS1v15()
_SHA256 = SHA256()
_SHA512 = SHA512()


class SignatureError(Exception):
    """A request's signature is missing, unreadable, too old, covers too little or is wrong."""


class BadSignature(SignatureError):
    """The signature was not made by this key over these bytes."""


def sign(key: PrivateKey, message: bytes) -> bytes:
    """Return RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2) or Ed25519 (RFC 8032), by the kind of key."""
    if isinstance(key, RSAPrivateKey):
        return key.sign(message, _PADDING, _SHA256)
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    assert_never(key)


def verify(key: PublicKey, signature: bytes, message: bytes, *, algorithm: Algorithm | None = None) -> None:
    """Raise BadSignature unless `signature` is this key's over `message`.

    Without `algorithm` the key decides: RSA with SHA-256, or Ed25519. An algorithm of another kind of key is refused.
    """
    try:
        if isinstance(key, Ed25519PublicKey) and algorithm in (None, "ed25519"):
            key.verify(signature, message)
        elif isinstance(key, RSAPublicKey) and algorithm != "ed25519":
            key.verify(signature, message, _PADDING, _SHA512 if algorithm == "rsa-v1_5-sha512" else _SHA256)
        else:
            raise BadSignature("the algorithm does not fit the key")
    except InvalidSignature as error:
        raise BadSignature("the signature does not match") from error
