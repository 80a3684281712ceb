"""Fills what a revision of the schema had to leave open, because it takes the root key."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from federation import follows
from models import Follow, Membership
from server.db import Database
from server.organizing.membership import records as memberships


async def left_to_complete(connection: AsyncConnection) -> int:
    """How many rows `complete` has still to fill, in a database of the newest revision."""
    columns = (col(Follow.host_index), col(Membership.host_index))
    counts = [select(func.count()).where(column.is_(None)) for column in columns]
    return sum([(await connection.execute(each)).scalar_one() for each in counts])


async def complete(database: Database) -> None:
    """Fills all of it, in steps; a later call goes on where one was cut off."""
    for index_hosts in (follows.index_hosts, memberships.index_hosts):
        done = 1
        while done:
            async with database.writing() as context:
                done = await index_hosts(context)
