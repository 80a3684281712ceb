"""Brings a backup to life in an empty place: all of it, or nothing."""

from dataclasses import dataclass
from pathlib import Path

from crypto.sealing import RootKey
from server.backups.converting import fill_postgres
from server.backups.opening import Opened, check_root, open_into, root_key_at
from server.backups.problem import Problem, told
from server.backups.scratch import publish, scratch, sync, sync_tree
from server.config import Settings
from server.root_key import BEGUN, key_file_text


@dataclass(frozen=True, slots=True)
class Restored:
    """What stands where now. `key` says whether the root key is in place."""

    opened: Opened
    key: bool


async def restore(path: Path, identity: str, settings: Settings, *, keys_from: Path | None = None) -> Restored:
    """Puts a backup into the data directory and the database of `settings`, and its root key, if it has one, apart.

    Raises `Problem` when anything is there already, or anything is wrong; nothing is changed then, except that the root
    key may be where it belongs.
    """
    target = settings.data_dir
    with told(target.parent):
        _check_place(settings)
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch(target.parent) as folder:
            opened = open_into(path, identity, folder, keys_from=keys_from)
            key = _place_key(opened, settings, folder)
            made = _arrange(opened, settings)
            if settings.sqlite_path is None:
                await fill_postgres(opened.database, settings.sqlalchemy_url)
            _move(made, target, in_postgres=settings.sqlite_path is None)
    return Restored(opened, key)


def _check_place(settings: Settings) -> None:
    target = settings.data_dir
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Problem(f"{target} is not empty, and nothing is overwritten: name another directory with --to")
    if target.is_mount():
        raise Problem(f"{target} is a mount point: name a directory below it with --to")
    if settings.key_path.is_relative_to(target):
        raise Problem(f"the root key {settings.key_path} must not be inside the data directory")


def _place_key(opened: Opened, settings: Settings, folder: Path) -> bool:
    place = settings.key_path
    if place.exists():
        check_root(root_key_at(place), opened.keys)
        return True
    if opened.root is None:
        return False
    check_root(opened.root, opened.keys)
    _write_key(opened.root, place, folder)
    return True


def _write_key(root: RootKey, place: Path, folder: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with scratch(place.parent) as beside:
        unfinished = beside / place.name
        unfinished.touch(mode=0o600)
        unfinished.write_text(key_file_text(root), encoding="ascii")
        publish(unfinished, place)


def _arrange(opened: Opened, settings: Settings) -> Path:
    """Makes the folder that becomes the data directory out of what was unpacked."""
    made = opened.files
    begun = made / BEGUN
    if not begun.exists():
        begun.write_text("This directory belongs to Groundswell; it is of no use without its root key.\n")
    if settings.sqlite_path is not None:
        opened.database.chmod(0o600)
        opened.database.rename(made / settings.sqlite_path.name)
    sync_tree(made)
    return made


def _move(made: Path, target: Path, *, in_postgres: bool) -> None:
    try:
        made.rename(target)  # takes the place of an empty folder, and of nothing else
    except OSError as error:
        step = "; empty the PostgreSQL database before you try again" if in_postgres else ""
        raise Problem(f"{target}: {error.strerror}{step}") from error
    sync(target.parent)
