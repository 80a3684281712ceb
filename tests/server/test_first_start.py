"""First starts at the same moment, and a first start that a power cut follows."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from federation.origin import INSTANCE_ID
from models import DataKey, LocalActor, ServerSetting
from server.assembly import assemble
from server.config import Settings
from server.root_key import RootKeyProblem, first_root_key, load_root_key

Urls = tuple[str | None, str | None]

PROCESS = """
import asyncio, sys
from pathlib import Path
from server.assembly import CannotStart, assemble
from server.config import Settings

folder, domain, url = sys.argv[1:]
settings = Settings(data_dir=Path(folder), domain=domain, database_url=url or None)

async def start():
    async with assemble(settings):
        return "started"

print("ready", flush=True)
sys.stdin.readline()
try:
    print(asyncio.run(start()))
except CannotStart as refusal:
    print(refusal)
"""


async def start_at_once(*settings: Settings) -> list[str]:
    """Starts a process with each of these settings, all at the same moment; what each says at its end."""
    processes = []
    for each in settings:
        arguments = (str(each.data_dir), str(each.domain), each.database_url or "")
        program = (sys.executable, "-c", PROCESS, *arguments)
        processes.append(await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE))
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    ended = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    return [said.decode().strip() for said, _ in ended]


async def test_starts_at_once_end_well_and_make_one_server(tmp_path: Path, server_database_urls: Urls) -> None:
    settings = Settings(data_dir=tmp_path / "data", domain="flex.test", database_url=server_database_urls[0])
    assert await start_at_once(settings, settings, settings) == ["started"] * 3
    async with assemble(settings) as assembly, assembly.federation.reading() as unit:
        assert [actor.id for actor in (await unit.session.execute(select(LocalActor))).scalars()] == [INSTANCE_ID]
        keys = (await unit.session.execute(select(DataKey))).scalars()
        assert sorted(key.scope for key in keys) == ["index", "server"]
        chosen = {
            setting.name: setting.value for setting in (await unit.session.execute(select(ServerSetting))).scalars()
        }
        assert chosen.keys() == {"origin", "root_key"}
        assert chosen["origin"] == "https://flex.test"


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_of_two_with_keys_of_their_own_one_is_told(tmp_path: Path, server_database_urls: Urls) -> None:
    url = server_database_urls[0]
    folders = [tmp_path / name for name in ("one", "other")]
    settings = [Settings(data_dir=folder / "data", domain="flex.test", database_url=url) for folder in folders]
    told, started = sorted(await start_at_once(*settings), key=lambda said: said == "started")
    assert started == "started"
    assert "key of another one" in told


async def test_of_two_domains_one_is_told(tmp_path: Path, server_database_urls: Urls) -> None:
    folder, url = tmp_path / "data", server_database_urls[0]
    settings = [Settings(data_dir=folder, domain=name, database_url=url) for name in ("flex.test", "other.test")]
    told, started = sorted(await start_at_once(*settings), key=lambda said: said == "started")
    assert started == "started"
    assert "this data belongs to" in told


def test_a_key_and_its_folders_are_on_disk_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[int, bool]] = []
    path, fsync = tmp_path / "new" / "keys" / "root.key", os.fsync

    def watched(descriptor: Any) -> None:
        fsync(descriptor)
        synced.append((os.fstat(descriptor).st_ino, path.exists()))

    monkeypatch.setattr(os, "fsync", watched)
    first_root_key(path)
    of = {place: place.stat().st_ino for place in (tmp_path, tmp_path / "new", path.parent, path)}
    assert {(of[tmp_path], False), (of[tmp_path / "new"], False)} <= set(synced)
    assert synced[-2:] == [(of[path], True), (of[path.parent], True)], "the file, and then that it is there"


def test_a_first_key_never_replaces_one(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    first_root_key(path)
    before = path.read_bytes()
    assert first_root_key(path).to_bytes() == load_root_key(path).to_bytes()
    assert path.read_bytes() == before
    path.write_bytes(b"damaged")
    with pytest.raises(RootKeyProblem, match="is damaged"):
        first_root_key(path)
    assert path.read_bytes() == b"damaged"
