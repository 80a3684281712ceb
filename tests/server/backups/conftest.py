"""A server with something to lose, an identity for its backups, and a target of the other kind."""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from crypto import age
from server.assembly import assemble
from server.cli import main
from server.config import Settings
from server.organizing.posts import service as posts
from tests.builders import make_movement, make_person, make_remote_actor
from tests.databases import PostgresDatabases
from tests.posting import let_follow

ROOT = Path(__file__).parents[3]
SECRET = "sealedmarker: Thursday at the canteen"


@dataclass
class Operator:
    """Somebody who runs a server, with settings, an identity that is not on it, and a terminal."""

    folder: Path
    settings: Settings
    identity: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def identity_file(self) -> Path:
        return self.folder / "identity.txt"

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        """A command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "server.cli", *arguments],
            cwd=ROOT,
            env=self.full_environment() | changes,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def types(self, *arguments: str, code: int = 0, **changes: str) -> str:
        """Runs a command to its end, here; what it printed if it went well, else its one line of complaint."""
        said, complained = io.StringIO(), io.StringIO()
        with patch.dict(os.environ, self.full_environment() | changes, clear=True):
            with redirect_stdout(said), redirect_stderr(complained), pytest.raises(SystemExit) as ended:
                main(arguments)
        assert ended.value.code == code, complained.getvalue()
        if code == 0:
            return said.getvalue()
        told = complained.getvalue().splitlines()
        lines = [line for line in told if not line.startswith(("data directory", "backups in"))]
        assert len(lines) == 1, told
        assert lines[0].startswith("groundswell: ")
        return lines[0].removeprefix("groundswell: ")

    def full_environment(self) -> dict[str, str]:
        """That of the machine, with this operator's settings and no others."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDSWELL_")}
        return others | self.environment


async def _populate(settings: Settings) -> None:
    async with assemble(settings) as assembly, assembly.federation.writing() as unit:
        robin = await make_person(unit, "robin")
        circle = (await make_movement(unit, name="Flex", organizer=robin)).circle
        await posts.publish(unit, author=circle, text=SECRET, audience="circle")
        await let_follow(unit, make_remote_actor("fan", host="fan.example"), robin)
        await posts.publish(unit, author=robin, text="Hello, all.", audience="public")


@pytest.fixture
def database_address(server_database_urls: tuple[str | None, str | None]) -> str | None:
    """Where the server's database is: None for SQLite in the data directory."""
    return server_database_urls[0]


@pytest.fixture
def operator(tmp_path: Path, database_address: str | None) -> Operator:
    """Robin, whose server has a movement, a circle, posts, a picture, and a delivery that waits."""
    identity, recipient = age.new_identity()
    settings = Settings(
        data_dir=tmp_path / "data",
        domain="flex.test",
        database_url=database_address,
        backup_dir=tmp_path / "backups",
        backup_recipients=(recipient,),
    )
    asyncio.run(_populate(settings))
    picture = settings.data_dir / "media" / "pictures" / "one.bin"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(bytes(range(256)) * 1_000)
    environment = {
        "GROUNDSWELL_DATA_DIR": str(settings.data_dir),
        "GROUNDSWELL_DOMAIN": "flex.test",
        "GROUNDSWELL_BACKUP_DIR": str(settings.backup_dir),
        "GROUNDSWELL_BACKUP_RECIPIENTS": recipient,
    }
    if database_address is not None:
        environment["GROUNDSWELL_DATABASE_URL"] = database_address
    operator = Operator(tmp_path, settings, identity, environment)
    operator.identity_file.write_text(f"# public key: {recipient}\n{identity}\n")
    return operator


@pytest.fixture
def empty_postgres(request: pytest.FixtureRequest, postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    name = f"e_{abs(hash(request.node.nodeid)) % 10**8}"
    with postgres_databases.fresh(name, migrated=False) as url:
        yield url.replace("+asyncpg", "")
