"""Rows read, written and summed up, the same on SQLite and PostgreSQL, in the order of their keys.

Tables are described by the SQLite side, as its revision made them, so that older revisions are copied as well.
"""

import hashlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    DateTime,
    MetaData,
    Select,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from models.base import AwareDateTime
from server.backups.problem import Problem

BATCH = 1_000
"""Rows that are in memory at a time."""

NOT_DATA = "alembic_version"


@dataclass(frozen=True, slots=True)
class TableSum:
    """How many rows, and the SHA-256 (hexadecimal) of all their values."""

    rows: int
    sha256: str


class Side(Protocol):
    """One of two databases between which rows are carried."""

    def batches(self, table: Table) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """All rows in the order of their keys."""
        ...

    async def insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Adds rows."""
        ...


@dataclass(frozen=True, slots=True)
class Sqlite:
    """A SQLite file, inside one transaction."""

    connection: Connection

    async def batches(self, table: Table) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """All rows in the order of their keys."""
        for batch in self.connection.execute(_all_of(table)).partitions(BATCH):
            yield batch

    async def insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Adds rows."""
        self.connection.execute(insert(table), list(rows))


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL database, inside one transaction."""

    connection: AsyncConnection

    async def batches(self, table: Table) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """All rows in the order of their keys, which is that of their bytes as on SQLite."""
        result = await self.connection.stream(_all_of(table, collation="C"))
        async for batch in result.partitions(BATCH):
            yield batch

    async def insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Adds rows."""
        await self.connection.execute(insert(table), list(rows))


def _all_of(table: Table, collation: str | None = None) -> Select[Any]:
    keys = [
        column.collate(collation) if collation and isinstance(column.type, String) else column
        for column in table.primary_key
    ]
    return select(table).order_by(*keys)


@contextmanager
def open_sqlite(path: Path, *, writable: bool = False) -> Iterator[Connection]:
    """A connection to a file that exists, in one transaction, committed when the block of a writable one ends well."""
    mode = "rw" if writable else "ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, timeout=15)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.connect() as connection:
        yield connection
        if writable:
            connection.commit()


def reflect(connection: Connection) -> list[Table]:
    """The tables of a SQLite file, those first to which others refer. Raises `Problem` for one without a key."""
    metadata = MetaData()
    event.listen(metadata, "column_reflect", lambda _inspector, _table, column: column.update(type=_generic(column)))
    metadata.reflect(connection)
    tables = [table for table in metadata.sorted_tables if table.name != NOT_DATA]
    for table in tables:
        if not table.primary_key.columns:
            raise Problem(f"the table {table.name} has no primary key")
    return tables


def _generic(column: Any) -> Any:
    generic = column["type"].as_generic()
    return AwareDateTime() if isinstance(generic, DateTime) else generic


async def carry(source: Side, target: Side, tables: Sequence[Table]) -> dict[str, TableSum]:
    """Copies all rows, reads them again from the target, and compares. Raises `Problem` when anything differs."""
    read = {}
    for table in tables:
        digest = _Digest()
        async for batch in source.batches(table):
            digest.add(batch)
            await target.insert(table, [dict(zip(table.columns.keys(), row, strict=True)) for row in batch])
        read[table.name] = digest.sum
    written = await sums(target, tables)
    for name, each in read.items():
        if written[name] != each:
            raise Problem(f"the table {name} came out different: {each.rows} rows read, {written[name].rows} there")
    return read


async def sums(side: Side, tables: Sequence[Table]) -> dict[str, TableSum]:
    """Counts and checksums of all tables."""
    found = {}
    for table in tables:
        digest = _Digest()
        async for batch in side.batches(table):
            digest.add(batch)
        found[table.name] = digest.sum
    return found


class _Digest:
    def __init__(self) -> None:
        self._rows, self._hash = 0, hashlib.sha256()

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        self._rows += len(rows)
        for row in rows:
            self._hash.update(b"".join(map(_encoded, row)))

    @property
    def sum(self) -> TableSum:
        return TableSum(self._rows, self._hash.hexdigest())


def _encoded(value: object) -> bytes:
    """A value with its kind and length before it, so that no two rows look alike by accident."""
    match value:
        case None:
            return b"-"
        case bytes():
            kind, data = b"x", value
        case str():
            kind, data = b"s", value.encode("utf-8", "surrogatepass")
        case bool():
            kind, data = b"b", b"1" if value else b"0"
        case datetime():
            kind, data = b"t", value.astimezone(UTC).isoformat(timespec="microseconds").encode()
        case date():
            kind, data = b"d", value.isoformat().encode()
        case _:
            kind, data = b"n", repr(value).encode()
    return kind + len(data).to_bytes(8, "big") + data
