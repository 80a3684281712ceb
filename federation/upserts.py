"""Speaks ON CONFLICT to either database; one statement, so that two writers of a row never fail each other."""

from typing import Any, Protocol

from sqlalchemy import Table, TableClause
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession


class InSession(Protocol):
    """A unit of work, or what belongs to one."""

    @property
    def session(self) -> AsyncSession:
        """Its session."""


def insert_into(context: InSession, table: Table | TableClause) -> postgresql.Insert | sqlite.Insert:
    """An INSERT with `on_conflict_do_update` and `on_conflict_do_nothing`."""
    dialect: Any = postgresql if context.session.get_bind().dialect.name == "postgresql" else sqlite
    statement: postgresql.Insert | sqlite.Insert = dialect.insert(table)
    return statement
