"""Seals columns at rest. Never opens a cell in another place than it was sealed for.

One root key, which wraps all others and does nothing else: whoever changes it wraps them anew, and touches no cell. One
data key for each scope (a movement, say), and one key for look-ups, stored only wrapped: delete the wrapped key and
everything sealed with it is gone. Every blob is a version byte, a key id of 16 bytes, a nonce of 12 bytes and
ChaCha20-Poly1305 (RFC 8439). Sealing hides content, not length.
"""

import hmac
import os
import struct
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Random = Callable[[int], bytes]

VERSION: Final = b"\x01"
KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 16
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
BLIND_INDEX_BYTES: Final = 16
SHORTEST_SALT: Final = 16

_HEADER_BYTES = len(VERSION) + KEY_ID_BYTES
_SMALLEST_BLOB = _HEADER_BYTES + NONCE_BYTES + TAG_BYTES


class CannotOpen(Exception):
    """The blob is damaged, belongs elsewhere, or was sealed with another key. Says no more than that."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a sealed value lives. A value sealed for one cell opens in no other."""

    table: str
    column: str
    row: str
    scope: str


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one scope. `id` is 16 bytes and stands in every blob; `secret` is 32 bytes and is never shown.

    A random nonce of 96 bits is good for 2^32 cells a key (NIST SP 800-38D section 8.3 sets the same limit for GCM).
    Raises ValueError for other lengths.
    """

    id: bytes
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.id) != KEY_ID_BYTES or len(self.secret) != KEY_BYTES:
            raise ValueError("a data key is an id of 16 bytes and a secret of 32")

    @classmethod
    def generate(cls, random: Random = os.urandom) -> Self:
        """Return a new key from `random`, a function of a length in bytes."""
        return cls(random(KEY_ID_BYTES), random(KEY_BYTES))

    def seal(self, cell: Cell, plaintext: bytes, *, random: Random = os.urandom) -> bytes:
        """Return the plaintext sealed for `cell`, 45 bytes longer than it was."""
        return _seal(self.secret, self.id, _cell_context(cell), plaintext, random)

    def open(self, cell: Cell, blob: bytes) -> bytes:
        """Return what `seal` was given for the same cell. Raises CannotOpen for every other key, cell or blob."""
        if sealed_key_id(blob) != self.id:
            raise CannotOpen("sealed with another key")
        return _open(self.secret, _cell_context(cell), blob)


class RootKey:
    """The one secret that opens everything. Kept in memory only; shows nothing of itself when printed.

    `id` is 32 hexadecimal digits that tell this key from others and nothing of the key: it may be written anywhere. Of
    a key made from a passphrase it lets guesses be tried, as every key that it wraps does.
    """

    __slots__ = ("_secret", "_wrapping_secret", "id")

    def __init__(self, secret: bytes) -> None:
        """Take 32 secret bytes. Raises ValueError for any other length."""
        if len(secret) != KEY_BYTES:
            raise ValueError("a root key is 32 bytes")
        self._secret = bytes(secret)
        self._wrapping_secret = _derive(self._secret, b"groundswell/1 wrapping")
        self.id = _derive(self._secret, b"groundswell/1 root key id")[:KEY_ID_BYTES].hex()

    @classmethod
    def generate(cls, random: Random = os.urandom) -> Self:
        """Return a new root key from `random`, a function of a length in bytes."""
        return cls(random(KEY_BYTES))

    @classmethod
    def from_bytes(cls, secret: bytes) -> Self:
        """Return the root key with these 32 bytes. Raises ValueError for any other length."""
        return cls(secret)

    def to_bytes(self) -> bytes:
        """Return the 32 secret bytes, for a key file that the operator keeps apart from the data."""
        return self._secret

    def __repr__(self) -> str:
        """Show nothing."""
        return "RootKey(...)"

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied: a pickle would be the secret in the clear."""
        raise TypeError("a root key is not written out by accident")

    def wrap(self, data_key: DataKey, scope: str, *, random: Random = os.urandom) -> bytes:
        """Return the data key's secret sealed for `scope`, 77 bytes, to be stored next to its id."""
        return _seal(self._wrapping_secret, data_key.id, _wrap_context(scope), data_key.secret, random)

    def unwrap(self, key_id: bytes, blob: bytes, scope: str) -> DataKey:
        """Return the data key that `wrap` sealed. Raises CannotOpen for another root key, id, scope or blob."""
        if sealed_key_id(blob) != key_id:
            raise CannotOpen("another key is wrapped here")
        secret = _open(self._wrapping_secret, _wrap_context(scope), blob)
        if len(secret) != KEY_BYTES:
            raise CannotOpen("not a wrapped data key")
        return DataKey(key_id, secret)

    def first_index_secret(self) -> bytes:
        """Return the secret of look-ups of databases from before it was a key by itself, to be wrapped from then on."""
        return _derive(self._secret, b"groundswell/1 blind index")


class IndexKey:
    """The key of look-ups. It outlives every root key: all indexes would have to be made anew with another."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """Take 32 secret bytes. Raises ValueError for any other length."""
        if len(secret) != KEY_BYTES:
            raise ValueError("an index key is 32 bytes")
        self._secret = bytes(secret)

    def __repr__(self) -> str:
        """Show nothing."""
        return "IndexKey(...)"

    def blind_index(self, label: str, value: str) -> bytes:
        """Return 16 bytes by which to look up a sealed `value`: HMAC-SHA256 under a key of its own for each label.

        Equal values under one label give equal bytes, and under two labels nothing that links them. Name movement
        and column in the label, and bring the value to one spelling first. Two million values of a label meet by
        chance less often than once in 10^25.
        """
        return hmac.digest(_label_secret(self._secret, label), _utf8(value), "sha256")[:BLIND_INDEX_BYTES]


def sealed_key_id(blob: bytes) -> bytes:
    """Return the id of the data key that a blob needs. Raises CannotOpen when it is no blob of ours."""
    if len(blob) < _SMALLEST_BLOB or blob[:1] != VERSION:
        raise CannotOpen("not a sealed value")
    return blob[1:_HEADER_BYTES]


@dataclass(frozen=True, slots=True)
class Stretching:
    """How a passphrase becomes a root key: Argon2id. No secret, and without it the passphrase opens nothing.

    The default is the second choice of RFC 9106 section 4: 3 passes over 64 MiB in 4 lanes, a fraction of a second.
    Raises ValueError for a salt under 16 bytes, and for memory under 64 KiB or over 4 GiB, passes over 100 or lanes
    over 64: what a damaged database may ask for.
    """

    salt: bytes
    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        if len(self.salt) < SHORTEST_SALT or not 64 <= self.memory_kib <= 4_194_304:
            raise ValueError("the salt needs 16 bytes and the memory 64 KiB to 4 GiB")
        if not (1 <= self.passes <= 100 and 1 <= self.lanes <= 64 and 8 * self.lanes <= self.memory_kib):
            raise ValueError("passes or lanes out of bounds")


def root_from_passphrase(passphrase: str, stretching: Stretching) -> RootKey:
    """Return the root key of a passphrase. Slow on purpose: call it in a thread.

    The passphrase is normalised (NFKC), because keyboards differ in how they compose letters.
    """
    secret = hash_secret_raw(
        unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass"),
        stretching.salt,
        time_cost=stretching.passes,
        memory_cost=stretching.memory_kib,
        parallelism=stretching.lanes,
        hash_len=KEY_BYTES,
        type=Type.ID,
    )
    return RootKey.from_bytes(secret)


def _seal(secret: bytes, key_id: bytes, context: bytes, plaintext: bytes, random: Random) -> bytes:
    header = VERSION + key_id
    nonce = random(NONCE_BYTES)
    return header + nonce + ChaCha20Poly1305(secret).encrypt(nonce, plaintext, header + context)


def _open(secret: bytes, context: bytes, blob: bytes) -> bytes:
    header, nonce = blob[:_HEADER_BYTES], blob[_HEADER_BYTES : _HEADER_BYTES + NONCE_BYTES]
    try:
        return ChaCha20Poly1305(secret).decrypt(nonce, blob[_HEADER_BYTES + NONCE_BYTES :], header + context)
    except InvalidTag as error:
        raise CannotOpen("damaged, or sealed for another place") from error


def _cell_context(cell: Cell) -> bytes:
    return _encode("cell", cell.table, cell.column, cell.row, cell.scope)


def _wrap_context(scope: str) -> bytes:
    return _encode("data key", scope)


def _encode(*parts: str) -> bytes:
    """Put a length before each part, so that ("ab", "c") and ("a", "bc") differ."""
    raw = [_utf8(part) for part in parts]
    return b"".join(struct.pack(">I", len(part)) + part for part in raw)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8")


def _derive(secret: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(secret)


@lru_cache(maxsize=1024)
def _label_secret(index_secret: bytes, label: str) -> bytes:
    return _derive(index_secret, b"groundswell/1 label " + _utf8(label))
