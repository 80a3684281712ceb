"""A server of its own on loopback that takes deliveries as a strict peer does: it verifies every signature."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from crypto import http_signatures
from crypto.http_signatures import Message, SignatureError
from crypto.messages import http_date


@dataclass
class Taken:
    """One POST whose signature was good. `signed` is the text that was signed."""

    path: str
    activity: dict[str, Any]
    spec: str
    signed: str
    headers: dict[str, str]


@dataclass
class Receiver:
    """`keys` are the public keys it knows. `answers` are given in turn, then 202; `hold` keeps answers back."""

    clock: Callable[[], datetime]
    keys: dict[str, RSAPublicKey]
    accepts: Collection[str] = ("cavage", "rfc9421")
    answers: list[int | tuple[int, dict[str, str]]] = field(default_factory=list)
    documents: dict[str, Any] = field(default_factory=dict)
    host: str = ""
    knocks: int = 0
    most_at_once: int = 0
    taken: list[Taken] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _open: int = 0

    def inbox(self, name: str = "inbox") -> str:
        """The address of one of its inboxes."""
        return f"http://{self.host}/{name}"

    @property
    def ids(self) -> list[str]:
        """The ids of the activities it took, in order."""
        return [taken.activity["id"] for taken in self.taken]

    async def until_knocked(self, count: int) -> None:
        """Returns once it was knocked at so many times."""
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: self.knocks >= count)

    async def post(self, request: web.Request) -> web.Response:
        """Verifies, then says 401 or what it was told to say."""
        body = await request.read()
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            async with self.arrived:
                self.knocks += 1
                self.arrived.notify_all()
            if self.hold is not None:
                await self.hold.wait()
            return self._answer(request, body)
        finally:
            self._open -= 1

    def _answer(self, request: web.Request, body: bytes) -> web.Response:
        headers = tuple((name.lower(), value) for name, value in request.headers.items())
        message = Message(request.method, f"http://{self.host}{request.raw_path}", headers, body)
        try:
            parsed = http_signatures.parse(message, now=self.clock(), host=self.host, allow_http=True)
            http_signatures.verify(parsed, self.keys[parsed.key_id])
        except (SignatureError, KeyError):
            return web.Response(status=401, headers={"Date": http_date(self.clock())})
        if parsed.spec not in self.accepts:
            return web.Response(status=401, headers={"Date": http_date(self.clock())})
        answer = self.answers.pop(0) if self.answers else 202
        status, extra = answer if isinstance(answer, tuple) else (answer, {})
        if status < 300:
            signed = parsed.candidates[0].decode()
            self.taken.append(Taken(request.path, json.loads(body), parsed.spec, signed, dict(headers)))
        return web.Response(status=status, headers=extra)

    async def get(self, request: web.Request) -> web.Response:
        """A document, 410 for None, 404 for what it does not have."""
        self.fetched.append(request.path)
        if request.path not in self.documents:
            return web.Response(status=404)
        document = self.documents[request.path]
        if document is None:
            return web.Response(status=410)
        return web.Response(text=json.dumps(document), content_type="application/activity+json")


@asynccontextmanager
async def running(receiver: Receiver, *, port: int = 0) -> AsyncIterator[Receiver]:
    """Serves on a free port of 127.0.0.1, or on the one given."""
    application = web.Application()
    application.router.add_post("/{tail:.*}", receiver.post)
    application.router.add_get("/{tail:.*}", receiver.get)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        receiver.host = f"127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        if receiver.hold is not None:
            receiver.hold.set()
        await runner.cleanup()
