"""What is backed up comes back whole, on either database, and nothing in the file is readable on the way."""

import asyncio
import json
import subprocess
import sys
import tarfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from federation.identities import signer_for
from federation.origin import INSTANCE_ID
from models import LocalActor, Post
from server.assembly import CannotStart, assemble
from server.backups import archive
from server.backups.creating import Made, configuration, create, without_password
from server.backups.opening import open_into, verify
from server.backups.problem import Problem
from server.backups.restoring import restore
from server.backups.scratch import PREFIX, is_unfinished
from server.config import Settings
from server.organizing.posts.records import opened as open_posts
from tests.conftest import Clock
from tests.server.backups.conftest import SECRET, Operator


def at_new_place(operator: Operator, **changes: object) -> Settings:
    """Settings of another machine, without a database of its own."""
    place = operator.folder / "elsewhere" / "data"
    return operator.settings.model_copy(update={"data_dir": place, "database_url": None} | changes)


def take_key_along(operator: Operator, settings: Settings) -> None:
    settings.key_path.parent.mkdir(parents=True, exist_ok=True)
    settings.key_path.write_bytes(operator.settings.key_path.read_bytes())


async def made_by(operator: Operator, clock: Clock, *, with_root_key: bool = False) -> Made:
    return await create(operator.settings, now=clock.now, with_root_key=with_root_key)


def everything_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


async def test_it_comes_back_elsewhere(operator: Operator, clock: Clock) -> None:
    made = await made_by(operator, clock)
    settings = at_new_place(operator)
    take_key_along(operator, settings)
    restored = await restore(made.path, operator.identity, settings)
    assert restored.key
    assert restored.opened.manifest == made.manifest
    assert (settings.data_dir / "media/pictures/one.bin").read_bytes() == bytes(range(256)) * 1_000
    assert everything_below(settings.data_dir) == {
        "groundswell-data",
        "groundswell.sqlite3",
        "media",
        "media/pictures",
        "media/pictures/one.bin",
    }
    assert (settings.data_dir / "groundswell.sqlite3").stat().st_mode & 0o077 == 0
    async with assemble(settings, create=False) as assembly, assembly.federation.reading() as unit:
        await signer_for(unit, INSTANCE_ID)
        found = await open_posts(unit, (await unit.session.execute(select(Post))).scalars().all())
        assert any("Thursday at the canteen" in post.content.html for post in found)
        handles = (await unit.session.execute(select(col(LocalActor.handle)))).scalars().all()
        assert {"robin", "flex"} <= set(handles)


async def test_it_comes_back_on_postgresql(operator: Operator, clock: Clock, empty_postgres: str) -> None:
    made = await made_by(operator, clock, with_root_key=True)
    settings = at_new_place(operator, database_url=empty_postgres)
    await restore(made.path, operator.identity, settings)
    assert not (settings.data_dir / "groundswell.sqlite3").exists()
    async with assemble(settings, create=False) as assembly, assembly.federation.reading() as unit:
        await signer_for(unit, INSTANCE_ID)
    another = at_new_place(operator, database_url=empty_postgres, data_dir=operator.folder / "third")
    with pytest.raises(Problem, match="not empty"):
        await restore(made.path, operator.identity, another)
    assert not another.data_dir.exists()


async def test_the_root_key_comes_along_only_when_asked_for(operator: Operator, clock: Clock) -> None:
    secret = operator.settings.key_path.read_text().splitlines()[1]
    without = await made_by(operator, clock)
    clock.advance(seconds=1)
    with_it = await made_by(operator, clock, with_root_key=True)
    assert (without.manifest.root_key, with_it.manifest.root_key) == (False, True)
    work = operator.folder / "opened"
    work.mkdir()
    opened = open_into(without.path, operator.identity, work)
    assert opened.root is None
    assert not [path for path in work.rglob("*") if path.is_file() and bytes.fromhex(secret) in path.read_bytes()]
    settings = at_new_place(operator)
    assert not (await restore(without.path, operator.identity, settings)).key
    with pytest.raises(CannotStart, match=r"root key .* is missing"):
        async with assemble(settings, create=False):
            pass
    third = at_new_place(operator, data_dir=operator.folder / "third")
    assert (await restore(with_it.path, operator.identity, third)).key
    assert third.key_path.read_text() == operator.settings.key_path.read_text()
    assert third.key_path.stat().st_mode & 0o077 == 0


async def test_nothing_can_be_read_without_the_identity_nor_sealed_things_without_the_key(
    operator: Operator, clock: Clock
) -> None:
    made = await made_by(operator, clock)
    data = made.path.read_bytes()
    for plain in (b"robin", b"flex", b"canteen", b"SQLite", bytes(range(256))):
        assert plain not in data
    work = operator.folder / "opened"
    work.mkdir()
    opened = open_into(made.path, operator.identity, work)
    database = opened.database.read_bytes()
    assert b"robin" in database
    for word in (SECRET.encode(), b"sealedmarker", b"canteen"):
        assert word not in database


async def test_wrapped_keys_are_a_part_of_their_own(operator: Operator, clock: Clock) -> None:
    made = await made_by(operator, clock)
    reader = archive.read_parts(made.path)
    work = operator.folder / "opened"
    work.mkdir()
    reader.extract(archive.DATABASE, operator.identity, work / "database")
    keys = json.loads(reader.text(archive.DATA_KEYS, operator.identity)[0])
    assert len(keys) == made.keys == made.manifest.tables["data_keys"] >= 2
    database = (work / "database").read_bytes()
    assert not [key for key in keys if bytes.fromhex(key["wrapped"]) in database]


async def test_what_was_deleted_before_does_not_come_along(operator: Operator, clock: Clock) -> None:
    async with assemble(operator.settings) as assembly, assembly.federation.writing() as unit:
        actor = (await unit.session.execute(select(LocalActor).where(col(LocalActor.handle) == "robin"))).scalar_one()
        actor.summary = "deletedmarker"
        await unit.session.flush()
        actor.summary = ""
    made = await made_by(operator, clock)
    work = operator.folder / "opened"
    work.mkdir()
    assert b"deletedmarker" not in open_into(made.path, operator.identity, work).database.read_bytes()


async def test_it_leaves_nothing_beside_the_file(operator: Operator, clock: Clock) -> None:
    before = everything_below(operator.settings.data_dir)
    made = await made_by(operator, clock)
    work = operator.folder / "work"
    work.mkdir()
    verify(made.path, operator.identity, work, key_file=operator.settings.key_path)
    left = everything_below(operator.settings.data_dir) - {"groundswell.sqlite3-wal", "groundswell.sqlite3-shm"}
    assert left == before - {"groundswell.sqlite3-wal", "groundswell.sqlite3-shm"}
    assert [path.name for path in made.path.parent.iterdir()] == ["groundswell-2026-06-07T205135Z.tar"]
    assert made.path.stat().st_mode & 0o077 == 0
    assert list(work.iterdir()) == []


async def test_a_backup_is_never_overwritten(operator: Operator, clock: Clock) -> None:
    made = await made_by(operator, clock)
    data = made.path.read_bytes()
    with pytest.raises(Problem, match="nothing is overwritten"):
        await made_by(operator, clock)
    assert made.path.read_bytes() == data


async def test_what_a_killed_process_left_is_removed_and_what_a_living_one_holds_is_not(
    operator: Operator, clock: Clock
) -> None:
    left = operator.settings.data_dir / f"{PREFIX}1234"
    left.mkdir()
    (left / "database.sqlite3").write_text("half")
    (operator.settings.data_dir / "media" / f"{PREFIX}5678").mkdir()
    living = await asyncio.to_thread(hold, operator.settings.data_dir)
    try:
        made = await made_by(operator, clock)
        unfinished = [path for path in operator.settings.data_dir.iterdir() if is_unfinished(path)]
        assert len(unfinished) == 1
        assert not left.exists()
        assert made.manifest.files == 2
    finally:
        living.kill()
        living.communicate()


def hold(folder: Path) -> "subprocess.Popen[str]":
    program = (
        "import sys; from pathlib import Path; from server.backups.scratch import scratch\n"
        "with scratch(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


async def test_media_on_another_disk_come_along(operator: Operator, clock: Clock) -> None:
    media = operator.settings.data_dir / "media"
    other = operator.folder / "disk"
    media.rename(other)
    media.symlink_to(other)
    (other / "loop").symlink_to(other)
    assert (await made_by(operator, clock)).manifest.files == 2


async def test_a_folder_of_backups_inside_the_data_does_not_back_itself_up(operator: Operator, clock: Clock) -> None:
    inside = operator.settings.model_copy(update={"backup_dir": operator.settings.data_dir / "backups"})
    assert (await create(inside, now=clock.now)).manifest.files == 2
    clock.advance(seconds=1)
    assert (await create(inside, now=clock.now)).manifest.files == 2


async def test_a_tar_and_age_alone_open_it(operator: Operator, clock: Clock) -> None:
    made = await made_by(operator, clock)
    with ExitStack() as stack:
        tar = stack.enter_context(tarfile.open(made.path))
        names = tar.getnames()
        text = tar.extractfile("READ-ME.txt")
        assert text is not None
        assert b"age --decrypt" in text.read()
        for name in names[1:]:
            part = tar.extractfile(name)
            assert part is not None
            assert part.read(22) == b"age-encryption.org/v1\n"
    assert set(names) == {"READ-ME.txt", *(f"{name}.age" for name in (*archive.REQUIRED, archive.DATA_KEYS))}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://robin:secret@db.example/flex", "postgresql://robin@db.example/flex"),
        ("postgresql://db.example/flex?password=secret&user=x", "postgresql://db.example/flex"),
        ("postgresql://robin@/flex", "postgresql://robin@/flex"),
    ],
)
def test_passwords_do_not_come_along(tmp_path: Path, url: str, shown: str) -> None:
    assert without_password(url) == shown
    written = configuration(Settings(data_dir=tmp_path, database_url=url, trusted_networks=()))
    assert written["GROUNDSWELL_DATABASE_URL"] == shown
    assert "secret" not in json.dumps(written)
