"""The file itself: a plain tar whose members are encrypted one by one.

Outside one sees how many parts there are, their kinds and sizes. Each part can be opened with the command `age` alone.
"""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from crypto import age
from server.backups.pipes import produced
from server.backups.problem import Problem

SUFFIX = ".age"
DATABASE, FILES, DATA_KEYS = "database.sqlite3", "files.tar", "data-keys.json"
CONFIGURATION, MANIFEST, ROOT_KEY = "configuration.json", "manifest.json", "root-key.hex"
REQUIRED = (DATABASE, FILES, CONFIGURATION, MANIFEST)
LARGEST_TEXT = 64 << 20
"""Bytes that a part may have which is read into memory."""

READ_ME = "READ-ME.txt"
_READ_ME_TEXT = b"""A backup of a Groundswell server. Each part is encrypted in the age format
(age-encryption.org/v1) to a recipient that the server's operator chose.

With Groundswell:   groundswell backup verify FILE
                    groundswell restore FILE --to DIRECTORY
Without it:         tar -xf FILE
                    age --decrypt -i IDENTITY manifest.json.age
"""
_BLOCK, _PIECE = 512, 1 << 20


@dataclass(frozen=True, slots=True)
class Sum:
    """Length in bytes and SHA-256 (hexadecimal) of a part before it was encrypted."""

    size: int
    sha256: str


class Summed:
    """A stream that is read or written through, and summed up meanwhile."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._size, self._hash = stream, 0, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Reads on."""
        data = self._stream.read(size)
        self._add(data)
        return data

    def write(self, data: bytes) -> int:
        """Writes on."""
        self._add(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """Hands it on."""
        self._stream.flush()

    def _add(self, data: bytes) -> None:
        self._size += len(data)
        self._hash.update(data)

    @property
    def sum(self) -> Sum:
        """Of what went through so far."""
        return Sum(self._size, self._hash.hexdigest())


class Writer:
    """Writes parts one after another into a new file, then ends it."""

    def __init__(self, file: BinaryIO, recipients: Sequence[str], made_at: float) -> None:
        """Begin with the page that says how to open the rest. `made_at` is in seconds since 1970."""
        self._file, self._recipients, self._made_at = file, recipients, made_at
        self.sums: dict[str, Sum] = {}
        self._member(READ_ME, lambda target: target.write(_READ_ME_TEXT))

    def add(self, name: str, source: BinaryIO) -> None:
        """Encrypts a part. Raises `OSError`."""
        summed = Summed(source)
        self._member(name + SUFFIX, lambda target: age.encrypt(summed, target, self._recipients))  # type: ignore[arg-type]
        self.sums[name] = summed.sum

    def add_bytes(self, name: str, data: bytes) -> None:
        """The same for a part that is at hand."""
        self.add(name, BytesIO(data))

    def end(self) -> None:
        """Ends the file. Raises `OSError`."""
        self._file.write(bytes(2 * _BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _member(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        head = self._file.tell()
        self._file.write(bytes(_BLOCK))
        write(self._file)
        end = self._file.tell()
        size = end - head - _BLOCK
        self._file.write(bytes(-size % _BLOCK))
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(self._made_at)
        self._file.seek(head)
        self._file.write(member.tobuf(tarfile.GNU_FORMAT))
        self._file.seek(0, os.SEEK_END)


@dataclass(frozen=True, slots=True)
class Reader:
    """The parts of a file: where each begins, and how long it is."""

    path: Path
    parts: dict[str, tuple[int, int]]

    def text(self, name: str, identity: str) -> tuple[bytes, Sum]:
        """A small part, decrypted, with its sum. Raises `Problem` and `OSError`."""
        with self.stream(name, identity) as stream:
            data = stream.read(LARGEST_TEXT + 1)
            if len(data) > LARGEST_TEXT:
                raise Problem(f"{self.path}: the part {name} is too large to be what it should be")
        return data, stream.sum

    def extract(self, name: str, identity: str, target: Path) -> Sum:
        """Decrypts a part into a new file. Raises `Problem` and `OSError`."""
        with target.open("xb") as file:
            summed = Summed(file)
            self._decrypt(name, identity, summed)  # type: ignore[arg-type]
        return summed.sum

    @contextmanager
    def stream(self, name: str, identity: str) -> Iterator["Summed"]:
        """A part to be read in the block; its sum is that of the whole part after the block.

        Raises `Problem` and `OSError`.
        """
        with produced(lambda target: self._decrypt(name, identity, target)) as reading:
            summed = Summed(reading)
            yield summed
            while summed.read(_PIECE):
                pass

    def _decrypt(self, name: str, identity: str, target: BinaryIO) -> None:
        start, size = self.parts[name]
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                age.decrypt(_Window(file, size), target, identity)  # type: ignore[arg-type]
        except age.DoesNotOpen as error:
            if error.foreign:
                raise Problem(f"{self.path} is for another recipient: this identity does not open it") from error
            raise Problem(f"{self.path} is damaged: the part {name} does not open to its end") from error


class _Window:
    """A stretch of a file as a stream."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def read_parts(path: Path) -> Reader:
    """Reads where the parts are; opens none. Raises `Problem` for a file that is no whole backup, and `OSError`."""
    try:
        with tarfile.open(path, "r:") as tar:
            members = tar.getmembers()
        end = members[-1].offset_data + members[-1].size if members else 0
        whole = path.stat().st_size >= end + 2 * _BLOCK and all(member.isreg() for member in members)
    except tarfile.TarError as error:
        raise Problem(f"{path} is not a backup, or it is damaged: {error}") from error
    parts = {each.name.removesuffix(SUFFIX): (each.offset_data, each.size) for each in members if each.name != READ_ME}
    if not whole or any(name not in parts for name in REQUIRED):
        raise Problem(f"{path} is not a backup, or it was cut off: parts are missing")
    return Reader(path, parts)


def copy_without(source: Reader, target: BinaryIO, name: str) -> None:
    """Copies a file, still encrypted, without one of its parts. Raises `OSError`."""
    with source.path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar.getmembers():
            if member.name != name + SUFFIX:
                target.write(member.tobuf(tarfile.GNU_FORMAT))
                file.seek(member.offset_data)
                shutil.copyfileobj(_Window(file, member.size), target, _PIECE)
                target.write(bytes(-member.size % _BLOCK))
    target.write(bytes(2 * _BLOCK))
    target.flush()
    os.fsync(target.fileno())
