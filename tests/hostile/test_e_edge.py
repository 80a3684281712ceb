"""E3: slow, endless and countless callers, over real sockets, with limits low enough to be waited for."""

import asyncio
import logging
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from server.edge import Limits, share_of_open_files
from server.loopback import LoopbackServer, loopback_server

LIMITS = Limits(head_seconds=0.5, body_pause=0.4, body_seconds=1.2, connections=20)
PATIENCE = 10.0

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /ap/inbox HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/activity+json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = POST + b"Content-Length: 1000\r\n\r\n"
FORM = b"POST /setup/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LoopbackServer]:
    async with loopback_server("us", tmp_path / "data", limits=LIMITS) as made:
        yield made
        assert await status(made, GET + b"\r\n") == 200, "it answers others as before"


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(server: LoopbackServer) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def status(server: LoopbackServer, first: bytes, again: bytes = b"", pause: float = 0.0) -> int:
    """Sends `first`, then `again` for as long as it is taken; the status that comes, 0 for none, and then the end."""
    async with asyncio.timeout(PATIENCE), connected(server) as (reader, writer):
        writer.write(first)
        sending = asyncio.create_task(_go_on(writer, again, pause))
        try:
            line = await reader.readline()
            if again:
                await reader.read()
        except ConnectionResetError:
            line = b""
        finally:
            sending.cancel()
        return int(line.split()[1]) if line else 0


async def _go_on(writer: asyncio.StreamWriter, again: bytes, pause: float) -> None:
    while again:
        await asyncio.sleep(pause)
        writer.write(again)
        await writer.drain()


@pytest.mark.parametrize("first", [b"GET /", GET, GET + b"X-Slow: "])
async def test_a_head_a_byte_at_a_time(server: LoopbackServer, first: bytes) -> None:
    assert await status(server, first, b"a", pause=0.05) == 408


async def test_line_ends_before_a_head_are_part_of_it(server: LoopbackServer) -> None:
    assert await status(server, b"\r\n", b"\r\n", pause=0.05) == 408


async def test_a_caller_who_says_nothing_is_let_go(server: LoopbackServer) -> None:
    async with asyncio.timeout(PATIENCE), connected(server) as (reader, _):
        assert await reader.read() == b""


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X-Big: " + b"x" * 40_000 + b"\r\n\r\n",
        GET + b"X-Many: 1\r\n" * 4_000 + b"\r\n",
        b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=["one header", "many headers", "a long path"],
)
async def test_a_head_too_big(server: LoopbackServer, head: bytes) -> None:
    assert await status(server, head) == 431
    assert await status(server, head[:-4]) == 431, "nor is its end waited for"


async def test_a_head_without_end(server: LoopbackServer) -> None:
    assert await status(server, GET, b"X-More: and more\r\n" * 50) == 431


async def test_a_head_of_ordinary_size_is_answered(server: LoopbackServer) -> None:
    assert await status(server, GET + b"X-Big: " + b"x" * 20_000 + b"\r\n\r\n") == 200


@pytest.mark.parametrize("first", [SIZED, CHUNKED, SIZED + b"{", CHUNKED + b"1\r\n{\r\n"])
async def test_a_body_that_stands_still(server: LoopbackServer, first: bytes) -> None:
    assert await status(server, first) == 408


@pytest.mark.parametrize(
    ("first", "again"),
    [(SIZED, b"x"), (CHUNKED, b"1\r\nx\r\n"), (FORM + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")],
)
async def test_a_body_a_byte_at_a_time(server: LoopbackServer, first: bytes, again: bytes) -> None:
    """Each byte comes in time, and all of them do not."""
    assert await status(server, first, again, pause=0.1) == 408


async def test_what_frames_a_chunk_is_no_progress(server: LoopbackServer) -> None:
    assert await status(server, CHUNKED + b"1;", b"x", pause=0.05) == 408


@pytest.mark.parametrize(
    ("first", "again", "expected"),
    [
        (FORM + b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n", 400),
        (FORM + b"Content-Length: 99999999\r\n\r\n", b"x" * 0x8000, 400),
        (CHUNKED + b"1;", b"x" * 0x8000, 413),
        (CHUNKED + b"0\r\n", b"X-Trailer: x\r\n" * 100, 431),
    ],
    ids=["chunks", "a length", "a chunk's extension", "trailers"],
)
async def test_a_body_without_end(server: LoopbackServer, first: bytes, again: bytes, expected: int) -> None:
    """Of a form the reader of forms has enough first."""
    assert await status(server, first, again) == expected


async def test_a_body_that_nobody_reads_ends_too(server: LoopbackServer) -> None:
    """The answer is there before the body; no second answer follows it."""
    async with asyncio.timeout(PATIENCE), connected(server) as (reader, writer):
        writer.write(b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n")
        sending = asyncio.create_task(_go_on(writer, b"x", 0.1))
        try:
            said = await reader.read()
        finally:
            sending.cancel()
    assert said.count(b"HTTP/1.1") == 1
    assert said.startswith(b"HTTP/1.1 404")


async def test_requests_in_a_row_each_have_their_time(server: LoopbackServer) -> None:
    """A connection lasts longer than any one limit, as long as each request keeps to it."""
    async with asyncio.timeout(PATIENCE), connected(server) as (reader, writer):
        for _ in range(4):
            for part in (GET, b"\r\n"):
                writer.write(part)
                await asyncio.sleep(0.2)
            assert b"200" in await reader.readuntil(b"\r\n\r\nok\n")


async def test_countless_idle_callers(server: LoopbackServer) -> None:
    """Beyond the cap they are told at once, and all of them have gone when their time is over."""
    assert LIMITS.connections is not None
    held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(LIMITS.connections)]
    assert await status(server, b"") == 503
    async with asyncio.timeout(PATIENCE):
        assert {await reader.read() for reader, _ in held} == {b""}
    for _, writer in held:
        writer.close()


async def test_no_log_line_tells_who_or_what(server: LoopbackServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await status(server, FORM + b"Content-Length: 9\r\n\r\n")
        await status(server, GET + b"X-Marker: xyzzy", b"y" * 10_000)
    assert "xyzzy" not in caplog.text
    assert "Traceback" not in caplog.text


def test_half_of_the_files_are_left_to_other_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 4_096))
    assert share_of_open_files() == 512
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert share_of_open_files() == 10_000
