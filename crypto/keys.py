"""Makes, stores and loads signing keys. Never hands out a public key too weak, too big or too odd to verify with."""

from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

PublicKey = RSAPublicKey | Ed25519PublicKey
PrivateKey = RSAPrivateKey | Ed25519PrivateKey

RSA_BITS = 2048
SMALLEST_RSA_BITS = 2048
LARGEST_RSA_BITS = 8192
# 3 and 65537 are what exists. A longer exponent only makes every verification slower.
LONGEST_EXPONENT_BITS = 33
LARGEST_PEM = 16 * 1024

_PEM_MARKERS = ("-----BEGIN PUBLIC KEY-----", "-----BEGIN RSA PUBLIC KEY-----")
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_VALUES = {character: value for value, character in enumerate(_BASE58)}
_ED25519_PREFIX = b"\xed\x01"


class BadKey(ValueError):
    """The text is not a public key that we verify with."""


def generate_rsa() -> RSAPrivateKey:
    """Return a new RSA key of 2048 bits, the size that every peer verifies (WordPress changes the hash above it)."""
    return generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def generate_ed25519() -> Ed25519PrivateKey:
    """Return a new Ed25519 key, for object proofs (FEP-8b32)."""
    return Ed25519PrivateKey.generate()


def private_to_pem(key: PrivateKey) -> bytes:
    """Return the key as unencrypted PKCS #8 PEM. The caller seals it before it is stored."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_own_rsa(pem: bytes) -> RSAPrivateKey:
    """Load an RSA key that `private_to_pem` wrote.

    Skips the primality checks, which take about 35 ms: only for keys that we made, stored and sealed ourselves.
    Raises ValueError when the bytes are no RSA private key.
    """
    key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA private key")
    return key


def load_own_ed25519(raw: bytes) -> Ed25519PrivateKey:
    """Load the 32 bytes that `ed25519_to_raw` wrote. Raises ValueError for any other length."""
    return Ed25519PrivateKey.from_private_bytes(raw)


def ed25519_to_raw(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 secret bytes (RFC 8032 section 5.1.5)."""
    return key.private_bytes_raw()


def public_to_pem(key: PublicKey) -> str:
    """Return the key as SPKI PEM, the form of `publicKeyPem` that every peer reads."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")


@lru_cache(maxsize=4096)
def load_public_pem(pem: str) -> PublicKey:
    """Load a peer's public key: RSA of 2048 to 8192 bits, or Ed25519; SPKI or PKCS #1 (`BEGIN RSA PUBLIC KEY`).

    Text over 16 KiB is refused unread. Raises BadKey for everything else, in well under a millisecond.
    """
    if len(pem) > LARGEST_PEM or not pem.isascii():
        raise BadKey("not a PEM public key")
    text = pem.strip()
    if not text.startswith(_PEM_MARKERS):
        raise BadKey("not a PEM public key")
    try:
        key = serialization.load_pem_public_key(text.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("not a PEM public key") from error
    if isinstance(key, Ed25519PublicKey):
        return key
    if not isinstance(key, RSAPublicKey):
        raise BadKey("neither RSA nor Ed25519")
    _check_rsa(key)
    return key


def _check_rsa(key: RSAPublicKey) -> None:
    if not SMALLEST_RSA_BITS <= key.key_size <= LARGEST_RSA_BITS:
        raise BadKey("RSA key of a size not accepted")
    numbers = key.public_numbers()
    # With e = 1 a signature is the padded message itself; anybody can write one.
    if numbers.e < 3 or numbers.e % 2 == 0 or numbers.e.bit_length() > LONGEST_EXPONENT_BITS:
        raise BadKey("RSA exponent not accepted")
    if numbers.n % 2 == 0:
        raise BadKey("RSA modulus is even")


def multikey_encode(key: Ed25519PublicKey) -> str:
    """Return the key as `publicKeyMultibase`, `z6Mk...` (FEP-521a, W3C Controlled Identifiers 2.2.2)."""
    return "z" + base58_encode(_ED25519_PREFIX + key.public_bytes_raw())


def multikey_decode(text: str) -> Ed25519PublicKey:
    """Read an Ed25519 `publicKeyMultibase` in base58btc. Raises BadKey for every other kind of key or base."""
    if not text.startswith("z"):
        raise BadKey("not base58btc")
    raw = base58_decode(text[1:], largest=64)
    if len(raw) != 34 or not raw.startswith(_ED25519_PREFIX):
        raise BadKey("not an Ed25519 multikey")
    try:
        return Ed25519PublicKey.from_public_bytes(raw[2:])
    except ValueError as error:
        raise BadKey("not an Ed25519 multikey") from error


def base58_encode(raw: bytes) -> str:
    """Return base58btc without a multibase prefix (draft-msporny-base58-03). Quadratic: for keys and signatures."""
    number = int.from_bytes(raw, "big")
    digits = ""
    while number:
        number, value = divmod(number, 58)
        digits = _BASE58[value] + digits
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + digits


def base58_decode(text: str, *, largest: int) -> bytes:
    """Read base58btc of at most `largest` characters. Raises BadKey for longer text or a foreign character."""
    if len(text) > largest:
        raise BadKey("base58 text too long")
    number = 0
    for character in text:
        value = _BASE58_VALUES.get(character)
        if value is None:
            raise BadKey("not base58btc")
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
