"""The schema of the data that is here: what it is, what is missing, and how it is brought up to date."""

import shutil
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import MetaData, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server import schema
from server.assembly import assemble, left_to_complete
from server.backups.converting import revision_of
from server.backups.creating import Made, create
from server.backups.problem import Problem, told
from server.config import Settings
from server.db import create_engine


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


async def back_up_first(settings: Settings, *, now: datetime) -> Made | None:
    """A backup before the schema changes; None where nobody is named who could open one. Raises `Problem`."""
    return await create(settings, now=now) if settings.backup_recipients else None


async def migrate(settings: Settings) -> None:
    """Applies the revisions in one transaction, then fills rows in steps; a later call goes on where one was cut off.

    Raises `server.assembly.CannotStart`.
    """
    async with assemble(settings, create=False):
        return
