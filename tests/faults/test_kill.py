"""`kill -9` at random moments, with fixed seeds: nothing accepted is lost, nothing is done twice, order is kept.

`GROUNDSWELL_KILLS=100` asks for that many kills of each kind instead of a few.
"""

import asyncio
from pathlib import Path
from random import Random

import pytest

from tests.faults.site import KILLS, Roles, Site, site

IN_EACH_ROUND = 67
"""Activities that come in; with thirty rounds in all more than two thousand."""
LONGEST = 0.9
"""Seconds until the next kill at most."""

pytestmark = pytest.mark.timeout(120 + 20 * KILLS)


async def play(made: Site, roles: Roles, kills: int, random: Random) -> int:
    """So many rounds of traffic, each with a kill in its midst; how many activities were sent in."""
    tasks: list[asyncio.Task[None]] = []
    await made.start(*roles)
    for number in range(kills):
        first = number * IN_EACH_ROUND
        tasks += [asyncio.create_task(made.post(n)) for n in range(first, first + IN_EACH_ROUND)]
        tasks.append(asyncio.create_task(made.fan_out(number)))
        await asyncio.sleep(random.uniform(0.0, LONGEST))
        killed = [role for role in roles if random.random() < 0.6] or list(roles)
        await made.kill(*killed)
        if {"run", "worker"} & set(killed):
            await made.outlast_leases()
        await made.start(*killed)
    await asyncio.gather(*tasks)
    return kills * IN_EACH_ROUND


@pytest.mark.parametrize(
    ("database_kind", "roles", "kills"),
    [("sqlite", ("run",), 12), ("postgres", ("run",), 9), ("postgres", ("web", "worker"), 9)],
    indirect=["database_kind"],
    ids=["sqlite", "postgres", "split"],
)
async def test_what_was_accepted_is_done_once_and_delivered_in_order(
    tmp_path: Path, server_database_urls: tuple[str | None, str | None], roles: Roles, kills: int
) -> None:
    async with site(tmp_path, server_database_urls[0]) as made:
        count = await play(made, roles, KILLS or kills, Random(f"{roles}{server_database_urls[0] is None}"))
        await made.until("SELECT count(*) FROM inbox_items WHERE state = 'waiting'")
        await made.until("SELECT count(*) FROM deliveries")
        await made.end()
        await made.check_inbox(count)
        made.check_deliveries()
