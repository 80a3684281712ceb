"""Servers that take whatever is posted to them, in a process of their own: `python -m benchmarks.receivers`.

They read HTTP as cheaply as can be, check nothing, answer 202 after a while, and count. `GET /counts` tells.
"""

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import uvloop

from tests.federation.certificates import Authority

DOMAIN = "there.localhost"


@dataclass
class Counts:
    """What came so far. Moments are of the monotonic clock, which all processes of a machine share."""

    posts: int = 0
    first: float = 0.0
    last: float = 0.0
    connections: int = 0
    now_open: dict[str, int] = field(default_factory=dict)
    most_open: int = 0


class Taker(asyncio.Protocol):
    """One connection."""

    def __init__(self, counts: Counts, latency: float) -> None:
        self._counts = counts
        self._latency = latency
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its type
        self._counts.connections += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._take(head)

    def _take(self, head: bytes) -> None:
        if head.startswith(b"get"):
            counts = self._counts
            body = json.dumps([counts.posts, counts.first, counts.last, counts.connections, counts.most_open]).encode()
            counts.posts = counts.most_open = 0
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return
        host = head.partition(b"host: ")[2].partition(b"\r\n")[0].decode()
        opened = self._counts.now_open
        opened[host] = opened.get(host, 0) + 1
        self._counts.most_open = max(self._counts.most_open, opened[host])
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._answer, host)
        else:
            self._answer(host)

    def _answer(self, host: str) -> None:
        counts = self._counts
        counts.now_open[host] -= 1
        counts.posts += 1
        counts.last = time.monotonic()
        if counts.posts == 1:
            counts.first = counts.last
        self._transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


@dataclass(frozen=True)
class Tally:
    """What was counted since the last question: posts, seconds between the first and the last, connections."""

    posts: int
    first: float
    last: float
    connections: int
    most_at_once: int


@dataclass(frozen=True)
class Receivers:
    """Running receivers; any name below `there.localhost` is theirs."""

    scheme: str
    port: int
    plain_port: int

    def inbox(self, host: int, name: object = "inbox") -> str:
        """An inbox on one of the servers."""
        return f"{self.scheme}://n{host}.{DOMAIN}:{self.port}/{name}"

    async def tally(self) -> Tally:
        """What was counted; counting begins anew."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.plain_port)
        writer.write(b"GET /counts HTTP/1.1\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        writer.close()
        return Tally(*json.loads(body))


@asynccontextmanager
async def receivers(*, latency: float = 0.0, authority: Path | None = None) -> AsyncIterator[Receivers]:
    """Starts them, over TLS when there is a folder for an authority, and ends them with the block."""
    arguments = ["--latency", str(latency), *(["--tls", str(authority)] if authority else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.receivers", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port, plain_port = map(int, (await process.stdout.readline()).split())
        yield Receivers("https" if authority else "http", port, plain_port)
    finally:
        process.terminate()
        await process.wait()


async def _serve(latency: float, tls: ssl.SSLContext | None) -> None:
    loop, counts = asyncio.get_running_loop(), Counts()
    plain = await loop.create_server(lambda: Taker(counts, latency), "127.0.0.1", 0, backlog=4096)
    main = plain
    if tls is not None:
        main = await loop.create_server(lambda: Taker(counts, latency), "127.0.0.1", 0, ssl=tls, backlog=4096)
    print(main.sockets[0].getsockname()[1], plain.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--tls", type=Path)
    given = parser.parse_args()
    uvloop.run(_serve(given.latency, Authority.make(given.tls).server_context(f"*.{DOMAIN}") if given.tls else None))
