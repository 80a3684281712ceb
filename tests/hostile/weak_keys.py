"""RSA keys too weak or too odd for any library to make, by the textbook (RFC 8017), for those who refuse them."""

import hashlib
import secrets
from base64 import encodebytes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")


@dataclass(frozen=True)
class WeakKey:
    """A modulus with its exponents; `d` is 1 where nobody needs to know it."""

    n: int
    e: int
    d: int

    @property
    def public_pem(self) -> str:
        """The key as SubjectPublicKeyInfo, in PEM."""
        numbers = _sequence(_integer(self.n) + _integer(self.e))
        info = _sequence(_RSA_ENCRYPTION + _element(0x03, b"\0" + numbers))
        return f"-----BEGIN PUBLIC KEY-----\n{encodebytes(info).decode()}-----END PUBLIC KEY-----\n"

    def sign(self, text: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256; at most 1024 bytes of it, as no longer signature is even read."""
        size = (self.n.bit_length() + 7) // 8
        tail = b"\0" + _SHA256_PREFIX + hashlib.sha256(text).digest()
        padded = b"\0\x01" + b"\xff" * (size - len(tail) - 2) + tail
        return pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(size, "big")[-1024:]


@cache
def _of_512_bits() -> WeakKey:
    p, q = _prime(256), _prime(256)
    return WeakKey(p * q, 65_537, pow(65_537, -1, (p - 1) * (q - 1)))


@cache
def _of_1024_bits() -> WeakKey:
    private = generate_private_key(public_exponent=65_537, key_size=1_024).private_numbers()  # noqa: S505
    return WeakKey(private.public_numbers.n, 65_537, private.d)


WEAK: dict[str, Callable[[], WeakKey]] = {
    "512 bits": _of_512_bits,
    "1024 bits": _of_1024_bits,
    "exponent 1": lambda: WeakKey(secrets.randbits(2_048) | 1 << 2_047 | 1, 1, 1),
    "16384 bits": lambda: WeakKey(secrets.randbits(16_384) | 1 << 16_383 | 1, 65_537, 1),
    "even modulus": lambda: WeakKey((secrets.randbits(2_048) | 1 << 2_047) & ~1, 3, 1),
}


def _prime(bits: int) -> int:
    while True:
        candidate = secrets.randbits(bits) | 0b11 << (bits - 2) | 1
        if candidate % 65_537 != 1 and all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7, 11)):
            return candidate


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def _integer(value: int) -> bytes:
    return _element(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _sequence(content: bytes) -> bytes:
    return _element(0x30, content)
