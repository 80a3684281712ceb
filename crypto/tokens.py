"""Draws identifiers and secrets nobody can guess. Never gives a stored secret a form that can be presented."""

import base64
import hashlib
import os
from collections.abc import Callable

Random = Callable[[int], bytes]

# Crockford's base 32: no i, l, o or u, so that a code survives being read aloud and written by hand.
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_MISREAD = str.maketrans({"o": "0", "i": "1", "l": "1", " ": None, "-": None})
_GROUP = 5
_CODE_LENGTH = 20


def random_id(random: Random = os.urandom) -> str:
    """Return a new identifier: 128 random bits as 26 characters of lower-case base 32 (a to z, 2 to 7)."""
    return base64.b32encode(random(16)).decode("ascii").rstrip("=").lower()


def random_token(random: Random = os.urandom) -> str:
    """Return a new secret for URLs, cookies and feeds: 192 random bits as 32 characters of base64url."""
    return base64.urlsafe_b64encode(random(24)).decode("ascii")


def token_hash(token: str) -> bytes:
    """Return the 32 bytes to store instead of a token: SHA-256. Enough because tokens are random, passwords are not."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def recovery_code(random: Random = os.urandom) -> str:
    """Return a new code to write down: 100 random bits as four groups of five, like `3k9vq-0m4xz-h7t2c-p8w5d`."""
    code = "".join(_CROCKFORD[byte & 31] for byte in random(_CODE_LENGTH))
    return "-".join(code[start : start + _GROUP] for start in range(0, _CODE_LENGTH, _GROUP))


def normalize_recovery_code(typed: str) -> str:
    """Return the code as `recovery_code` wrote it: capitals, blanks, hyphens and the usual misreadings undone.

    Do this before `token_hash`. What is no code comes back as something that matches none.
    """
    code = typed.lower().translate(_MISREAD)
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))
