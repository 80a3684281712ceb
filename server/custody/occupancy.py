"""Who uses a data directory at the moment: many at once, or one who wants it for itself. Ends with the process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE = "in-use.lock"
"""Holds nothing; locked by every process that has the data open."""


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
    descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if sole else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Occupied from error
        yield Occupancy(descriptor)
    finally:
        os.close(descriptor)
