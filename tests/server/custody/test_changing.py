"""The root key is changed: no cell and no index changes, and at every moment the old key or the new one opens."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from crypto.sealing import RootKey
from federation import follows
from models import DataKey, Follow
from server.assembly import Assembly, CannotStart, assemble
from server.config import Settings
from server.custody.changing import change_root_key, wrap_anew
from server.custody.opening import Held, begin
from server.custody.record import read_record
from server.custody.sources import CREDENTIAL, Source
from server.db import Database
from server.root_key import RootKeyProblem, former_keys, load_root_key, successor_of, write_root_key
from server.vault import Keyring, StaleRootKey
from tests.builders import make_movement, make_person, make_remote_actor
from tests.posting import let_follow

ROOT = Path(__file__).parents[3]
Urls = tuple[str | None, str | None]
FAN = make_remote_actor("fan", host="fan.example")
PASSPHRASE = "six words that were drawn by chance"


def settings_for(folder: Path, urls: Urls, **given: object) -> Settings:
    url = urls[0]
    return Settings(data_dir=folder / "data", domain="flex.test", database_url=url, **given)  # type: ignore[arg-type]


def typed(passphrase: str) -> dict[str, Any]:
    return {"ask": lambda words, new: passphrase}


async def fill(settings: Settings, **how: Any) -> None:
    """A movement with a follower: rows that only the key finds."""
    async with assemble(settings, **how) as assembly, assembly.federation.writing() as unit:
        robin = await make_person(unit, "robin")
        made = await make_movement(unit, organizer=robin)
        await let_follow(unit, FAN, made.actor)


@asynccontextmanager
async def opened(settings: Settings, *, sole: bool = False, **how: Any) -> AsyncIterator[Assembly]:
    async with assemble(settings, create=False, sole=sole, **how) as assembly:
        yield assembly


async def finds(assembly: Assembly) -> bool:
    """Whether the follower is found by its index, and opens."""
    async with assembly.federation.reading() as unit:
        edges = await follows.following_of(unit, FAN.id)
        return [edge.follower for edge in edges] == [FAN.id]


async def cells(assembly: Assembly) -> list[tuple[bytes, bytes]]:
    async with assembly.federation.reading() as unit:
        rows = (await unit.session.execute(select(Follow))).scalars()
        return [(row.follower_index, row.sealed_edge) for row in rows]


async def test_a_new_file_opens_the_same_cells_and_the_old_one_nothing(
    tmp_path: Path, server_database_urls: Urls
) -> None:
    settings = settings_for(tmp_path, server_database_urls)
    await fill(settings)
    old = settings.key_path.read_bytes()
    async with opened(settings, sole=True) as assembly:
        before = await cells(assembly)
        changed = await change_root_key(assembly, to=Source.FILE)
        assert await finds(assembly), "with the process that changed it, too"
    assert changed.former is not None
    assert changed.former.read_bytes() == old != settings.key_path.read_bytes()
    assert not successor_of(settings.key_path).exists()
    async with opened(settings) as assembly:
        assert await finds(assembly)
        assert await cells(assembly) == before
        async with assembly.federation.writing() as unit:
            await make_movement(unit, "later")
    settings.key_path.write_bytes(old)
    with pytest.raises(CannotStart, match="the one before"):
        async with opened(settings):
            pass


async def test_from_a_file_to_a_passphrase_to_another_passphrase_and_back(
    tmp_path: Path, server_database_urls: Urls
) -> None:
    settings = settings_for(tmp_path, server_database_urls)
    await fill(settings)
    async with opened(settings, sole=True) as assembly:
        await change_root_key(assembly, to=Source.PASSPHRASE, passphrase=PASSPHRASE)
    settings.key_path.unlink()
    async with opened(settings, sole=True, **typed(PASSPHRASE)) as assembly:
        assert await finds(assembly)
        await change_root_key(assembly, to=Source.PASSPHRASE, passphrase=f"another: {PASSPHRASE}")
    with pytest.raises(CannotStart, match=r"the passphrase is wrong.*database, which is whole"):
        async with opened(settings, **typed(PASSPHRASE)):
            pass
    async with opened(settings, sole=True, **typed(f"another: {PASSPHRASE}")) as assembly:
        await change_root_key(assembly, to=Source.FILE)
    async with opened(settings) as assembly:
        assert await finds(assembly)


async def test_a_first_start_with_a_passphrase_keeps_no_file(tmp_path: Path, server_database_urls: Urls) -> None:
    settings = settings_for(tmp_path, server_database_urls, key_source="passphrase")
    await fill(settings, **typed(PASSPHRASE))
    assert not settings.key_path.exists()
    async with opened(settings, **typed(PASSPHRASE)) as assembly:
        assert await finds(assembly)


async def test_a_short_passphrase_begins_nothing(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, (None, None), key_source="passphrase")
    with pytest.raises(CannotStart, match="16 to 1024 characters"):
        await fill(settings, **typed("too short"))
    assert not (settings.data_dir / "groundswell.sqlite3").exists()


async def test_a_credential_is_opened_and_its_damage_told(
    tmp_path: Path, server_database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, folder = settings_for(tmp_path, server_database_urls), tmp_path / "handed"
    write_root_key(folder / CREDENTIAL, RootKey.generate())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    await fill(settings)
    assert not settings.key_path.exists()
    async with opened(settings, sole=True) as assembly:
        assert await finds(assembly)
        changed = await change_root_key(assembly, to=Source.CREDENTIAL, key_file=tmp_path / "next.key")
    with pytest.raises(CannotStart, match=f"the credential {CREDENTIAL} does not open this database"):
        async with opened(settings):
            pass
    assert changed.place is not None
    changed.place.replace(folder / CREDENTIAL)
    async with opened(settings) as assembly:
        assert await finds(assembly)
    (folder / CREDENTIAL).write_text("damaged")
    with pytest.raises(CannotStart, match="credential groundswell-root-key is damaged"):
        async with opened(settings):
            pass
    (folder / CREDENTIAL).unlink()
    with pytest.raises(CannotStart, match="there is no credential"):
        async with opened(settings.model_copy(update={"key_source": "credential"})):
            pass


async def test_damaged_data_is_told_from_a_wrong_key(tmp_path: Path, server_database_urls: Urls) -> None:
    settings = settings_for(tmp_path, server_database_urls)
    await fill(settings)
    async with opened(settings) as assembly, assembly.database.writing() as unit:
        await unit.session.execute(text("UPDATE data_keys SET wrapped = substr(wrapped, 2)"))
    with pytest.raises(CannotStart, match=r"the root key is right, but .* the database is damaged"):
        async with opened(settings):
            pass


async def test_the_key_is_not_changed_under_a_running_server(tmp_path: Path, server_database_urls: Urls) -> None:
    settings = settings_for(tmp_path, server_database_urls)
    await fill(settings)
    async with opened(settings):
        with pytest.raises(CannotStart, match="stop it first"):
            async with opened(settings, sole=True):
                pass
    async with opened(settings, sole=True):
        with pytest.raises(CannotStart, match="being changed at this moment"):
            async with opened(settings):
                pass


async def test_a_process_with_the_old_key_makes_no_key_that_the_new_one_does_not_open(database: Database) -> None:
    """One on another machine, which no lock on the directory keeps out."""
    old, new = database.keyring.root, RootKey.generate()
    async with database.writing() as unit:
        await begin(unit, Held(old, Source.FILE, "a file"))
    async with database.writing() as unit:
        await wrap_anew(unit, old, new, None)
    stale = Database(database.engine, Keyring(old), database.origin, database.clock)
    with pytest.raises(StaleRootKey):
        async with stale.writing() as unit:
            await make_movement(unit, "flex")
    with pytest.raises(StaleRootKey):
        async with stale.writing() as unit:
            await wrap_anew(unit, old, RootKey.generate(), None)
    async with database.reading() as unit:
        record = await read_record(unit.session)
        keys = (await unit.session.execute(select(DataKey))).scalars().all()
    assert record is not None
    assert {key.wrapped_by for key in keys} == {new.id} == {record.id}


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from sqlalchemy.ext.asyncio import AsyncSession
from server.assembly import assemble
from server.config import Settings
from server.custody.changing import change_root_key
from server.custody.sources import Source

folder, url, to, fatal = sys.argv[1:]
steps = 0

def step():
    global steps
    steps += 1
    if steps == int(fatal):
        os.kill(os.getpid(), signal.SIGKILL)

def watch(name):
    original = getattr(os, name)
    def watched(*given, **named):
        step()
        return original(*given, **named)
    setattr(os, name, watched)

commit = AsyncSession.commit
async def watched_commit(self):
    step()
    await commit(self)
    step()

async def main():
    settings = Settings(data_dir=Path(folder) / "data", domain="flex.test", database_url=url or None)
    async with assemble(settings, create=False, sole=True, ask=lambda words, new: "PASSPHRASE 1") as assembly:
        for name in ("fsync", "link", "replace"):
            watch(name)
        AsyncSession.commit = watched_commit
        await change_root_key(assembly, to=Source(to), passphrase="PASSPHRASE 2")

asyncio.run(main())
""".replace("PASSPHRASE", PASSPHRASE)
"""Changes the root key, and is killed before the step of that number: one that puts something on disk, or commits."""


def change_and_be_killed(folder: Path, urls: Urls, to: Source, fatal: int) -> bool:
    """Whether it was killed; otherwise it ended well."""
    program = [sys.executable, "-c", KILLED, str(folder), urls[0] or "", to.value, str(fatal)]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


async def test_killed_at_any_step_a_key_file_opens_the_data(tmp_path: Path, server_database_urls: Urls) -> None:
    settings = settings_for(tmp_path, server_database_urls)
    await fill(settings)
    ids, fatal = [load_root_key(settings.key_path).id], 1
    while change_and_be_killed(tmp_path, server_database_urls, Source.FILE, fatal):
        known = {load_root_key(path).id for path in settings.key_path.parent.glob("data.key*")}
        assert set(ids) <= known, "no key that ever opened the data is gone"
        async with opened(settings) as assembly:
            assert await finds(assembly)
            assert assembly.held.root.id == load_root_key(settings.key_path).id, "what was cut off is ended"
            if assembly.held.root.id not in ids:
                ids.append(assembly.held.root.id)
        fatal += 1
    async with opened(settings) as assembly:
        assert await finds(assembly)
    assert fatal > 8
    assert len(ids) > 3, "it was killed before and after the change was made"
    assert len(former_keys(settings.key_path)) == len(ids)


async def test_killed_at_any_step_one_passphrase_opens_the_data(tmp_path: Path, server_database_urls: Urls) -> None:
    settings = settings_for(tmp_path, server_database_urls)
    first, second = f"{PASSPHRASE} 1", f"{PASSPHRASE} 2"
    await fill(settings.model_copy(update={"key_source": "passphrase"}), **typed(first))
    outcomes, fatal = [], 1
    while change_and_be_killed(tmp_path, server_database_urls, Source.PASSPHRASE, fatal):
        fits = [await _opens(settings, passphrase) for passphrase in (first, second)]
        assert sorted(fits) == [False, True]
        outcomes.append(fits[1])
        if fits[1]:
            async with opened(settings, sole=True, **typed(second)) as assembly:
                await change_root_key(assembly, to=Source.PASSPHRASE, passphrase=first)
        fatal += 1
    assert set(outcomes) == {False, True}
    assert await _opens(settings, second)


async def _opens(settings: Settings, passphrase: str) -> bool:
    try:
        async with opened(settings, **typed(passphrase)) as assembly:
            return await finds(assembly)
    except CannotStart:
        return False


async def test_a_key_that_could_not_take_its_place_is_not_written_over(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, (None, None))
    await fill(settings)
    old = settings.key_path.read_bytes()
    async with opened(settings, sole=True) as assembly:
        await change_root_key(assembly, to=Source.FILE)
        settings.key_path.replace(successor_of(settings.key_path))
        settings.key_path.write_bytes(old)
        with pytest.raises(RootKeyProblem, match="is still in"):
            await change_root_key(
                Assembly(settings, assembly.database, assembly.federation, _now(assembly), assembly.occupancy),
                to=Source.FILE,
            )
    async with opened(settings) as assembly:
        assert await finds(assembly)


def _now(assembly: Assembly) -> Held:
    return Held(assembly.database.keyring.root, Source.FILE, "the file")


@pytest.mark.parametrize("place", ["data/new.key", "data.key"])
async def test_a_new_key_goes_nowhere_it_must_not(tmp_path: Path, place: str) -> None:
    settings = settings_for(tmp_path, (None, None))
    await fill(settings)
    before = settings.key_path.read_bytes()
    async with opened(settings, sole=True) as assembly:
        with pytest.raises(RootKeyProblem, match=r"must not be inside|is there already"):
            await change_root_key(assembly, to=Source.CREDENTIAL, key_file=tmp_path / place)
    assert settings.key_path.read_bytes() == before
    async with opened(settings) as assembly:
        assert await finds(assembly)


async def test_a_copy_of_the_data_without_the_key_shows_nothing_sealed(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, (None, None))
    await fill(settings)
    async with opened(settings, sole=True) as assembly:
        await change_root_key(assembly, to=Source.PASSPHRASE, passphrase=PASSPHRASE)
    stored = b"".join(path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())
    assert b"robin" in stored, "handles are plain: the search would find the rest"
    record = {path: load_root_key(path) for path in [settings.key_path]}
    assert not [sealed for sealed in (FAN.id.encode(), FAN.inbox.encode(), PASSPHRASE.encode()) if sealed in stored]
    for key in record.values():
        assert key.to_bytes() not in stored
        assert key.to_bytes().hex().encode() not in stored
