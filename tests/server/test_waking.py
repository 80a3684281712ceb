"""What wakes the workers of other processes: the name of a lane, with the commit, and nothing that names anybody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import text

from server import waking
from server.db import Database

PATIENCE = 20


@asynccontextmanager
async def listening(database: Database) -> AsyncIterator["asyncio.Queue[str]"]:
    """What another process hears."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(waking.listen(database.engine, heard.put_nowait))
    async with asyncio.timeout(PATIENCE):
        while True:  # until it listens
            async with database.engine.begin() as connection:
                await connection.execute(text("SELECT pg_notify(:name, 'inbox')"), {"name": waking.CHANNEL})
            try:
                assert await asyncio.wait_for(heard.get(), 0.1) == "inbox"
                break
            except TimeoutError:
                continue
    while not heard.empty():
        heard.get_nowait()
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_a_commit_is_heard_and_a_rollback_is_not(database: Database) -> None:
    async with listening(database) as heard:
        with suppress(ZeroDivisionError):
            async with database.writing() as context:
                context.wake("deliveries")
                raise ZeroDivisionError
        async with database.writing() as context:
            context.wake("log")
        async with database.writing() as context:
            context.wake("inbox")
            assert heard.empty()
        async with asyncio.timeout(PATIENCE):
            assert await heard.get() == "inbox"
        async with database.engine.begin() as connection:
            await connection.execute(text("SELECT pg_notify(:name, 'no lane')"), {"name": waking.CHANNEL})
        for lane in ("fanouts", "deliveries"):
            async with database.writing() as context:
                context.wake(lane)
            async with asyncio.timeout(PATIENCE):
                assert await heard.get() == lane
        assert heard.empty()


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_listening_ends_with_the_connection(database: Database) -> None:
    heard: list[str] = []
    listening = asyncio.create_task(waking.listen(database.engine, heard.append))
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    async with asyncio.timeout(PATIENCE):
        while not listening.done():
            async with database.engine.begin() as connection:
                await connection.execute(text(ended))
            await asyncio.sleep(0.05)
    assert listening.exception() is None
