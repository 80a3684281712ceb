"""Brings the schema to the newest revision, and tells whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

import models.migrations


class SchemaTooNew(RuntimeError):
    """The database was made by a newer Groundswell than this one."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(models.migrations.__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """The revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def revisions() -> frozenset[str]:
    """All revisions that this code knows."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


async def current_revision(engine: AsyncEngine) -> str | None:
    """The revision of the database, None for an empty one."""
    async with engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def upgrade(engine: AsyncEngine) -> None:
    """Applies what is missing, in one transaction. Raises `SchemaTooNew` rather than touch a newer database."""
    current = await current_revision(engine)
    if current is not None and current not in revisions():
        raise SchemaTooNew(f"the database has revision {current}, which this version does not know")
    if current == newest_revision():
        return
    async with engine.connect() as connection:
        await connection.execution_options(writing=True)
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
        await connection.commit()
