"""Peers on loopback: real sockets, answers as broken as a test wants them."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

LOOPBACK = ("127.0.0.0/8",)


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Responder = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """A listening server: its port, its connections so far, and its requests."""

    port: int = 0
    connections: int = 0
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str = "/", *, host: str = "peer.localhost", scheme: str = "http") -> str:
        """The URL of a path on this server."""
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def targets(self) -> list[str]:
        """The targets asked for, in order."""
        return [request.target for request in self.requests]


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Reads one request with a Content-Length or without a body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body)


@asynccontextmanager
async def listening(responder: Responder, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Serves on a free port of 127.0.0.1; every connection is served until either side closes it."""
    peer = Peer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        try:
            while True:
                request = await read_request(reader)
                peer.requests.append(request)
                await responder(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def response(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A whole response; `_` in a header's name stands for `-`."""
    lines = {"content_length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + body


def answering(*responses: bytes) -> Responder:
    """Gives these responses in turn, the last one for ever."""
    waiting = list(responses)

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    return respond


AS2 = "application/activity+json; charset=utf-8"


@dataclass
class Site:
    """A web server's pages by path (with query): a document, or a whole response. 404 for all else."""

    pages: dict[str, object] = field(default_factory=dict)
    content_type: str = AS2

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answers a request."""
        page = self.pages.get(request.target)
        if page is None:
            writer.write(response(404))
        elif isinstance(page, bytes):
            writer.write(page)
        else:
            writer.write(response(200, json.dumps(page).encode(), content_type=self.content_type))
