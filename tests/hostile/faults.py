"""What a peer may answer instead of the truth: each fault is one answer that a page of a `PeerServer` can be set to."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

from tests.federation.servers import Request, Responder, response

Document = dict[str, Any]

ACTIVITY_JSON = "application/activity+json"
JRD_JSON = "application/jrd+json"
MEBIBYTE = 1024 * 1024


def _fixed(raw: bytes) -> Responder:
    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return respond


def document(page: object, *, ctype: str | None = ACTIVITY_JSON, status: int = 200) -> Responder:
    """A document, or any other JSON, under any content type (A5) or none; it closes the connection afterwards."""
    body = page if isinstance(page, bytes) else json.dumps(page).encode()
    named = {} if ctype is None else {"content_type": ctype}
    return _fixed(response(status, body, connection="close", **named))


def computed(make: Callable[[Request], Document], *, ctype: str = ACTIVITY_JSON) -> Responder:
    """A document made anew for every request."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, json.dumps(make(request)).encode(), content_type=ctype))

    return respond


def status(code: int) -> Responder:
    """Nothing but a status: 410 for what is gone, 503 for what is broken."""
    return document({"error": "no"}, status=code)


def redirect(to: str, *, code: int = 302) -> Responder:
    """Another place, which may be anywhere (C3)."""
    return _fixed(response(code, location=to))


def endless_redirect(base: str) -> Responder:
    """A chain that has no end: every address leads to the next."""
    seen = iter(range(1_000_000))

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(302, location=f"{base}?{next(seen)}"))

    return respond


def slow_head() -> Responder:
    """A header that never ends, one letter at a time (C5)."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        await _drip(writer, b"z")

    return respond


def slow_body(page: Document) -> Responder:
    """A body that comes one byte at a time (C5)."""
    body = json.dumps(page).encode()

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, body, content_type=ACTIVITY_JSON)[: -len(body)])
        await _drip(writer, b" ")

    return respond


def silence() -> Responder:
    """Takes the request and says nothing at all."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return respond


def withheld(until: asyncio.Event) -> Responder:
    """Nothing until the test says so, and then 404."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        await until.wait()
        writer.write(response(404))

    return respond


async def _drip(writer: asyncio.StreamWriter, byte: bytes) -> None:
    while True:
        writer.write(byte)
        await writer.drain()
        await asyncio.sleep(0.5)


class Huge:
    """A body without length and without end (C6); `sent` says how much of it was taken."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answers a request."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\n\r\n{")
        while self.sent < 200 * MEBIBYTE:
            writer.write(b" " * 65_536)
            await writer.drain()
            self.sent += 65_536


def gzip_bomb(mebibytes: int = 100) -> Responder:
    """A small body that unpacks to a great one (C6)."""
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join([*(packer.compress(b" " * MEBIBYTE) for _ in range(mebibytes)), packer.flush()])
    return _fixed(response(200, packed, content_type=ACTIVITY_JSON, content_encoding="gzip"))


def packed(page: Document, encoding: str) -> Responder:
    """A document under a content encoding that is not what it says, or not what was asked for."""
    body = gzip.compress(json.dumps(page).encode())
    return _fixed(response(200, body, content_type=ACTIVITY_JSON, content_encoding=encoding))


def cut_off(page: Document) -> Responder:
    """A body shorter than its declared length, and then the end of the connection."""
    body = json.dumps(page).encode()
    head = response(200, content_type=ACTIVITY_JSON).replace(b"content-length: 0", b"content-length: 1000000")

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head + body)
        await writer.drain()
        writer.close()

    return respond


def loop_next(base: str, *, new_each_time: bool) -> Responder:
    """A page of a collection whose `next` is itself, or another one for ever (C9)."""
    numbers = iter(range(1_000_000))

    def make(request: Request) -> Document:
        here = base[: base.index("/", 8)] + request.target
        following = f"{base}?page={next(numbers)}" if new_each_time else here
        return {"id": here, "type": "OrderedCollectionPage", "orderedItems": [], "next": following}

    return computed(make)
