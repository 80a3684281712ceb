"""While keys are made or a passphrase is hashed, somebody else writes: neither happens inside a transaction."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from crypto import keys
from server.assembly import assemble, setup_token
from server.cli import main
from server.config import Settings
from server.loopback import loopback_server
from server.organizing.people import service as people

SLOW = ((keys, "generate_rsa"), (people, "hash_password"))
"""What takes a tenth of a second or more."""

PATIENCE = 2.0
"""Seconds for a worker's own short writes. Whoever holds the writer until the slow thing is done holds it longer."""

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def written(tmp_path: Path, database_kind: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was slow, each time another process's write was committed meanwhile."""
    written: list[str] = []

    def watched(name: str, slow: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object) -> object:
            with closing(sqlite3.connect(tmp_path / "data" / "groundswell.sqlite3", timeout=PATIENCE)) as connection:
                connection.execute("UPDATE server_settings SET value = value")
                connection.commit()
            written.append(name)
            return slow(*arguments)

        return called

    for module, name in SLOW:
        monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    return written


def types(monkeypatch: pytest.MonkeyPatch, data: Path, *arguments: str) -> None:
    monkeypatch.setenv("GROUNDSWELL_DATA_DIR", str(data))
    monkeypatch.setenv("GROUNDSWELL_PASSPHRASE", "correct horse battery")
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code


async def _started(data: Path) -> None:
    async with assemble(Settings(data_dir=data)):
        pass


def test_commands(tmp_path: Path, written: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    asyncio.run(_started(data))
    assert written == ["generate_rsa"], "the instance's own"
    types(monkeypatch, data, "person", "create", "robin")
    assert sorted(written) == ["generate_rsa", "generate_rsa", "hash_password"]
    types(monkeypatch, data, "movement", "create", "flex", "--name", "Flex", "--organizer", "robin")
    assert written[3:] == ["generate_rsa"] * 2, "the movement's and its circle's"
    types(monkeypatch, data, "keys", "rotate", "federation", "robin")
    assert written[5:] == ["generate_rsa"]


async def test_the_setup_page(tmp_path: Path, written: list[str]) -> None:
    form = {"person": "robin", "passphrase": "correct horse battery", "movement": "flex", "name": "Flex"}
    async with loopback_server("us", tmp_path / "data") as server, httpx.AsyncClient(base_url=server.address) as client:
        async with server.assembly.federation.writing() as unit:
            token = await setup_token(unit)
        before = len(written)
        answer = await client.post(f"/setup/{token}", data=form, timeout=30)
        assert answer.status_code == 200, answer.text
        assert sorted(written[before:]) == ["generate_rsa"] * 3 + ["hash_password"]
