"""A copy of the database as of one moment, taken while the server runs, with the wrapped keys taken out."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from server.backups.converting import copy_postgres, revision_of, snapshot_of_postgres
from server.backups.manifest import WrappedKey
from server.backups.problem import Problem
from server.backups.tables import NOT_DATA, open_sqlite
from server.config import Settings

PATIENCE = 15.0
"""Seconds for which a writer that is just ending is waited for."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A SQLite file without wrapped keys, the keys, and what was counted when both were one."""

    path: Path
    kind: Literal["sqlite", "postgresql"]
    revision: str
    origin: str
    keys: list[WrappedKey]
    tables: dict[str, int]


async def take(settings: Settings, target: Path) -> Snapshot:
    """Copies the server's database into a new file and examines the copy.

    Raises `Problem` for a database that is missing, damaged or newer than this code, and what disk and databases raise.
    """
    kind: Literal["sqlite", "postgresql"] = "postgresql" if settings.sqlite_path is None else "sqlite"
    if settings.sqlite_path is None:
        async with snapshot_of_postgres(settings.sqlalchemy_url) as connection:
            await copy_postgres(connection, target)
    else:
        copy_sqlite(settings.sqlite_path, target)
    with open_sqlite(target) as connection:
        revision = revision_of(connection)
    examine(target)
    origin = _origin(target)
    tables = count(target)
    return Snapshot(target, kind, revision, origin, _take_out_keys(target), tables)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copies a database as of one moment, without free pages: what was deleted does not come along.

    Raises `Problem` and `sqlite3.Error`. Writers go on meanwhile; only emptying the write-ahead log waits.
    """
    if not source.exists():
        raise Problem(f"there is no database in {source.parent}")
    with closing(_connect(source, "ro")) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def examine(path: Path) -> None:
    """Lets SQLite check a file from end to end. Raises `Problem` when anything is wrong, and `sqlite3.Error`."""
    with closing(_connect(path, "ro")) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        dangling = connection.execute("PRAGMA foreign_key_check").fetchone()
    if found != "ok":
        raise Problem(f"the database is damaged: {str(found).splitlines()[0]}")
    if dangling is not None:
        raise Problem(f"the database is damaged: a row of {dangling[0]} refers to a row of {dangling[2]} that is gone")


def count(path: Path) -> dict[str, int]:
    """The rows of each table."""
    with closing(_connect(path, "ro")) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: _count(connection, name) for name in sorted(names) if name != NOT_DATA}


def _count(connection: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    return int(connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])  # noqa: S608  (a name of ours)


def _origin(path: Path) -> str:
    with closing(_connect(path, "ro")) as connection:
        row = connection.execute("SELECT value FROM server_settings WHERE name = 'origin'").fetchone()
    if row is None:
        raise Problem("the server was never started with this database: there is nothing to keep")
    return str(row[0])


def _take_out_keys(path: Path) -> list[WrappedKey]:
    with closing(_connect(path, "rw")) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM data_keys ORDER BY id")]
        connection.execute("DELETE FROM data_keys")
        connection.commit()
    keys = [(row.pop("id"), row.pop("scope"), bytes(row.pop("wrapped")).hex(), row) for row in rows]
    return [WrappedKey(id=name, scope=scope, wrapped=wrapped, more=more) for name, scope, wrapped, more in keys]


def put_keys_back(path: Path, keys: list[WrappedKey]) -> None:
    """Writes wrapped keys into a file that has none. Raises `sqlite3.Error`."""
    with closing(_connect(path, "rw")) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(data_keys)")]
        marks = ", ".join("?" * len(columns))
        for key in keys:
            known = {**key.more, "id": key.id, "scope": key.scope, "wrapped": bytes.fromhex(key.wrapped)}
            row = [known.get(column) for column in columns]
            connection.execute(f"INSERT INTO data_keys ({', '.join(columns)}) VALUES ({marks})", row)  # noqa: S608  (its own names)
        connection.commit()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=PATIENCE)
