"""Hashes passwords with Argon2id. Never stores or compares one in the clear.

All functions block for a good part of a tenth of a second and use 64 MiB: call them in a thread, a few at a time.
"""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

LONGEST = 1024
"""Characters accepted in a password. Longer ones are refused before any work is done."""

_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hash_password(password: str) -> str:
    """Return an Argon2id hash with its salt and parameters (RFC 9106 section 4, second choice).

    Raises ValueError for an empty password or one of more than 1024 characters.
    """
    if not 0 < len(password) <= LONGEST:
        raise ValueError("a password has 1 to 1024 characters")
    return _HASHER.hash(_prepare(password))


def verify_password(password: str, hashed: str) -> bool:
    """Whether `password` is the one that `hash_password` was given.

    Raises argon2.exceptions.InvalidHashError when `hashed` is not a hash at all: that is damage, not a wrong password.
    """
    if len(password) > LONGEST:
        return False
    try:
        return _HASHER.verify(hashed, _prepare(password))
    except VerifyMismatchError:
        return False


def needs_rehash(hashed: str) -> bool:
    """Whether the hash was made with other parameters than today's; make a new one at the next sign-in."""
    return _HASHER.check_needs_rehash(hashed)


def _prepare(password: str) -> bytes:
    """Give one spelling to letters that keyboards compose differently (NIST SP 800-63B section 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
