"""Encrypts a Web Push message for one device (RFC 8291) and says who sends it (VAPID, RFC 8292). Bytes in, bytes out.

Every message of up to `LARGEST` bytes comes out equally long: the push service learns nothing from its length. That,
a port in the audience and a contact that is no e-mail address are why this is not a library's.
"""

import base64
import binascii
import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.tokens import Random

LARGEST = 2_047
"""Bytes of a message: with its header it stays below the 4,096 that every push service takes."""

LIFETIME = timedelta(hours=12)
"""How long a VAPID token is good; 24 hours at most (RFC 8292 section 2)."""

_RECORD = 4_096
_CURVE = ec.SECP256R1()


class BadDevice(ValueError):
    """What a device gave as its keys are none."""


@dataclass(frozen=True, slots=True)
class Device:
    """The keys of whoever receives: a point of P-256, 65 bytes, and a secret of 16."""

    public_key: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def from_text(cls, p256dh: str, auth: str) -> Self:
        """From base64, of either alphabet. Raises `BadDevice`."""
        try:
            device = cls(decode(p256dh), decode(auth))
            _point(device.public_key)
        except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
            raise BadDevice("the keys of the device are none") from error
        if len(device.public_key) != 65 or len(device.secret) != 16:
            raise BadDevice("the keys of the device are none")
        return device


@dataclass(frozen=True, slots=True)
class ServerKey:
    """The key by which push services know a server."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """A new one."""
        return cls(ec.generate_private_key(_CURVE))

    @classmethod
    def from_bytes(cls, secret: bytes) -> Self:
        """What `to_bytes` gave."""
        return cls(ec.derive_private_key(int.from_bytes(secret), _CURVE))

    def to_bytes(self) -> bytes:
        """The 32 secret bytes."""
        return self.private.private_numbers().private_value.to_bytes(32)

    @property
    def public_text(self) -> str:
        """The public key as clients and push services know it."""
        return encode(_public(self.private))

    def authorization(self, *, audience: str, contact: str, now: datetime) -> str:
        """The header for a push service: `audience` is its origin, `contact` where we can be reached (RFC 8292)."""
        claims = {"aud": audience, "exp": int((now + LIFETIME).timestamp()), "sub": contact}
        parts = [encode(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims)]
        signed = ".".join(parts)
        r, s = decode_dss_signature(self.private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = encode(r.to_bytes(32) + s.to_bytes(32))
        return f"vapid t={signed}.{signature}, k={self.public_text}"


def encrypt(
    message: bytes,
    device: Device,
    *,
    length: int = LARGEST + 1,
    random: Random = os.urandom,
    once: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body of the request, to be sent with `Content-Encoding: aes128gcm`; padded to `length` bytes.

    `once` is the key that is used once; a fresh one unless a test vector gives it. Raises `ValueError` for too long.
    """
    if len(message) > LARGEST:
        raise ValueError("too long for a push")
    once, salt = once or ec.generate_private_key(_CURVE), random(16)
    own = _public(once)
    shared = once.exchange(ec.ECDH(), _point(device.public_key))
    secret = _derive(shared, device.secret, b"WebPush: info\0" + device.public_key + own, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    padded = (message + b"\2").ljust(length, b"\0")
    header = salt + _RECORD.to_bytes(4) + len(own).to_bytes(1) + own
    return header + AESGCM(key).encrypt(nonce, padded, None)


def encode(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Base64 of either alphabet, padded or not. Raises `binascii.Error`."""
    plain = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)


def _point(public: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, public)


def _public(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.UncompressedPoint
    return key.public_key().public_bytes(serialization.Encoding.X962, form)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)
