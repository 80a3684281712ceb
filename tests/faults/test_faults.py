"""A disk that fills up, a database that goes away, peers that hang: nothing accepted is lost, nobody else waits."""

import asyncio
import os
import resource
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.faults.mounts import full, read_only, small_disk
from tests.faults.relay import relaying
from tests.faults.site import PATIENCE, Site, all_inboxes, arrivals, now, site

COUNT = 40
SLOW, DEAD = 200, int(os.environ.get("GROUNDSWELL_DEAD_ROWS", "10000"))
pytestmark = pytest.mark.timeout(180 + DEAD // 500)

DELAY = 5.0
"""Seconds by which servers that hang, or are no more, may delay the deliveries to all others."""

Urls = tuple[str | None, str | None]


async def settled(made: Site, count: int) -> None:
    """Waits until all is done, ends the server, and checks that nothing was lost or done twice."""
    await made.until("SELECT count(*) FROM inbox_items WHERE state = 'waiting'")
    await made.until("SELECT count(*) FROM deliveries")
    await made.end()
    await made.check_inbox(count)
    made.check_deliveries()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path, server_database_urls: Urls) -> None:
    """The limit on the size of a file stands for the disk: SQLite cannot write, and is told so by the system."""
    async with site(tmp_path, None) as made:
        await made.start("run")
        await made.fan_out(0)
        await made.post(0)
        pid = made.processes["run"].pid
        assert pid is not None
        full = min(path.stat().st_size for path in made.settings.data_dir.glob("*.sqlite3*") if path.stat().st_size)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
        sending = [asyncio.create_task(made.post(number)) for number in range(1, COUNT)]
        await asyncio.sleep(2)
        refused = COUNT - len(made.accepted)
        assert refused == COUNT - 1, "what cannot be kept is not accepted"
        assert made.processes["run"].is_alive()
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await asyncio.gather(*sending)
        await settled(made, COUNT)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", [full, read_only], ids=["full", "read-only"])
async def test_a_disk_that_takes_nothing_for_a_while(
    tmp_path: Path, server_database_urls: Urls, fault: Callable[[Path], AbstractContextManager[None]]
) -> None:
    """In the midst of traffic, a real disk: nothing more fits, or nothing can be opened for writing any more."""
    with small_disk(tmp_path / "data", mebibytes=16):
        async with site(tmp_path, None) as made:
            await made.start("run")
            await made.fan_out(0)
            await made.until("SELECT count(*) FROM deliveries")
            assert await made.open.database.truncate_log()
            sending = [asyncio.create_task(made.post(number)) for number in range(COUNT)]
            await made.until("SELECT min(count(*), 1) FROM inbox_items", 1)
            with fault(made.settings.data_dir):
                sending += [asyncio.create_task(made.post(number)) for number in range(COUNT, 2 * COUNT)]
                await asyncio.sleep(2)
                assert made.processes["run"].is_alive()
                assert fault is read_only or len(made.accepted) < 2 * COUNT
            await asyncio.gather(*sending)
            await made.fan_out(1)
            await settled(made, 2 * COUNT)


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("roles", [("run",), ("web", "worker")], ids=["run", "split"])
async def test_a_database_that_goes_away_and_comes_back(
    tmp_path: Path, server_database_urls: Urls, roles: tuple[str, ...]
) -> None:
    """As at a restart: every connection is cut, and for a while none is let in."""
    url = server_database_urls[0]
    assert url is not None
    async with site(tmp_path, url) as made:
        await made.start(*roles)
        tasks = [asyncio.create_task(made.fan_out(0))]
        await asyncio.gather(*tasks)
        tasks = [asyncio.create_task(made.post(number)) for number in range(COUNT)]
        await asyncio.sleep(0.2)
        await _cut(url, seconds=3.0)
        await asyncio.gather(*tasks)
        assert all(process.is_alive() for process in made.processes.values())
        await made.fan_out(1)
        await settled(made, COUNT)


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
@pytest.mark.parametrize("ends", [True, False], ids=["and ends", "and goes on"])
async def test_a_network_that_falls_silent(tmp_path: Path, server_database_urls: Urls, ends: bool) -> None:
    """Nothing comes through between worker and database, and neither is told; the web takes in all the while."""
    url = server_database_urls[0]
    assert url is not None
    async with site(tmp_path, url) as made, relaying(url) as relay:
        await made.start("web")
        made.settings = made.settings.model_copy(update={"database_url": relay.url})
        await made.start("worker")
        tasks = [asyncio.create_task(made.fan_out(0))]
        tasks += [asyncio.create_task(made.post(number)) for number in range(COUNT)]
        await made.until("SELECT least(count(*), 1) FROM inbox_items WHERE state = 'done'", 1)
        relay.silence()
        tasks.append(asyncio.create_task(made.fan_out(1)))  # it may wait for what the worker has locked
        await asyncio.sleep(5.0)
        assert await made.count("SELECT count(*) FROM deliveries") > 0
        if ends:
            relay.drop()
        relay.go_on()
        await asyncio.gather(*tasks)
        await settled(made, COUNT)


async def _cut(url: str, *, seconds: float) -> None:
    """Cuts off all who use the database, and lets nobody in for so long."""
    name = urlsplit(url).path.removeprefix("/")
    connection = await asyncpg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")))
    try:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        await asyncio.sleep(seconds)
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    finally:
        await connection.close()


async def test_servers_that_hang_and_one_that_is_dead_delay_no_other(
    tmp_path: Path, server_database_urls: Urls
) -> None:
    """200 peers answer a byte a second, and very much waits for a server that is no more."""
    async with site(tmp_path, server_database_urls[0]) as made:
        await made.start("run")
        alone = await _seconds_for(made, 0)
        slow = [made.inboxes.url(f"/slow{n}", host=f"slow{n % SLOW}.localhost") for n in range(SLOW * 4)]
        await made.fan_out(1, *slow)
        await made.fan_out(2, *(f"http://dead.localhost:1/u{number}" for number in range(DEAD)))
        async with asyncio.timeout(PATIENCE):
            while len({request.target for request in made.inboxes.requests if "/slow" in request.target}) < SLOW:
                await asyncio.sleep(0.1)
        assert await _seconds_for(made, 3) < alone + DELAY
        del made.sent[made.open.federation.origin.object("o1")], made.sent[made.open.federation.origin.object("o2")]
        made.check_deliveries()


async def _seconds_for(made: Site, number: int) -> float:
    """How long a fan-out takes to reach everybody."""
    await made.fan_out(number)
    began, expected = now(), 2 * len(all_inboxes(made.inboxes))
    async with asyncio.timeout(PATIENCE):
        while True:
            got = arrivals(made.inboxes.requests)
            of_this = [name for names in got.values() for name in names if f"/o{number}/" in name]
            if len(of_this) >= expected:
                return now() - began
            await asyncio.sleep(0.1)
