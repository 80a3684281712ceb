"""What lies in the data directory beside the database: media, and whatever else the server keeps there."""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from server.backups.problem import Problem
from server.backups.scratch import is_unfinished
from server.custody import occupancy


def to_keep(data_dir: Path, *, besides: Path) -> Iterator[Path]:
    """Regular files and folders below the data directory, without the database, and without the folder `besides`.

    A link that stands in the data directory itself is followed, so that media may lie on another disk.
    """
    for path in sorted(data_dir.iterdir()):
        if path.name.startswith("groundswell.sqlite3") or path.name in occupancy.FILES or is_unfinished(path):
            continue
        yield from _below(path, besides)


def _below(path: Path, besides: Path) -> Iterator[Path]:
    if path.absolute() == besides.absolute() or is_unfinished(path):
        return
    if path.is_dir():
        yield path
        for inner in sorted(path.iterdir()):
            if not inner.is_symlink():
                yield from _below(inner, besides)
    elif path.is_file():
        yield path


class Packer:
    """Writes them as a tar, in relative names, readable by their owner alone; counts files."""

    def __init__(self, data_dir: Path, *, besides: Path) -> None:
        self._data_dir, self._besides, self.files = data_dir, besides, 0

    def write(self, target: BinaryIO) -> None:
        """Writes all. A file that was deleted meanwhile is left out. Raises `Problem` and `OSError`."""
        with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for path in to_keep(self._data_dir, besides=self._besides):
                member = tarfile.TarInfo(path.relative_to(self._data_dir).as_posix())
                try:
                    self._add(tar, member, path)
                except FileNotFoundError:
                    continue

    def _add(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
        if path.is_dir():
            member.type, member.mode = tarfile.DIRTYPE, 0o700
            tar.addfile(member)
            return
        with path.open("rb") as file:
            member.size, member.mode = os.fstat(file.fileno()).st_size, 0o600
            try:
                tar.addfile(member, file)
            except tarfile.TarError as error:
                raise Problem(f"{path} became shorter while it was read: try again") from error
        self.files += 1


def unpack(source: BinaryIO, folder: Path) -> int:
    """Writes the files of such a tar into an empty folder; how many. Raises `Problem` for anything else in it."""
    count = 0
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                count += _unpack_one(tar, member, folder)
    except tarfile.TarError as error:
        raise Problem(f"the backup is damaged: its files cannot be read ({error})") from error
    return count


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> int:
    path = folder / member.name
    if not path.resolve().is_relative_to(folder.resolve()) or not (member.isreg() or member.isdir()):
        raise Problem("the backup is damaged: it holds something else than files below its folder")
    if member.isdir():
        path.mkdir(mode=stat.S_IRWXU)
        return 0
    content = tar.extractfile(member)
    if content is None:
        raise Problem("the backup is damaged: a file has no content")
    with content, os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while piece := content.read(1 << 20):
            file.write(piece)
    return 1
