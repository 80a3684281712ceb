"""Keeps the root key in a file beside the data directory, never in it; refuses to guess when it is not there."""

import os
from pathlib import Path

from crypto.sealing import RootKey

_FIRST_LINE = "groundswell root key, keep it apart from the data"


class RootKeyProblem(RuntimeError):
    """The root key is missing, unreadable or damaged. The message names the file and the next step."""


def load_root_key(path: Path) -> RootKey:
    """Reads the key. Raises `RootKeyProblem`."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError as error:
        raise RootKeyProblem(
            f"the root key {path} is missing: put back the copy you keep apart from the data"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RootKeyProblem(f"the root key {path} cannot be read: {type(error).__name__}") from error
    try:
        return RootKey.from_bytes(bytes.fromhex(lines[1]))
    except (IndexError, ValueError) as error:
        raise RootKeyProblem(
            f"the root key {path} is damaged: put back the copy you keep apart from the data"
        ) from error


def make_root_key(path: Path) -> RootKey:
    """Makes a new key file, readable by its owner alone. Raises `RootKeyProblem` when it cannot, or when one is there.

    The file is complete on disk before this returns.
    """
    key = os.urandom(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{_FIRST_LINE}\n{key.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RootKeyProblem(f"the root key {path} cannot be written: {error.strerror}") from error
    return RootKey.from_bytes(key)
