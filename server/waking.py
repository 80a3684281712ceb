"""Wakes the lanes of other processes over PostgreSQL. Says names of lanes and nothing else; the lanes look themselves.

A notice goes out with the commit that it is about, or not at all. Whoever misses one finds the work by looking.
"""

import asyncio
from collections.abc import Callable, Collection

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

CHANNEL = "groundswell_lanes"
LANES = frozenset({"inbox", "fanouts", "deliveries"})
"""What there is to be woken in another process."""


async def tell(session: AsyncSession, lanes: Collection[str]) -> None:
    """Tells every listening process, once this transaction is committed. Costs nothing where no lane is named."""
    told = sorted(LANES.intersection(lanes))
    if told:
        await session.execute(select(*(func.pg_notify(CHANNEL, lane) for lane in told)))


async def listen(engine: AsyncEngine, heard: Callable[[str], None]) -> None:
    """Calls `heard` with each lane told of, until the connection ends. Raises what keeps it from being opened.

    Takes one connection of the pool, and closes it.
    """
    ended = asyncio.Event()

    def hear(connection: object, process: int, channel: str, lane: str) -> None:
        if lane in LANES:
            heard(lane)

    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        if driver is None:
            return
        driver.add_termination_listener(lambda _: ended.set())
        try:
            await driver.add_listener(CHANNEL, hear)
            await ended.wait()
        finally:
            await connection.invalidate()
