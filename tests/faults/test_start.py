"""Starts that cannot succeed: one clear line, exit code 2, nothing written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.assembly import assemble
from server.config import Settings
from tests.faults.mounts import read_only

ROOT = Path(__file__).parents[2]


def started(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"GROUNDSWELL_DATA_DIR": str(folder)}
    arguments = [sys.executable, "-m", "server.cli", command]
    return subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def test_a_data_directory_that_is_read_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with assemble(Settings(data_dir=folder)):
        pass
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with read_only(folder):
        ended = started("run", folder)
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "cannot be used: Read-only file system" in ended.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("command", ["web", "worker"])
def test_sqlite_is_for_one_process(tmp_path: Path, command: str) -> None:
    ended = started(command, tmp_path / "data")
    assert ended.returncode == 2
    assert ended.stderr == (
        f"groundswell: {command} needs PostgreSQL (GROUNDSWELL_DATABASE_URL); "
        "with SQLite one process does both: groundswell run\n"
    )
    assert list(tmp_path.iterdir()) == []
