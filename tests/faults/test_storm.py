"""E1: five hundred forged requests a second are refused one and all, and the honest are answered meanwhile."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.site import Site, now, site
from tests.federation.strangers import rsa_key

pytestmark = pytest.mark.timeout(180)

A_TENTH = 50
"""Requests of every tenth of a second."""
TENTHS = 30
PROMPT = 30.0
"""Seconds for nineteen of twenty honest requests, nearly all of them for machines that do much else."""


async def storm(made: Site) -> Counter[int]:
    """Sends forged requests at that rate, whether they are answered or not; how many of each status came."""
    _, forged = made.request(0, key=rsa_key(1))
    async with asyncio.TaskGroup() as attacks:
        sent = []
        for _ in range(TENTHS):
            sent += [attacks.create_task(made.send(forged)) for _ in range(A_TENTH)]
            await asyncio.sleep(0.1)
    return Counter(attack.result() for attack in sent)


async def test_forged_requests(tmp_path: Path, server_database_urls: tuple[str | None, str | None]) -> None:
    async with site(tmp_path, server_database_urls[0]) as made:
        await made.start("run")
        await made.post(0)
        storming, waits = asyncio.create_task(storm(made)), list[float]()
        while len(waits) < 20 or not storming.done():
            began = now()
            await made.post(len(waits) + 1)
            waits.append(now() - began)
        statuses = await storming
        assert statuses.total() == A_TENTH * TENTHS
        assert set(statuses) <= {0, 401, 429}, "0: given up after ten seconds"
        assert sorted(waits)[len(waits) * 95 // 100] < PROMPT
        await made.until("SELECT count(*) FROM inbox_items WHERE state = 'waiting'")
        await made.end()
        await made.check_inbox(len(waits) + 1)
