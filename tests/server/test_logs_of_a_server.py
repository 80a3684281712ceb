"""A running server is sent a marker in every place there is, and made to fail in every way: its log never has it.

At every level, in both forms; what Python and the libraries would write by themselves is counted in.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from server.assembly import utc_now
from tests.federation.strangers import Stranger, encoded, strangers
from tests.server.logged import WAYS

ROOT = Path(__file__).parents[2]
MARKER = "xyzzy"
LEVELS = ("debug", "info", "warning", "error")


@dataclass
class Logged:
    """A server that writes its log to a file."""

    port: int
    log: Path

    @property
    def domain(self) -> str:
        """Its public name."""
        return f"us.localhost:{self.port}"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def until(self, words: str) -> None:
        """Returns once the log has these words."""
        deadline = time.monotonic() + 30
        while words not in self.log.read_text():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def raw(self, *parts: bytes) -> None:
        """Sends bytes, and hangs up once something came back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            for part in parts:
                connection.sendall(part)
            connection.recv(1_000)

    def cut_off(self, part: bytes) -> None:
        """Sends bytes, and hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(part)


@contextmanager
def logged(folder: Path, level: str, form: str) -> Iterator[Logged]:
    """The server of `tests/server/logged.py`, as a process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = Logged(port, folder / "log")
    environment = os.environ | {
        "GROUNDSWELL_DATA_DIR": str(folder / "data"),
        "GROUNDSWELL_DOMAIN": server.domain,
        "GROUNDSWELL_PORT": str(port),
        "GROUNDSWELL_INSECURE_HTTP": "true",
        "GROUNDSWELL_TRUSTED_NETWORKS": "127.0.0.0/8",
        "GROUNDSWELL_LOG_LEVEL": level,
        "GROUNDSWELL_LOG_FORMAT": form,
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONWARNINGS": "always",
    }
    with server.log.open("w") as output:
        arguments = [sys.executable, "-m", "tests.server.logged"]
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        _await(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(server: Logged, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, server.log.read_text()
        try:
            httpx.get(f"{server.url}/healthz")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(server.log.read_text())


@pytest.fixture
async def bob() -> AsyncIterator[Stranger]:
    async with strangers(f"{MARKER}bob", clock=utc_now) as (made,):
        yield made


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("level", LEVELS)
async def test_nothing_that_was_sent_is_in_the_log(tmp_path: Path, bob: Stranger, level: str, form: str) -> None:
    with logged(tmp_path, level, form) as server:
        await _send_everywhere(server)
        await _fail_everywhere(server)
        _break_the_protocol(server)
        await _follow(server, bob)
        server.until("activity failed")
    _judge(server, level, form)


async def _send_everywhere(server: Logged) -> None:
    headers = {
        "Host": server.domain,
        "User-Agent": MARKER,
        f"X-{MARKER}": MARKER,
        "Cookie": f"a={MARKER}",
        "X-Forwarded-For": MARKER,
        "Signature": f'keyId="http://{MARKER}.localhost/u#k",headers="date",signature="{MARKER}"',
    }
    paths = (f"/@{MARKER}", f"/{MARKER}", f"/ap/actors/{MARKER}", f"/.well-known/webfinger?resource=acct:{MARKER}@a.b")
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as client:
        for path in (*paths, "/ap/inbox", "/healthz", "/metrics", f"/setup/{MARKER}", f"/probe/{MARKER}/x"):
            for accept in ("text/html", "application/activity+json"):
                await client.get(path, params={"q": MARKER}, headers={"Accept": accept})
                await client.post(path, json={"id": MARKER}, headers={"Accept": accept})
            server.raw(f"{MARKER.upper()} {path} HTTP/1.1\r\nHost: {MARKER}\r\n\r\n".encode())


async def _fail_everywhere(server: Logged) -> None:
    for way in WAYS:
        async with httpx.AsyncClient(base_url=server.url, headers={"User-Agent": MARKER}) as client:
            await client.post(f"/fail/{way}/{MARKER}?q={MARKER}", content=MARKER)


def _break_the_protocol(server: Logged) -> None:
    marker = MARKER.encode()
    server.raw(marker + b" not http\r\n\r\n")
    server.raw(b"GET /" + marker + b" HTTP/1.1\r\nHost: a\r\nBad Header " + marker + b"\r\n\r\n")
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + marker
    server.raw(b"GET /" + marker + b" HTTP/1.1\r\nHost: a\r\n" + upgrade + b"\r\n\r\n")
    server.raw(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + marker * 30_000 + b"\r\n\r\n")
    server.cut_off(b"POST /ap/inbox HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + marker)
    server.cut_off(b"POST /fail/at-once/" + marker + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + marker)


async def _follow(server: Logged, bob: Stranger) -> None:
    """A signed activity whose handler fails with everything it knows in the words of its error."""
    ours = f"http://{server.domain}/ap/instance"
    body = encoded(bob.activity("Follow", ours, path=f"a/{MARKER}", summary=MARKER))
    signed = bob.sign(body, "/ap/inbox", target_uri=f"http://{server.domain}/ap/inbox") | {"Host": server.domain}
    async with httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.post("/ap/inbox", content=body, headers=signed)
    assert answer.status_code == 202, answer.text


def _judge(server: Logged, level: str, form: str) -> None:
    text = server.log.read_text()
    assert MARKER not in text.lower()
    assert "Traceback" not in text
    addresses = re.findall(r"127\.0\.0\.1(?::|', )?(\d*)", text)
    assert set(addresses) <= {str(server.port)}, "the address of a caller"
    assert "through" in text, "it says where things went wrong"
    assert "logged.py" in text
    assert "RuntimeError from KeyError" in text
    assert "ExceptionGroup" in text
    assert ("Uvicorn running" in text) is (level == "debug")
    lines = text.splitlines()
    if form == "json":
        levels = {json.loads(line)["level"] for line in lines}
        allowed = LEVELS[LEVELS.index(level) :]
        assert levels <= {*allowed, "critical"}
    else:
        assert not [line for line in lines if line.startswith((" ", "\t"))], "a line of its own for every event"
