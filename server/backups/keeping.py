"""The backups that are there, and how old ones go. Opens none of them, needs no identity."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.backups import archive
from server.backups.problem import Problem, told
from server.backups.scratch import scratch, sync

_NAME = re.compile(r"groundswell-(\d{4}-\d\d-\d\dT\d{6})Z\.tar")


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup as one sees it from outside. `fault` says why it is none, from what can be seen without opening it."""

    path: Path
    made_at: datetime
    size: int
    data_keys: bool
    root_key: bool
    fault: str | None


def backups_in(folder: Path) -> list[Kept]:
    """All in a folder, the newest first. Raises `Problem`."""
    with told():
        if not folder.is_dir():
            return []
        named = ((path, _NAME.fullmatch(path.name)) for path in folder.iterdir())
        found = [_look_at(path, match[1]) for path, match in named if match and path.is_file()]
    return sorted(found, key=lambda kept: kept.made_at, reverse=True)


def _look_at(path: Path, moment: str) -> Kept:
    made_at = datetime.strptime(moment, "%Y-%m-%dT%H%M%S").replace(tzinfo=UTC)
    try:
        parts = archive.read_parts(path).parts
    except Problem as problem:
        return Kept(path, made_at, path.stat().st_size, data_keys=False, root_key=False, fault=str(problem))
    keys, root = archive.DATA_KEYS in parts, archive.ROOT_KEY in parts
    return Kept(path, made_at, path.stat().st_size, data_keys=keys, root_key=root, fault=None)


@dataclass(frozen=True, slots=True)
class Pruning:
    """What goes: whole backups, and the wrapped keys of others."""

    remove: list[Path]
    strip: list[Path]


def plan_pruning(folder: Path, *, keep: int, keys: int | None = None) -> Pruning:
    """Keeps the newest `keep` backups, and of those only the newest `keys` with their wrapped keys.

    What is damaged to look at does not count, and is left alone. Raises `Problem`.
    """
    sound = [kept for kept in backups_in(folder) if kept.fault is None]
    strip = [] if keys is None else [kept.path for kept in sound[keys:keep] if kept.data_keys]
    return Pruning([kept.path for kept in sound[keep:]], strip)


def prune(folder: Path, pruning: Pruning) -> None:
    """Does it. A backup without keys takes the place of the one with them in one step. Raises `Problem`."""
    with told(folder):
        for path in pruning.remove:
            path.unlink()
        for path in pruning.strip:
            with scratch(folder) as unfinished:
                copy = unfinished / path.name
                with copy.open("xb") as file:
                    copy.chmod(0o600)
                    archive.copy_without(archive.read_parts(path), file, archive.DATA_KEYS)
                archive.read_parts(copy)
                copy.replace(path)
        if folder.is_dir():
            sync(folder)
