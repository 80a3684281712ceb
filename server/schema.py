"""Brings the schema to the newest revision, and tells whether it is there.

Alembic is loaded only where something is to be done: idle, it would take a tenth of the server's memory.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

import models.migrations

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

SCRIPTS = Path(models.migrations.__file__).parent
_STAMP = "alembic_version"


class SchemaTooNew(RuntimeError):
    """The database was made by a newer Groundswell than this one."""


def newest_revision() -> str:
    """The revision that this code needs: the number with which the name of its newest script begins."""
    return max(path.name.partition("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*_*.py"))


async def current_revision(engine: AsyncEngine) -> str | None:
    """The revision of the database, None for an empty one."""
    async with engine.connect() as connection:
        return await connection.run_sync(stamped)


def revisions() -> list[tuple[str, str]]:
    """Every revision this code knows, oldest first, with what it does in a line."""
    found = _scripts().walk_revisions()
    return [(script.revision, (script.doc or "").partition("\n")[0]) for script in found][::-1]


def check_known(revision: str | None) -> None:
    """Raises `SchemaTooNew` for a revision of which this code knows nothing."""
    if revision not in (None, newest_revision()) and revision not in (known for known, _ in revisions()):
        raise SchemaTooNew(f"the database has revision {revision}, which this version does not know")


def build(connection: Connection, revision: str) -> None:
    """Makes the tables of a revision in an empty database, or what is missing, in the connection's transaction."""
    from alembic import command

    command.upgrade(_config(connection), revision)


async def upgrade(engine: AsyncEngine) -> None:
    """Applies what is missing, in one transaction. Raises `SchemaTooNew` rather than touch a newer database."""
    current = await current_revision(engine)
    check_known(current)
    if current == newest_revision():
        return
    async with engine.connect() as connection:
        await connection.execution_options(writing=True)
        await connection.run_sync(build, "head")
        await connection.commit()


def stamped(connection: Connection) -> str | None:
    """The revision of a database, None for an empty one."""
    if not inspect(connection).has_table(_STAMP):
        return None
    stamp: str | None = connection.execute(text(f"SELECT version_num FROM {_STAMP}")).scalar()  # noqa: S608 (a constant)
    return stamp


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
