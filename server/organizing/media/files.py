"""The files of pictures in the data directory: every one sealed, each under a name that says nothing."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crypto.tokens import random_id
from federation.context import Context, OpenContext
from server.organizing.media.pictures import Picture
from server.organizing.media.records import VERSIONS, Record, known_among

FOLDER = "media"
PATIENCE = 3_600
"""Seconds for which a file may be there before its row is."""
_CHUNK = 500
_PART = ".part"


@dataclass(frozen=True, slots=True)
class MediaFiles:
    """The folder of one server."""

    folder: Path

    async def write(self, record: Record, picture: Picture) -> None:
        """Writes both versions, sealed and durable. Raises `OSError`."""
        for version, content in (("original", picture.original), ("small", picture.small)):
            sealed = record.key.seal(record.cell(version), content)
            await asyncio.to_thread(self._write, self._path(record.id, version), sealed)

    async def read(self, record: Record, version: str) -> bytes:
        """One version, opened. Raises `OSError` where there is none, `crypto.sealing.CannotOpen` for damage."""
        sealed = await asyncio.to_thread(self._path(record.id, version).read_bytes)
        return record.key.open(record.cell(version), sealed)

    async def sweep(self, reading: OpenContext, *, now: Callable[[], float] = time.time) -> int:
        """Deletes files that belong to no picture: it was forgotten, or the server died before it was known."""
        names = await asyncio.to_thread(lambda: list(self._old_files(now() - PATIENCE)))
        gone = 0
        for start in range(0, len(names), _CHUNK):
            chunk = names[start : start + _CHUNK]
            async with reading() as context:
                known = await self._known(context, chunk)
            for path in chunk:
                if self._id(path) not in known:
                    with suppress(FileNotFoundError):
                        await asyncio.to_thread(path.unlink)
                        gone += 1
        return gone

    async def forget(self, medium_id: str) -> None:
        """Deletes the files of one picture."""
        for version in VERSIONS:
            with suppress(FileNotFoundError):
                await asyncio.to_thread(self._path(medium_id, version).unlink)

    async def _known(self, context: Context, paths: list[Path]) -> set[str]:
        return await known_among(context, sorted({self._id(path) for path in paths}))

    def _old_files(self, before: float) -> Iterator[Path]:
        if self.folder.is_dir():
            for path in self.folder.glob("*/*"):
                with suppress(FileNotFoundError):
                    if path.is_file() and path.stat().st_mtime < before:
                        yield path

    def _path(self, medium_id: str, version: str) -> Path:
        return self.folder / medium_id[:2] / f"{medium_id}-{version}"

    def _id(self, path: Path) -> str:
        return path.name.partition("-")[0]

    def _write(self, path: Path, content: bytes) -> None:
        """All of it, or nothing under this name."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = path.with_name(f"{random_id()}{_PART}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
