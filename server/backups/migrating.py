"""The schema of the data that is here: what it is, what is missing, and how it is brought up to date."""

import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import MetaData, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server import schema
from server.backups.converting import revision_of
from server.backups.problem import Problem, told
from server.completing import left_to_complete
from server.config import Settings
from server.db import create_engine

Tell = Callable[[str], None]
"""Hears in one sentence what is done to the schema."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where the data stands. `unfilled` counts rows that wait for what only the root key can compute."""

    revision: str
    newest: str
    pending: list[tuple[str, str]]
    unfilled: int
    rows: int
    size: int
    free: int

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to do."""
        return not self.pending and not self.unfilled


async def status(settings: Settings) -> Status:
    """Looks; changes nothing and needs no root key. Raises `Problem`."""
    if settings.sqlite_path is not None and not settings.sqlite_path.exists():
        raise Problem(f"there is no database in {settings.data_dir}")
    with told():
        engine = create_engine(settings.sqlalchemy_url)
        try:
            async with engine.connect() as connection:
                return await _status(connection, settings)
        finally:
            await engine.dispose()


async def _status(connection: AsyncConnection, settings: Settings) -> Status:
    revision = await connection.run_sync(revision_of)
    known = schema.revisions()
    pending = known[[name for name, _ in known].index(revision) + 1 :]
    if settings.sqlite_path is None:
        size = (await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one()
    else:
        size = settings.sqlite_path.stat().st_size
    metadata = MetaData()
    await connection.run_sync(lambda sync: metadata.reflect(sync, resolve_fks=False))
    counts = [select(func.count()).select_from(table) for table in metadata.sorted_tables]
    return Status(
        revision=revision,
        newest=schema.newest_revision(),
        pending=pending,
        unfilled=0 if pending else await left_to_complete(connection),
        rows=sum([(await connection.execute(each)).scalar_one() for each in counts]),
        size=size,
        free=shutil.disk_usage(settings.data_dir).free,
    )


async def bring_up_to_date(engine: AsyncEngine, settings: Settings, *, now: datetime, tell: Tell) -> None:
    """Applies the revisions that are missing, in one transaction, after a backup where somebody could open one.

    An empty database needs none. Whoever calls it keeps others out (`server.db.alone`). Raises `Problem`, and changes
    nothing then, when the backup fails, and `schema.SchemaTooNew`.
    """
    revision = await schema.current_revision(engine)
    schema.check_known(revision)
    if revision not in (None, schema.newest_revision()):
        tell(await _back_up_first(settings, now))
    await schema.upgrade(engine)


async def _back_up_first(settings: Settings, now: datetime) -> str:
    if not settings.backup_recipients:
        return (
            "the schema is brought up to date without a backup before it: none is made until "
            "GROUNDSWELL_BACKUP_RECIPIENTS says who can open it"
        )
    # Here: a start whose schema is current, as almost all are, makes no backup and needs not load what makes one.
    from server.backups.creating import create

    try:
        made = await create(settings, now=now)
    except Problem as problem:
        raise Problem(f"there can be no backup, so the schema was left as it is: {problem}") from problem
    return f"before the schema was brought up to date, a backup was made: {made.path}"


def tell_on_terminal(words: str) -> None:
    """Says it in a line on standard error; a full disk under that stops nobody."""
    with suppress(OSError):
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()
