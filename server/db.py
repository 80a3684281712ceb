"""Opens the database and the units of work: the only place that commits."""

import asyncio
import fcntl
import os
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, make_url, select
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from crypto.tokens import random_id
from federation.context import Context
from federation.origin import Origin
from server import sqlite, waking
from server.custody import occupancy
from server.vault import Keyring, SessionVault

_PREPARING = 0x67726F756E647377
"""The advisory lock of those who prepare a PostgreSQL database: any number that means nothing else there."""

CONNECTING = 10.0
"""Seconds that PostgreSQL may take to let us in."""

KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
"""After half a minute in which PostgreSQL's machine confirms nothing its connection is given up, though nobody closed
it: the network, or the machine, is gone."""

_AT_THE_OTHER_END = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""The same for PostgreSQL, which else holds the locks of a machine that is gone for hours."""


def create_engine(url: str) -> AsyncEngine:
    """An engine for SQLite (WAL, `synchronous=FULL`, foreign keys on) or PostgreSQL. Its errors tell no values."""
    if make_url(url).get_backend_name() != "sqlite":
        engine = create_async_engine(
            url,
            pool_size=10,
            max_overflow=10,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"timeout": CONNECTING, "server_settings": _AT_THE_OTHER_END},
        )
        event.listen(engine.sync_engine, "handle_error", _hide_values)
        event.listen(engine.sync_engine, "connect", _keep_alive)
        return engine
    engine = create_async_engine(url, hide_parameters=True, connect_args={"async_creator_fn": sqlite.connect})
    event.listen(engine.sync_engine, "handle_error", _give_up_read_only)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _keep_alive(connection: Any, _record: Any) -> None:
    place = connection.driver_connection._transport.get_extra_info("socket")
    if place.family == socket.AF_UNIX:
        return
    place.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):  # not everywhere
            place.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _hide_values(context: ExceptionContext) -> None:
    """Takes out of an error what `hide_parameters` leaves: PostgreSQL and its driver quote values of rows."""
    cause: Any = context.original_exception.__cause__
    # Class 22, and what the driver could not encode, have the value in the message itself; others in the detail.
    in_message = isinstance(cause, ValueError) or str(getattr(cause, "sqlstate", "")).startswith("22")
    for error in (context.sqlalchemy_exception, context.original_exception, cause):
        if isinstance(error, Exception) and not isinstance(error, OSError):
            told = str(error.args[0]).partition("\nDETAIL:")[0] if error.args else ""
            error.args = ("a value that does not fit" if in_message else told, *error.args[1:])
    if hasattr(cause, "detail"):
        cause.detail = None


def _give_up_read_only(context: ExceptionContext) -> None:
    """A connection opened while the file could not be written to never writes, whatever becomes of the file."""
    code = getattr(context.original_exception, "sqlite_errorcode", 0)
    context.is_disconnect |= code & 0xFF == sqlite3.SQLITE_READONLY


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A deferred transaction that turns to writing fails at once when another wrote in between; IMMEDIATE waits.
    options = connection.get_execution_options()
    if not options.get("outside", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing", False) else "BEGIN")


@asynccontextmanager
async def alone(engine: AsyncEngine) -> AsyncIterator[None]:
    """Keeps everybody else out of their `alone` on the same database, for as long as the block lasts.

    By an advisory lock on PostgreSQL, and by one on a file beside that of SQLite. Raises `OSError`.
    """
    if engine.dialect.name != "sqlite":
        async with engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_PREPARING)))
            yield
        return
    beside = Path(engine.url.database or "").with_name(occupancy.STARTS)
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class Database:
    """The engine with its keyring. `woken` is called, after a commit, with each lane that the work asked to wake."""

    engine: AsyncEngine
    keyring: Keyring
    origin: Origin
    clock: Callable[[], datetime]
    unhurried: timedelta = timedelta()
    """`federation.context.Context.unhurried` of every unit of work."""
    woken: Callable[[str], None] = lambda lane: None
    happened: Callable[[str], None] = lambda what: None
    """Called, after a commit, with each thing that the work said had happened."""
    process: str = field(default_factory=random_id)
    """What tells this process's notices from those of others."""
    _writer: asyncio.Lock = field(default_factory=asyncio.Lock)
    _log_is_due: bool = False

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database, which has one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Context]:
        """A unit of work that writes nothing; whatever it wrote by mistake is rolled back."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield self._context(session, SessionVault(self.keyring, session, self.clock().date()))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Context]:
        """A unit of work committed when its block ends well, rolled back when it raises."""
        turn: AbstractAsyncContextManager[Any] = self._writer if self.is_sqlite else nullcontext()
        async with turn, AsyncSession(self.engine, expire_on_commit=False) as session:
            await session.connection(execution_options={"writing": True})
            vault = SessionVault(self.keyring, session, self.clock().date())
            context = self._context(session, vault)
            yield context
            if not self.is_sqlite:
                await waking.tell(session, context.wakes)
                await waking.spread(session, _once(context.happenings), by=self.process)
            await session.commit()
            vault.publish()
        self._log_is_due |= "log" in context.wakes
        for lane in context.wakes:
            self.woken(lane)
        for what in _once(context.happenings):
            self.happened(what)

    async def truncate_log(self) -> bool:
        """Empties SQLite's write-ahead log, in which what was deleted can still be read; whether that succeeded.

        It does not while somebody reads, here or in another process; call again then. Does nothing on PostgreSQL.
        """
        if self.is_sqlite:
            async with self._writer, self.engine.connect() as connection:
                await connection.execution_options(outside=True)
                hindered = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
            if hindered:
                return False
        self._log_is_due = False
        return True

    async def close(self) -> None:
        """Closes every connection; empties the log before, if something was deleted since and nobody hinders it."""
        if self._log_is_due:
            with suppress(DBAPIError):  # a server that runs beside this process does it at its next sweep
                await self.truncate_log()
        await self.engine.dispose()

    def _context(self, session: AsyncSession, vault: SessionVault) -> Context:
        return Context(session=session, vault=vault, origin=self.origin, now=self.clock(), unhurried=self.unhurried)


def _once(happenings: Sequence[str]) -> list[str]:
    """Each thing once, in order."""
    return list(dict.fromkeys(happenings))
