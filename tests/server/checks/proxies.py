"""A proxy before a server, honest or not: it speaks TLS where it has a certificate, and changes what it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tests.federation.servers import Request, read_request

Change = Callable[[Request], Request]
Reply = Callable[[Request], bytes | None]


def silent(request: Request) -> bytes | None:
    """Says nothing of its own."""
    return None


def unchanged(request: Request) -> Request:
    """An honest proxy."""
    return request


@dataclass
class Proxy:
    """Listens before `upstream`, once that is known; `change` may lie; what `reply` says is passed on to nobody."""

    port: int = 0
    upstream: int = 0
    change: Change = unchanged
    reply: Reply = silent

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, passed on, and its answer."""
        try:
            request = self.change(await read_request(reader))
            writer.write(self.reply(request) or await self._ask(request))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _ask(self, request: Request) -> bytes:
        headers = request.headers | {"content-length": str(len(request.body)), "connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write(f"{request.method} {request.target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + request.body)
        try:
            return await reader.read()
        finally:
            writer.close()


def without(request: Request, *names: str) -> Request:
    """A request that lost headers."""
    return replace(request, headers={name: value for name, value in request.headers.items() if name not in names})


@asynccontextmanager
async def proxy(tls: ssl.SSLContext | None = None, *, port: int = 0) -> AsyncIterator[Proxy]:
    """One that listens on loopback."""
    made = Proxy()
    server = await asyncio.start_server(made.serve, "127.0.0.1", port, ssl=tls, limit=2 * 1024 * 1024)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
