"""From SQLite to PostgreSQL and back: every row, counted and summed up on both sides, or nothing at all."""

import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, Integer, Table, func, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection

from server import schema
from server.backups.problem import Problem, told
from server.backups.scratch import publish, scratch
from server.backups.tables import Postgres, Sqlite, TableSum, carry, open_sqlite, reflect
from server.config import Settings
from server.db import create_engine

Sums = dict[str, TableSum]

_SHARED_FIRST, _SHARED_BYTES = 0x40000002, 510
"""Where every connection to a SQLite file holds a lock for as long as it is open (SQLite's os.h)."""

_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


async def to_postgres(settings: Settings, url: str) -> Sums:
    """Converts the server's SQLite file into an empty PostgreSQL database. The file stays as it is.

    Raises `Problem` when the server runs, the target is not empty, a row does not fit, or a checksum differs; the
    target is empty then.
    """
    source = settings.sqlite_path
    if source is None:
        raise Problem("the server is on PostgreSQL already (GROUNDSWELL_DATABASE_URL)")
    target = settings.model_copy(update={"database_url": url})
    with told():
        if not source.exists():
            raise Problem(f"there is no database in {settings.data_dir}")
        if in_use(source):
            raise Problem(f"{source} is in use: stop the server first")
        return await fill_postgres(source, _asynchronous(target))


async def to_sqlite(settings: Settings) -> Sums:
    """Converts the server's PostgreSQL database into a SQLite file in the data directory, where there must be none.

    Raises `Problem` likewise; there is no file then.
    """
    if settings.sqlite_path is not None:
        raise Problem("the server is on SQLite already: set GROUNDSWELL_DATABASE_URL to the database to convert from")
    target = settings.default_sqlite_path
    with told(settings.data_dir):
        if target.exists():
            raise Problem(f"{target} is there already, and nothing is overwritten")
        with scratch(settings.data_dir) as folder:
            async with snapshot_of_postgres(settings.sqlalchemy_url, alone=True) as connection:
                sums = await copy_postgres(connection, folder / target.name)
            (folder / target.name).chmod(0o600)
            publish(folder / target.name, target)
        return sums


def _asynchronous(settings: Settings) -> str:
    try:
        url = settings.sqlalchemy_url
        if make_url(url).database:
            return url
    except (ValueError, ArgumentError):
        pass
    raise Problem("a target is named sqlite, or postgresql://USER@HOST/NAME")


def in_use(path: Path) -> bool:
    """Whether another process has a SQLite file open."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED_FIRST)
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(descriptor)
    return False


async def fill_postgres(source: Path, url: str) -> Sums:
    """Copies a SQLite file into an empty PostgreSQL database, in one transaction.

    Raises `Problem`, and what the databases raise.
    """
    with open_sqlite(source) as reading:
        revision = revision_of(reading)
        tables = reflect(reading)
        engine = create_engine(url)
        try:
            async with engine.connect() as writing:
                if await writing.run_sync(lambda sync: inspect(sync).get_table_names()):
                    raise Problem("the target is not empty: convert into a database without tables")
                await writing.run_sync(schema.build, revision)
                sums = await carry(Sqlite(reading), Postgres(writing), tables)
                await _go_on_counting(writing, tables)
                await writing.commit()
        finally:
            await engine.dispose()
    return sums


async def _go_on_counting(connection: AsyncConnection, tables: Sequence[Table]) -> None:
    """Lets each sequence go on after the largest number that came along, as SQLite does by itself."""
    for column in (column for table in tables for column in table.primary_key if isinstance(column.type, Integer)):
        sequence = func.pg_get_serial_sequence(column.table.name, column.name)
        if (await connection.execute(select(sequence))).scalar_one() is not None:
            largest = select(func.max(column)).scalar_subquery()
            await connection.execute(select(func.setval(sequence, func.coalesce(largest, 1), largest.is_not(None))))


@asynccontextmanager
async def snapshot_of_postgres(url: str, *, alone: bool = False) -> AsyncIterator[AsyncConnection]:
    """A connection that sees the database as of one moment, and writes nothing.

    Raises `Problem` when `alone` and others are connected, who might write what the copy then lacks.
    """
    engine = create_engine(url)
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        async with engine.connect() as connection:
            await connection.execution_options(**options)
            if alone and (await connection.execute(_OTHERS)).scalar_one():
                raise Problem("others are connected to the database: stop the server first")
            yield connection
    finally:
        await engine.dispose()


async def copy_postgres(source: AsyncConnection, target: Path) -> Sums:
    """Copies a snapshot into a new SQLite file of the same revision. Raises `Problem`, and what databases raise."""
    revision = await source.run_sync(revision_of)
    sqlite3.connect(target).close()
    with open_sqlite(target, writable=True) as writing:
        schema.build(writing, revision)
        tables = reflect(writing)
        sums = await carry(Postgres(source), Sqlite(writing), tables)
    return sums


def revision_of(connection: Connection) -> str:
    """The revision of a database. Raises `Problem` for one that this code does not know, or that is not ours."""
    revision = schema.stamped(connection)
    if revision is None:
        raise Problem("there is no Groundswell database there")
    try:
        schema.check_known(revision)
    except schema.SchemaTooNew as error:
        raise Problem(f"{error}: use the Groundswell that made it, or a newer one") from error
    return revision
