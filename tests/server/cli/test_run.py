"""`groundswell run` as a process: it listens, survives `kill -9` with all it promised, and tells nobody's name."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[3]


@dataclass
class Process:
    """A server process and where it listens."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Asks it."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)


@contextmanager
def running(folder: Path, port: int, role: str = "run", **changes: str) -> Iterator[Process]:
    """A server's process, ready to answer."""
    log = folder / "log"
    environment = os.environ | {"GROUNDSWELL_DATA_DIR": str(folder / "data"), "GROUNDSWELL_PORT": str(port)} | changes
    with log.open("a") as output:
        arguments = [sys.executable, "-m", "server.cli", role]
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=output, stderr=output, text=True)
    try:
        server = Process(process, port, log)
        _await_answer(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await_answer(server: Process) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise AssertionError(server.log.read_text())
        try:
            server.get("/healthz")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(server.log.read_text())


def command(folder: Path, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """A command over the same data, to its end."""
    environment = os.environ | {"GROUNDSWELL_DATA_DIR": str(folder / "data")} | changes
    program = [sys.executable, "-m", "server.cli", *arguments]
    return subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def port() -> int:
    return free_port()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _setup_path(log: Path) -> str:
    return log.read_text().rsplit("/setup/", 1)[1].split()[0]


def test_a_first_start_leads_to_a_movement_that_survives_kill_9(tmp_path: Path, port: int) -> None:
    with running(tmp_path, port) as server:
        said = server.log.read_text()
        assert f"data directory: {tmp_path / 'data'}" in said
        assert "trial mode" in said
        form = {"person": "robin", "passphrase": "correct horse battery", "movement": "flex", "name": "Flex"}
        answer = httpx.post(f"http://127.0.0.1:{port}/setup/{_setup_path(server.log)}", data=form)
        assert answer.status_code == 200
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(timeout=20)
    with running(tmp_path, port) as server:
        page = server.get("/@flex", Accept="text/html", Host="groundswell.invalid")
        assert "Flex" in page.text
        assert "robin" not in server.log.read_text()
        assert "127.0.0.1 -" not in server.log.read_text()


def test_a_port_in_use_is_said_and_ends_the_start(tmp_path: Path, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        environment = os.environ | {"GROUNDSWELL_DATA_DIR": str(tmp_path / "data"), "GROUNDSWELL_PORT": str(port)}
        arguments = [sys.executable, "-m", "server.cli", "run"]
        ended = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert "address already in use" in ended.stderr


def test_a_second_server_on_the_same_data_ends_at_once(tmp_path: Path, port: int) -> None:
    data = tmp_path / "data"
    with running(tmp_path, port) as first:
        before = _rows(data)
        ended = command(tmp_path, "run")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr == (
            f"groundswell: a server runs with {data} already, and with SQLite there is one; commands work beside it\n"
        )
        assert _rows(data) == before, "the first server's link still works"
        assert command(tmp_path, "movement", "list").returncode == 0, "commands work beside it"
        first.process.kill()
        first.process.wait(timeout=20)
    with running(tmp_path, port):
        assert _rows(data) != before


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
def test_on_postgresql_there_may_be_several(
    tmp_path: Path, server_database_urls: tuple[str | None, str | None], port: int
) -> None:
    address = {"GROUNDSWELL_DATABASE_URL": str(server_database_urls[0])}
    with running(tmp_path, port, **address), running(tmp_path, free_port(), **address) as second:
        assert second.get("/healthz").status_code == 200


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
def test_a_worker_tells_this_machine_how_it_is(
    tmp_path: Path, server_database_urls: tuple[str | None, str | None], port: int
) -> None:
    address = {"GROUNDSWELL_DATABASE_URL": str(server_database_urls[0])}
    told = {**address, "GROUNDSWELL_WORKER_PORT": str(port)}
    with running(tmp_path, port, "worker", **told) as worker:
        ready = worker.get("/readyz")
        assert (ready.status_code, ready.json()["worker"]) == (200, "ok")
        numbers = worker.get("/metrics").text
        assert "groundswell_worker_running 1.0" in numbers
        assert 'groundswell_deliveries_total{verdict="delivered"} 0.0' in numbers
        assert worker.get("/metrics", Host="groundswell.invalid").status_code == 404
        assert worker.get("/ap/instance").status_code == 404, "nothing else is there"
        second = command(tmp_path, "worker", **told)
        assert second.returncode == 2
        assert f"GROUNDSWELL_WORKER_PORT: {port} cannot be listened on" in second.stderr
        worker.process.terminate()
        assert worker.process.wait(timeout=20) == 0


def _rows(data: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(data / "groundswell.sqlite3")) as connection:
        return connection.execute("SELECT name, value FROM server_settings ORDER BY name").fetchall()


def test_the_demo_tells_its_story_to_the_end(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "server.cli", "demo"]
    told = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert told.returncode == 0, told.stderr
    assert "must not be" not in told.stdout
    assert "11. Robin removes Kim" in told.stdout
    assert "10. A signed request of a server without a member gets: 404" in told.stdout
