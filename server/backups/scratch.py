"""Folders for what is not finished yet, and the step by which a finished file gets its name."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from server.backups.problem import Problem

PREFIX = ".groundswell-unfinished-"
"""How the folders' names begin. Whatever bears such a name and is not locked was left by a process that was killed."""

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder inside `parent`, closed to others, removed with the block. First removes what killed ones left.

    Raises `OSError`.
    """
    with _locked(parent):
        _sweep(parent)
        folder = parent / f"{PREFIX}{token_hex(8)}"
        folder.mkdir(mode=0o700)
        held = os.open(folder, os.O_RDONLY)
        _try_lock(held)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


@contextmanager
def _locked(parent: Path) -> Iterator[None]:
    held = os.open(parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):
            held = os.open(left, os.O_RDONLY)
            try:
                if _try_lock(held):
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(held)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_unfinished(path: Path) -> bool:
    """Whether a path is such a folder."""
    return path.name.startswith(PREFIX)


def sync(path: Path) -> None:
    """Makes a file, or the names in a folder, outlast a power cut. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """The same for a folder with all that is in it."""
    for place, _, names in os.walk(folder):
        for name in names:
            sync(Path(place) / name)
        sync(Path(place))


def publish(finished: Path, target: Path) -> None:
    """Gives a finished file its name, for good, and never to the loss of another. Raises `Problem` and `OSError`."""
    sync(finished)
    try:
        os.link(finished, target)
    except FileExistsError as error:
        raise Problem(f"{target} is there already, and nothing is overwritten") from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise Problem(f"{target} is there already, and nothing is overwritten") from error
        finished.rename(target)
    finished.unlink(missing_ok=True)
    sync(target.parent)
