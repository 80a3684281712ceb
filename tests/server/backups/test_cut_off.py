"""Killed in the middle, or out of room: no half file bears the name of a whole one, and the next try goes well."""

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from server.backups import keeping
from server.backups.converting import to_postgres
from server.backups.creating import create
from server.backups.opening import verify
from server.backups.problem import Problem
from server.backups.restoring import restore
from server.backups.scratch import is_unfinished, publish
from tests.conftest import Clock
from tests.server.backups.conftest import ROOT, Operator
from tests.server.backups.test_converting import tables_in

ROUNDS = range(4)
SQLITE_ONLY = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def unfinished_below(*folders: Path) -> list[Path]:
    return [path for folder in folders if folder.exists() for path in folder.rglob("*") if is_unfinished(path)]


def kill_at_some_moment(operator: Operator, seed: int, watched: Path, *arguments: str) -> bool:
    """Kills a command some time after it began to write below `watched`; whether it was still at work."""
    process = operator.start(*arguments)
    deadline = time.monotonic() + 60
    while process.poll() is None and not unfinished_below(watched) and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(random.Random(seed).uniform(0, 0.15))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def enlarge(operator: Operator, megabytes: int = 60) -> None:
    """Media that take a while."""
    with (operator.settings.data_dir / "media" / "large.bin").open("wb") as file:
        for number in range(megabytes):
            file.write(random.Random(number).randbytes(1_000_000))


@pytest.mark.parametrize("seed", ROUNDS)
def test_create(operator: Operator, clock: Clock, seed: int) -> None:
    enlarge(operator)
    backups = operator.folder / "backups"
    kill_at_some_moment(operator, seed, operator.settings.data_dir, "backup", "create")
    for kept in keeping.backups_in(backups):
        verify(kept.path, operator.identity, operator.folder)
    made = asyncio.run(create(operator.settings, now=clock.now))
    assert made.manifest.files == 3
    assert unfinished_below(operator.settings.data_dir, backups) == []
    verify(made.path, operator.identity, operator.folder)


@pytest.mark.parametrize("seed", ROUNDS)
def test_restore(operator: Operator, clock: Clock, seed: int) -> None:
    enlarge(operator)
    made = asyncio.run(create(operator.settings, now=clock.now, with_root_key=True))
    place = operator.settings.model_copy(update={"data_dir": operator.folder / "there" / "data", "database_url": None})
    place.data_dir.parent.mkdir()
    operator.environment.pop("GROUNDSWELL_DATABASE_URL", None)
    command = ("restore", str(made.path), "--to", str(place.data_dir), "--identity", str(operator.identity_file))
    kill_at_some_moment(operator, seed, place.data_dir.parent, *command)
    if not place.data_dir.exists():
        assert asyncio.run(restore(made.path, operator.identity, place)).key
    assert unfinished_below(place.data_dir.parent) == []
    assert (place.data_dir / "media" / "large.bin").stat().st_size == 60_000_000
    with closing(sqlite3.connect(place.data_dir / "groundswell.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def add_rows(path: Path, count: int) -> None:
    with closing(sqlite3.connect(path)) as database:
        rows = [(number.to_bytes(16, "big"), number, "2030-01-01 00:00:00.000000") for number in range(count)]
        database.executemany('INSERT INTO budgets ("index", spent, ends_at) VALUES (?, ?, ?)', rows)
        database.commit()


@SQLITE_ONLY
@pytest.mark.parametrize("seed", ROUNDS)
def test_convert_to_postgresql(operator: Operator, empty_postgres: str, seed: int) -> None:
    file = operator.settings.data_dir / "groundswell.sqlite3"
    add_rows(file, 20_000)
    before = file.read_bytes()
    process = operator.start("db", "convert", "--to", empty_postgres)
    time.sleep(random.Random(seed).uniform(1.0, 4.0))
    process.kill()
    process.communicate()
    assert file.read_bytes() == before
    target = operator.settings.model_copy(update={"database_url": empty_postgres})
    if not asyncio.run(tables_in(target)):
        assert asyncio.run(to_postgres(operator.settings, empty_postgres))["budgets"].rows == 20_000


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from server.cli import main
main(sys.argv[2:])
"""


def without_room(operator: Operator, size: int, *arguments: str) -> str:
    """The one line of a command that may write no file longer than `size` bytes."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(size), *arguments],
        cwd=ROOT,
        env=operator.full_environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("data directory")]
    assert (done.returncode, len(lines)) == (2, 1), done.stderr
    return lines[0]


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_no_room_for_a_backup(operator: Operator, size: int) -> None:
    enlarge(operator, megabytes=2)
    complaint = without_room(operator, size, "backup", "create")
    assert complaint.startswith("groundswell: ")
    assert keeping.backups_in(operator.folder / "backups") == []
    assert unfinished_below(operator.settings.data_dir, operator.folder / "backups") == []


@SQLITE_ONLY
@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_no_room_for_a_restore(operator: Operator, clock: Clock, size: int) -> None:
    enlarge(operator, megabytes=2)
    made = asyncio.run(create(operator.settings, now=clock.now))
    there = operator.folder / "there"
    identity = str(operator.identity_file)
    without_room(operator, size, "restore", str(made.path), "--to", str(there / "data"), "--identity", identity)
    assert list(there.iterdir()) == []
    without_room(operator, size, "backup", "verify", str(made.path), "--identity", identity)


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
def test_no_room_for_a_conversion(operator: Operator) -> None:
    without_room(operator, 100_000, "db", "convert", "--to", "sqlite")
    assert not (operator.settings.data_dir / "groundswell.sqlite3").exists()
    assert unfinished_below(operator.settings.data_dir) == []


def test_a_name_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    (tmp_path / "two").write_text("two")
    publish(tmp_path / "one", tmp_path / "target")
    with pytest.raises(Problem, match="nothing is overwritten"):
        publish(tmp_path / "two", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "one"
