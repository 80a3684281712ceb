"""Keeps the root key in a file beside the data directory, never in it; refuses to guess when it is not there.

A key is never written over: its successor is laid beside it, and takes its place once the database is under it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crypto.sealing import RootKey

_FIRST_LINE = "groundswell root key, keep it apart from the data"

BEGUN = "groundswell-data"
"""A file in the data directory that says that its root key was made."""


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
    with _folder_of(path) as folder:
        if not path.exists():
            _write(path, RootKey.generate())
            os.fsync(folder)
    return load_root_key(path)


def write_root_key(path: Path, key: RootKey) -> None:
    """Writes a key into a new file, and reads it back. On disk before this returns. Raises `RootKeyProblem`."""
    with _folder_of(path) as folder:
        if path.exists():
            raise RootKeyProblem(f"{path} is there already: move it away, or name another place")
        _write(path, key)
        os.fsync(folder)
    if load_root_key(path).id != key.id:
        raise RootKeyProblem(f"{path} does not hold what was written to it: nothing was changed")


def successor_of(path: Path) -> Path:
    """Where the next key of a file lies until it takes its place."""
    return path.with_name(f"{path.name}.new")


def former_of(path: Path, key_id: str) -> Path:
    """Where a key lies that was replaced: it opens copies of the data from before."""
    return path.with_name(f"{path.name}.{key_id[:8]}.old")


def former_keys(path: Path) -> list[Path]:
    """The files of keys that were replaced and are still there."""
    return sorted(path.parent.glob(f"{path.name}.????????.old"))


def lay_successor(path: Path, key: RootKey) -> None:
    """Writes the key that is to follow beside the one in use, in place of one laid in vain. Raises `RootKeyProblem`."""
    successor = successor_of(path)
    with _folder_of(path):
        successor.unlink(missing_ok=True)
    write_root_key(successor, key)


def install_successor(path: Path) -> None:
    """Puts the successor in the place of the key, which is kept beside it. At every moment the place holds one of them.

    Doing it again where it was cut off ends the same. Raises `RootKeyProblem`.
    """
    former = former_of(path, load_root_key(path).id)
    with _folder_of(path) as folder:
        with suppress(FileExistsError):
            os.link(path, former)
        os.fsync(folder)
        os.replace(successor_of(path), path)
        os.fsync(folder)


@contextmanager
def _folder_of(path: Path) -> Iterator[int]:
    """The open folder of a key, which nobody else changes meanwhile. Raises `RootKeyProblem`."""
    try:
        _make_folder(path.parent)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(folder)
    except OSError as error:
        raise RootKeyProblem(f"the root key {path} cannot be written: {error.strerror}") from error


def key_file_text(key: RootKey) -> str:
    """What stands in the file of a key."""
    return f"{_FIRST_LINE}\n{key.to_bytes().hex()}\n"


def _write(path: Path, key: RootKey) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key_file_text(key))
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
