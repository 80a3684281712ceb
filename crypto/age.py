"""Encrypts streams to whoever holds an identity, in the age format (age-encryption.org/v1), by the Rust library rage.

Whoever encrypts needs only the recipient, which is public, and cannot open what came out. A stream that was cut off or
changed does not open to its end. What is encrypted says nothing of who made it.
"""

from collections.abc import Sequence
from typing import BinaryIO, Final

import pyrage

IDENTITY_PREFIX: Final = "AGE-SECRET-KEY-1"
RECIPIENT_PREFIX: Final = "age1"


class BadKey(ValueError):
    """A text that is no recipient, or no identity."""


class DoesNotOpen(Exception):
    """The stream is encrypted to somebody else (`foreign`), or was cut off or changed."""

    def __init__(self, *, foreign: bool) -> None:
        self.foreign = foreign
        super().__init__("encrypted to another recipient" if foreign else "cut off or changed")


def new_identity() -> tuple[str, str]:
    """A new secret identity and its public recipient (X25519), as texts."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipient_of(identity: str) -> str:
    """The public recipient of an identity. Raises `BadKey`."""
    return str(_identity(identity).to_public())


def check_recipient(text: str) -> str:
    """The text, if it is a recipient (`age1…`). Raises `BadKey`."""
    try:
        return str(pyrage.x25519.Recipient.from_str(text))
    except pyrage.RecipientError as error:
        raise BadKey("not an age recipient: it begins with age1 and is 62 characters long") from error


def encrypt(source: BinaryIO, target: BinaryIO, recipients: Sequence[str]) -> None:
    """Encrypts all of `source` into `target`, so that each recipient can open it.

    Raises `BadKey`, and whatever reading and writing raise.
    """
    keys = [pyrage.x25519.Recipient.from_str(check_recipient(text)) for text in recipients]
    reading, writing = _Watched(source), _Watched(target)
    try:
        pyrage.encrypt_io(reading, writing, keys)
    except pyrage.EncryptError:
        _raise_first(reading, writing)
        raise


def decrypt(source: BinaryIO, target: BinaryIO, identity: str) -> None:
    """Decrypts all of `source` into `target`, in pieces: what was written counts only when this returns.

    Raises `BadKey`, `DoesNotOpen`, and whatever reading and writing raise.
    """
    key = _identity(identity)
    reading, writing = _Watched(source), _Watched(target)
    try:
        pyrage.decrypt_io(reading, writing, [key])
    except (pyrage.DecryptError, OSError, EOFError) as error:
        _raise_first(reading, writing)
        raise DoesNotOpen(foreign="No matching keys" in str(error)) from error


def _identity(text: str) -> "pyrage.x25519.Identity":
    try:
        return pyrage.x25519.Identity.from_str(text.strip())
    except pyrage.IdentityError as error:
        raise BadKey(f"not an age identity: it begins with {IDENTITY_PREFIX}") from error


def _raise_first(*streams: "_Watched") -> None:
    """Raises what a stream raised: the library keeps only its text."""
    for stream in streams:
        if stream.error is not None:
            raise stream.error


class _Watched:
    """A stream that remembers how it failed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except BaseException as error:
            self.error = error
            raise

    def write(self, data: bytes) -> int:
        try:
            return self._stream.write(data)
        except BaseException as error:
            self.error = error
            raise

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BaseException as error:
            self.error = error
            raise
