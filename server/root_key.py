"""Keeps the root key in a file beside the data directory, never in it; refuses to guess when it is not there."""

import fcntl
import os
from pathlib import Path

from crypto.sealing import KEY_BYTES, RootKey

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


def first_root_key(path: Path) -> RootKey:
    """The key at a first start: made in a new file, readable by its owner alone, unless it is there already.

    Of several that start at once one makes it, and all get the same. The file, and every folder made for it, outlast
    a power cut before this returns. Raises `RootKeyProblem`.
    """
    try:
        _make_folder(path.parent)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if not path.exists():
                _make(path)
                os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise RootKeyProblem(f"the root key {path} cannot be written: {error.strerror}") from error
    return load_root_key(path)


def _make(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{_FIRST_LINE}\n{os.urandom(KEY_BYTES).hex()}\n")
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        above = os.open(made.parent, os.O_RDONLY)
        try:
            os.fsync(above)
        finally:
            os.close(above)
