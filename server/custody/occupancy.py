"""Who uses a data directory: many at once, or one who wants it for itself; and its server. Ends with the process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SHARES = "in-use.lock"
"""Locked by every process that has the data open."""

SERVER = "server.lock"
"""Locked by the one server of a SQLite database."""

STARTS = "start.lock"
"""Locked by whoever prepares a SQLite database; not the folder, which unfinished backups lock."""

FILES = frozenset({SHARES, SERVER, STARTS})
"""Hold nothing; what counts is the lock on them, which the kernel drops with its process, however that ends."""


class Occupied(RuntimeError):
    """Somebody else uses the data directory, or wants it for itself."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """A share in a data directory."""

    descriptor: int

    def is_sole(self) -> bool:
        """Whether no other process on this machine has the data open; nobody opens it from then on."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # The share is lost when taking the whole fails, and had again at once: nobody waits for the whole.
            fcntl.flock(self.descriptor, fcntl.LOCK_SH)
            return False
        return True


@contextmanager
def occupied(folder: Path, *, sole: bool) -> Iterator[Occupancy]:
    """Has a share in the directory, or with `sole` all of it, for the block. Raises `Occupied`, `OSError`."""
    with _locked(folder / SHARES, fcntl.LOCK_EX if sole else fcntl.LOCK_SH) as descriptor:
        yield Occupancy(descriptor)


@contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Is the directory's one server for the block, beside whatever commands. Raises `Occupied`, `OSError`."""
    with _locked(folder / SERVER, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(path: Path, how: int) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Occupied from error
        yield descriptor
    finally:
        os.close(descriptor)
