"""SQLite on the thread of the loop: most statements are done before another thread would have heard of them.

What SQLAlchemy's driver for `aiosqlite` asks of a connection, without its thread for each. Only what waits leaves the
loop: a commit for the disk, and a turn for the writer of another process.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

Result = TypeVar("Result")

PATIENCE = 15.0
"""Seconds for which the writer of another process (the command line beside the server) is waited for."""

_WAITS_FOR_THE_DISK = "PRAGMA wal_checkpoint"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05


class Connection:
    """One connection to one file. Transactions are begun and ended by whoever uses it."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._conn = self._connection = raw  # names by which SQLAlchemy looks for it

    def cursor(self) -> "Cursor":
        """For one statement after another."""
        return Cursor(self, self._conn.cursor())

    async def create_function(self, *args: Any, **options: Any) -> None:
        """Adds a function in Python; SQLAlchemy brings one for regular expressions."""
        self._conn.create_function(*args, **options)

    async def commit(self) -> None:
        """Waits for the disk, and lets others run meanwhile."""
        if self._conn.in_transaction:
            await self.patiently(self._conn.commit, threaded=True)

    async def rollback(self) -> None:
        """Gives the transaction up."""
        self._conn.rollback()

    async def close(self) -> None:
        """Ends it; once more is no error."""
        self._conn.close()

    def stop(self) -> None:
        """Ends it, from wherever it is called."""
        self._conn.close()

    async def patiently(self, work: Callable[[], Result], *, threaded: bool = False) -> Result:
        """Does it, again and again for a while if another process holds the lock that it takes."""
        deadline, pause = time.monotonic() + PATIENCE, _FIRST_PAUSE
        while True:
            try:
                return await _to_the_end(work) if threaded else work()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


async def _to_the_end(work: Callable[[], Result]) -> Result:
    """Does it in a thread. Whoever is cancelled meanwhile hears of it only then: the connection is in use so long."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


class Cursor:
    """Runs statements of one connection."""

    def __init__(self, connection: Connection, raw: sqlite3.Cursor) -> None:
        self._connection = connection
        self._raw = raw
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        """The columns of the answer, None where there is none (PEP 249)."""
        return self._raw.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed (PEP 249)."""
        return self._raw.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that was added last (PEP 249)."""
        return self._raw.lastrowid

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Runs a statement."""
        threaded = statement.startswith(_WAITS_FOR_THE_DISK)
        await self._connection.patiently(lambda: self._raw.execute(statement, parameters), threaded=threaded)

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Runs a statement for each of several rows."""
        await self._connection.patiently(lambda: self._raw.executemany(statement, parameters))

    async def fetchall(self) -> list[Any]:
        """The rest of the answer."""
        return self._raw.fetchall()

    async def close(self) -> None:
        """Lets go of the answer."""
        self._raw.close()


async def connect(database: str, **options: Any) -> Connection:
    """Opens a file, in the driver's autocommit mode: its own BEGIN would come too late for IMMEDIATE."""
    options |= {"isolation_level": None, "check_same_thread": False, "timeout": 0.0}
    return Connection(sqlite3.connect(database, **options))
