"""Data keys: one for each scope, whoever makes it at the same moment, and never one that the database does not have."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlmodel import col

from crypto.sealing import Cell, sealed_key_id
from models import DataKey
from server.db import Database
from server.vault import Keyring

CELL = Cell("posts", "sealed_document", "one", "movement:river")


class Dropped(Exception):
    """What ends a unit of work, or a part of it."""


def another_process(database: Database) -> Database:
    """The same database with the same root key, and nothing opened so far."""
    return Database(database.engine, Keyring(database.keyring.root), database.origin, database.clock)


async def opened(database: Database, blob: bytes) -> bytes:
    async with another_process(database).reading() as context:
        return await context.vault.open(CELL, blob)


async def number_of_keys(database: Database) -> int:
    async with database.reading() as context:
        return (await context.session.execute(select(func.count(col(DataKey.id))))).scalar_one()


class Meeting:
    """Set once both have found no key and are about to make one; on SQLite, where one waits for the other, at once."""

    def __init__(self, database: Database) -> None:
        self.both = asyncio.Event()
        self._needed = 1 if database.is_sqlite else 2
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._hear)

    def _hear(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO data_keys"):
            self._needed -= 1
            if self._needed == 0:
                self.both.set()


async def test_two_that_need_the_first_key_of_a_scope_share_it(database: Database) -> None:
    meeting = Meeting(database)

    async def seal(own: Database) -> bytes:
        async with own.writing() as context:
            blob = await context.vault.seal(CELL, b"the plan")
            await meeting.both.wait()
            return blob

    one, other = await asyncio.gather(seal(database), seal(another_process(database)))
    assert sealed_key_id(one) == sealed_key_id(other)
    assert [await opened(database, blob) for blob in (one, other)] == [b"the plan"] * 2
    assert await number_of_keys(database) == 1


async def test_whoever_waited_for_a_key_that_never_came_makes_one(database: Database) -> None:
    meeting, inserted = Meeting(database), asyncio.Event()

    async def give_up() -> None:
        async with database.writing() as context:
            await context.vault.seal(CELL, b"nothing")
            inserted.set()
            await meeting.both.wait()
            raise Dropped

    async def seal(own: Database) -> bytes:
        await inserted.wait()
        async with own.writing() as context:
            return await context.vault.seal(CELL, b"the plan")

    dropped, blob = await asyncio.gather(give_up(), seal(another_process(database)), return_exceptions=True)
    assert isinstance(dropped, Dropped)
    assert isinstance(blob, bytes)
    assert await opened(database, blob) == b"the plan"
    assert database.keyring.by_scope == {}


async def test_a_key_goes_with_the_savepoint_it_was_made_in(database: Database) -> None:
    async with database.writing() as context:
        with suppress(Dropped):
            async with context.session.begin_nested():
                async with context.session.begin_nested():
                    await context.vault.seal(CELL, b"dropped")
                raise Dropped
        blob = await context.vault.seal(CELL, b"the plan")
    assert await opened(database, blob) == b"the plan"
    assert database.keyring.by_scope[CELL.scope].id == sealed_key_id(blob)


async def test_a_key_stays_when_a_later_savepoint_is_dropped(database: Database) -> None:
    async with database.writing() as context:
        before = await context.vault.seal(CELL, b"before")
        with suppress(Dropped):
            async with context.session.begin_nested():
                raise Dropped
        assert await context.vault.open(CELL, before) == b"before"
        after = await context.vault.seal(CELL, b"after")
    assert sealed_key_id(before) == sealed_key_id(after)
    assert await opened(database, before) == b"before"
    assert await number_of_keys(database) == 1


@pytest.mark.parametrize("nested", [False, True])
async def test_a_key_that_was_not_committed_is_nobody_elses(database: Database, nested: bool) -> None:
    with suppress(Dropped):
        async with database.writing() as context:
            blob = await context.vault.seal(CELL, b"the plan")
            if nested:
                with suppress(Dropped):
                    async with context.session.begin_nested():
                        raise Dropped
                await context.vault.open(CELL, blob)
                await context.vault.seal(CELL, b"the plan")
            raise Dropped
    assert (database.keyring.by_scope, database.keyring.by_id) == ({}, {})
    assert await number_of_keys(database) == 0
