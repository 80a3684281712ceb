"""Wakes other processes over PostgreSQL: their lanes by name, and those connected there by ids of what happened.

No content is said: whoever hears looks for itself. A notice goes out with the commit that it is about, or not at all.
Whoever misses one about a lane finds the work by looking; of what happened, whoever misses it is not told at once.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

CHANNEL = "groundswell_lanes"
HAPPENINGS = "groundswell_happenings"
_AT_ONCE = 500
LANES = frozenset({"inbox", "fanouts", "deliveries", "pushes"})
"""What there is to be woken in another process."""


async def tell(session: AsyncSession, lanes: Collection[str]) -> None:
    """Tells every listening process, once this transaction is committed. Costs nothing where no lane is named."""
    told = sorted(LANES.intersection(lanes))
    if told:
        await session.execute(select(*(func.pg_notify(CHANNEL, lane) for lane in told)))


async def spread(session: AsyncSession, happenings: Sequence[str], *, by: str) -> None:
    """Says what happened to every listening process, once this transaction is committed. `by` names this process."""
    for start in range(0, len(happenings), _AT_ONCE):
        some = happenings[start : start + _AT_ONCE]
        await session.execute(select(*(func.pg_notify(HAPPENINGS, f"{by} {what}") for what in some)))


async def listen(engine: AsyncEngine, heard: Callable[[str], None]) -> None:
    """Calls `heard` with each lane told of, until the connection ends. Raises what keeps it from being opened.

    Takes one connection of the pool, and closes it.
    """
    await _listen(engine, CHANNEL, lambda lane: heard(lane) if lane in LANES else None)


async def overhear(engine: AsyncEngine, heard: Callable[[str], None], *, own: str) -> None:
    """Calls `heard` with what happened in other processes than our `own`; ends and raises as `listen` does."""

    def hear(said: str) -> None:
        by, _, what = said.partition(" ")
        if by != own:
            heard(what)

    await _listen(engine, HAPPENINGS, hear)


async def _listen(engine: AsyncEngine, channel: str, heard: Callable[[str], None]) -> None:
    ended = asyncio.Event()

    def hear(connection: object, process: int, channel: str, said: str) -> None:
        heard(said)

    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        if driver is None:
            return
        driver.add_termination_listener(lambda _: ended.set())
        try:
            await driver.add_listener(channel, hear)
            await ended.wait()
        finally:
            await connection.invalidate()
