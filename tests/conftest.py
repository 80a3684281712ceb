"""Fixtures for every test: a clock to turn by hand, and a migrated database of each kind."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from crypto.sealing import RootKey
from federation.origin import Origin
from server.db import Database, create_engine
from server.vault import Keyring
from tests.databases import PostgresDatabases, SqliteDatabases, postgres_server

ORIGIN = Origin("https", "groundswell.test")


@dataclass
class Clock:
    """A clock that moves only when told to."""

    now: datetime = datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        """Moves on by a `timedelta` given in its own words."""
        self.now += timedelta(**duration)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Where SQLite databases come from."""
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[PostgresDatabases]:
    """Where PostgreSQL databases come from; skips with the reason where there is no server, fails in CI.

    Its folder is not one of pytest's: those are closed to the server's own user by the next pytest that starts.
    """
    try:
        with TemporaryDirectory(prefix="groundswell-postgres-") as folder, postgres_server(Path(folder)) as url:
            yield PostgresDatabases(url)
    except LookupError as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on; every test that stores anything runs on both."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_kind: str) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(f"{database_kind}_databases")
    name = "t_" + re.sub(r"\W", "_", request.node.name.lower())[:40] + f"_{abs(hash(request.node.nodeid)) % 10**8}"
    with databases.fresh(name) as url:
        yield url


@pytest.fixture
def server_database_urls(request: pytest.FixtureRequest, database_kind: str) -> Iterator[tuple[str | None, str | None]]:
    """For two whole servers: None means SQLite in the data directory, else an empty PostgreSQL each."""
    if database_kind == "sqlite":
        yield None, None
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    name = f"s_{abs(hash(request.node.nodeid)) % 10**8}"
    with databases.fresh(f"{name}_a", migrated=False) as one, databases.fresh(f"{name}_b", migrated=False) as other:
        yield one.replace("+asyncpg", ""), other.replace("+asyncpg", "")


@pytest.fixture
async def database(database_url: str, clock: Clock) -> AsyncIterator[Database]:
    """Units of work over a fresh database, at the origin `https://groundswell.test`."""
    database = Database(create_engine(database_url), Keyring(RootKey.generate()), ORIGIN, clock)
    yield database
    await database.close()
