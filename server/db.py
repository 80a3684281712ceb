"""Opens the database and the units of work: the only place that commits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from federation.context import Context
from federation.origin import Origin
from server.vault import Keyring, SessionVault

BUSY_TIMEOUT_MS = 15_000
"""How long a writer of another process (the command line beside the server) is waited for."""


def create_engine(url: str) -> AsyncEngine:
    """An engine for SQLite (WAL, `synchronous=FULL`, foreign keys on) or PostgreSQL."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True)
    engine = create_async_engine(url, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own implicit BEGIN would come too late for IMMEDIATE: transactions are begun by `_begin_sqlite`.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A deferred transaction that turns to writing fails at once when another wrote in between; IMMEDIATE waits.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@dataclass(slots=True)
class Database:
    """The engine with its keyring. `woken` is called, after a commit, with each lane that the work asked to wake."""

    engine: AsyncEngine
    keyring: Keyring
    origin: Origin
    clock: Callable[[], datetime]
    woken: Callable[[str], None] = lambda lane: None
    _writer: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database, which has one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Context]:
        """A unit of work that writes nothing; whatever it wrote by mistake is rolled back."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield self._context(session, SessionVault(self.keyring, session))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Context]:
        """A unit of work committed when its block ends well, rolled back when it raises."""
        turn: AbstractAsyncContextManager[Any] = self._writer if self.is_sqlite else nullcontext()
        async with turn, AsyncSession(self.engine, expire_on_commit=False) as session:
            await session.connection(execution_options={"writing": True})
            vault = SessionVault(self.keyring, session)
            context = self._context(session, vault)
            yield context
            await session.commit()
            vault.publish()
        for lane in context.wakes:
            self.woken(lane)

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()

    def _context(self, session: AsyncSession, vault: SessionVault) -> Context:
        return Context(session=session, vault=vault, origin=self.origin, now=self.clock())
