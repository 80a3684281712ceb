"""One running server for all tests of a module, and fresh peers for each."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from server.loopback import loopback_server
from tests.databases import PostgresDatabases
from tests.hostile.peer import Account, PeerServer, peer_server
from tests.hostile.recorder import Names, Trap, answering_names, outbound, trap
from tests.hostile.us import Us, furnish


@pytest.fixture(scope="module")
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database the module's server is on: SQLite, unless the module asks for both."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="module")
def database_url(request: pytest.FixtureRequest, database_kind: str) -> Iterator[str | None]:
    """The URL of a fresh database for a server; None for its own SQLite file."""
    if database_kind == "sqlite":
        yield None
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    name = request.module.__name__.rpartition(".")[2]
    with databases.fresh(f"hostile_{name}") as url:
        yield url.replace("postgresql+asyncpg", "postgresql")


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    """The name server that everybody asks. It knows nobody unless a test says so."""
    outbound()
    with answering_names() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def us(tmp_path_factory: pytest.TempPathFactory, database_url: str | None, names: Names) -> AsyncIterator[Us]:
    """The server under test, running, with its worker."""
    folder = tmp_path_factory.mktemp("us")
    async with loopback_server("us", folder / "data", database_url=database_url) as server:
        yield await furnish(server)


@pytest_asyncio.fixture(loop_scope="module")
async def evil(us: Us) -> AsyncIterator[PeerServer]:
    """The attacker's server."""
    async with peer_server("evil") as server:
        yield server
        await us.forget_deliveries()


@pytest_asyncio.fixture(loop_scope="module")
async def victim(us: Us) -> AsyncIterator[PeerServer]:
    """The server of those that the attacker speaks for."""
    async with peer_server("victim") as server:
        yield server
        await us.forget_deliveries()


@pytest.fixture
def mallory(evil: PeerServer) -> Account:
    """Who attacks. Nobody here knows her yet."""
    return evil.actor("mallory", key=0)


@pytest.fixture
def carla(victim: PeerServer) -> Account:
    """Whose name is misused."""
    return victim.actor("carla", key=1)


@pytest_asyncio.fixture(loop_scope="module")
async def trapdoor() -> AsyncIterator[Trap]:
    """A port on every address of this machine that nothing may connect to."""
    async with trap() as made:
        yield made
