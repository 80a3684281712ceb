"""The only outbound HTTP. Never connects where the gate forbids it, never waits or reads without end.

Requests go straight to a transport of httpx: no cookies, no proxies from the environment, no redirects by itself.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from federation.domains import registrable
from federation.gate import ForbiddenAddress, Gate, Lookup
from federation.identities import Signer
from federation.inflating import BadCompression, gunzip
from federation.origin import BadUri, host_of, origin_of, same_origin
from federation.places import NoPlace, Places
from federation.signing import Sign, Spec, signs_get, signs_post

__all__ = ["Answer", "Client", "Crowded", "ForbiddenAddress", "Limits", "Spec", "Unreachable"]

Admit = Callable[[str], Awaitable[None]]
"""Asked about every URL before it is requested, redirects included; raises to refuse it."""

KEEP_ALIVE = 60
"""Seconds that an idle connection is kept for the next request to the same host."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
# Small documents may compress well without being bombs; the ratio counts beyond this many bytes.


class Unreachable(Exception):
    """No usable answer: no such name, no connection, bad TLS, too slow, too big, or not HTTP. May pass by itself."""


class Crowded(Unreachable):
    """Not asked: as many fetches are under way as may be, in all or to one domain. Says nothing about the peer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of us a peer may take. Times in seconds; `total` covers look-up, redirects and the whole body.

    Of `fetching` GETs at a time `per_domain` go to one registrable domain, however many hosts it has; whom they go to
    is mostly said by strangers. They take nothing from the `delivering` POSTs, whose hosts we chose.
    """

    total: float = 30
    connect: float = 5
    read: float = 10
    largest_document: int = 1024 * 1024
    largest_reply: int = 64 * 1024
    ratio: int = 20
    redirects: int = 3
    per_host: int = 4
    per_domain: int = 64
    fetching: int = 256
    delivering: int = 512


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer said. `url` is where it was said, after redirects; `retry_after` is in seconds; `date` as it came."""

    url: str
    status: int
    content_type: str
    body: bytes
    retry_after: int | None = None
    date: str = ""


class _GatedResolver(AbstractResolver):
    """Gives aiohttp only addresses that the gate has checked."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Looks the name up. Raises `ForbiddenAddress` or `OSError`."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._gate.resolve(host)
        ]

    async def close(self) -> None:
        """Does nothing: the gate belongs to the transport."""


class _GatedTransport(AiohttpTransport):
    """Real sockets, every one of them made by the gate."""

    def __init__(self, gate: Gate, tls: ssl.SSLContext, *, connections: int, per_host: int) -> None:
        self._tls = tls
        self._gate = gate
        self._connections = connections
        self._per_host = per_host
        super().__init__(verify=tls, trust_env=False, client=self._open_session)

    def _open_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._connections,
            limit_per_host=self._per_host,
            keepalive_timeout=KEEP_ALIVE,
            ssl=self._tls,
            resolver=_GatedResolver(self._gate),
            socket_factory=self._gate.open_socket,
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)

    async def aclose(self) -> None:
        await super().aclose()
        self._gate.close()


class Client:
    """GET and POST, signed or not. One per process; close it with `aclose`.

    Each has connections and look-ups of its own: whoever keeps our fetches waiting keeps no delivery waiting.
    """

    def __init__(
        self,
        *,
        fetching: httpx.AsyncBaseTransport,
        delivering: httpx.AsyncBaseTransport,
        user_agent: str,
        insecure_http: bool,
        limits: Limits,
    ) -> None:
        self._fetching = fetching
        self._delivering = delivering
        self._user_agent = user_agent
        self._schemes = ("https", "http") if insecure_http else ("https",)
        self._limits = limits
        self._fetches = Places(limits.fetching, limits.per_domain)
        self._signing = ThreadPoolExecutor(2, thread_name_prefix="sign")

    @classmethod
    def create(
        cls,
        *,
        trusted_networks: Iterable[str] = (),
        user_agent: str,
        insecure_http: bool = False,
        limits: Limits | None = None,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """A client over real sockets, all of them behind the gate. `lookup` replaces the system's name look-up.

        Without `tls` the system's certificates are trusted; OpenSSL itself honours SSL_CERT_FILE and SSL_CERT_DIR.
        """
        chosen = limits or Limits()
        trust = tls or ssl.create_default_context()
        networks = tuple(trusted_networks)

        def transport(connections: int) -> _GatedTransport:
            gate = Gate.trusting(networks, lookup=lookup)
            return _GatedTransport(gate, trust, connections=connections, per_host=chosen.per_host)

        return cls(
            fetching=transport(chosen.fetching),
            delivering=transport(chosen.delivering),
            user_agent=user_agent,
            insecure_http=insecure_http,
            limits=chosen,
        )

    async def aclose(self) -> None:
        """Closes every connection."""
        await self._fetching.aclose()
        await self._delivering.aclose()
        self._signing.shutdown(wait=False, cancel_futures=True)

    async def get(
        self,
        url: str,
        *,
        accept: str,
        signer: Signer | None,
        now: datetime,
        admit: Admit | None = None,
        largest: int | None = None,
    ) -> Answer:
        """Fetches a URL, following up to three redirects, each one examined and signed anew (HOSTILE-PEERS C3).

        A 401 to a signed URL with a query is retried once with the query left out of the signature, as several
        servers check it. Answers over 1 MiB, or `largest` bytes, are refused. Raises `ForbiddenAddress`,
        `Unreachable` (`Crowded` when nobody was asked), and what `admit` raises.
        """
        headers = {"Accept": accept}
        sign = None if signer is None else signs_get(signer, now)
        async with self._deadline():
            for _ in range(self._limits.redirects + 1):
                target = self._target(url)
                if admit is not None:
                    await admit(target)
                answer, location = await self._fetch(target, headers, sign, largest)
                if answer.status == 401 and signer is not None and "?" in target:
                    bare = signs_get(signer, now, omit_query=True)
                    answer, location = await self._fetch(target, headers, bare, largest)
                if location is None:
                    return answer
                url = location
        raise Unreachable("too many redirects")

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        signer: Signer,
        now: datetime,
        spec: Spec = "cavage",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Delivers an activity; `headers` are sent and signed too. Only the first 64 KiB of the answer are read.

        Follows one redirect, of status 307 or 308 and to the same origin, signed anew; others are the answer.
        Raises `ForbiddenAddress` and `Unreachable`.
        """
        sign = signs_post(spec, body, signer, now, dict(headers or {}))
        sent = {"Accept": "application/activity+json, application/json", "Content-Type": "application/activity+json"}
        async with self._deadline():
            target = self._target(url)
            answer, location = await self._exchange(self._delivering, "POST", target, sent, body, sign)
            if location is not None and answer.status in _SAME_METHOD and same_origin(location, target):
                target = self._target(location)
                answer, _ = await self._exchange(self._delivering, "POST", target, sent, body, sign)
            return answer

    async def submit(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Posts to whoever is no peer, such as a push service: unsigned, and following no redirect.

        Raises `ForbiddenAddress` and `Unreachable`.
        """
        async with self._deadline():
            answer, _ = await self._exchange(self._delivering, "POST", self._target(url), headers, body, None)
            return answer

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._limits.total):
                yield
        except TimeoutError as error:
            raise Unreachable("too slow") from error

    def _target(self, url: str) -> str:
        """The URL as it is sent and signed. Raises `ForbiddenAddress`."""
        target = _wire_form(url)
        if target.scheme not in self._schemes:
            raise ForbiddenAddress("only https")
        return str(target)

    async def _fetch(
        self, target: str, headers: Mapping[str, str], sign: Sign | None, largest: int | None
    ) -> tuple[Answer, str | None]:
        domain = registrable(host_of(target))
        try:
            async with self._fetches.taken_by(domain, patience=self._limits.connect):
                return await self._exchange(self._fetching, "GET", target, headers, None, sign, largest)
        except NoPlace as error:
            raise Crowded("too many fetches are under way") from error

    async def _exchange(
        self,
        transport: httpx.AsyncBaseTransport,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        sign: Sign | None,
        largest: int | None = None,
    ) -> tuple[Answer, str | None]:
        """One request and its answer, and where a redirect points."""
        sent = {"User-Agent": self._user_agent, "Accept-Encoding": "gzip", **headers}
        if sign is not None:
            sent |= await asyncio.get_running_loop().run_in_executor(self._signing, sign, target)
        timeout = {"connect": self._limits.connect, "read": self._limits.read, "write": self._limits.read, "pool": None}
        request = httpx.Request(method, _wire_form(target), headers=sent, content=body, extensions={"timeout": timeout})
        try:
            response = await _send(transport, request)
            try:
                return await self._answer(target, response, largest, truncate=method == "POST")
            finally:
                await response.aclose()
        except BadCompression as error:
            raise Unreachable(str(error)) from error
        except (httpx.TransportError, httpx.StreamError, aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"no answer: {type(error.__cause__ or error).__name__}") from error

    async def _answer(
        self, target: str, response: httpx.Response, largest: int | None, *, truncate: bool
    ) -> tuple[Answer, str | None]:
        location = _location(target, response)
        limit = self._limits.largest_reply if truncate else largest or self._limits.largest_document
        body = b"" if location else await self._read(response, limit, truncate=truncate)
        answer = Answer(
            url=target,
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=body,
            retry_after=_seconds(response.headers.get("retry-after", "")),
            date=response.headers.get("date", ""),
        )
        return answer, location

    async def _read(self, response: httpx.Response, limit: int, *, truncate: bool) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "", "gzip", "x-gzip"):
            raise Unreachable("an encoding that was not asked for")
        chunks = response.stream
        if not isinstance(chunks, httpx.AsyncByteStream):
            raise TypeError("the transport is not asynchronous")
        plain = gunzip(aiter(chunks), limit, self._limits.ratio) if "gzip" in encoding else aiter(chunks)
        body = bytearray()
        async for chunk in plain:
            body += chunk
            if len(body) > limit:
                if truncate:
                    return bytes(body[:limit])
                raise Unreachable("the answer is too big")
        return bytes(body)


async def _send(transport: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
    try:
        return await transport.handle_async_request(request)
    except httpx.TransportError as error:
        # A kept connection that the peer closed just as we wrote to it: once more, on another one.
        # Receivers know a repeated activity by its id.
        if not isinstance(error.__cause__, aiohttp.ServerDisconnectedError):
            raise
        return await transport.handle_async_request(request)


@lru_cache(maxsize=4_096)
def _wire_form(url: str) -> httpx.URL:
    """A URL with its host normalised, its fragment dropped, and its escapes as the transport writes them.

    Two libraries read it before it is sent; where they differ, one might check what the other does not ask.
    Raises `ForbiddenAddress`.
    """
    try:
        origin = origin_of(url)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        target = str(URL(f"{origin}{path}"))
        sent = httpx.URL(target)
        if str(sent) == target == str(URL(target)) and origin_of(target) == origin:
            return sent
    except (BadUri, ValueError, httpx.InvalidURL) as error:
        raise ForbiddenAddress("not a usable URL") from error
    raise ForbiddenAddress("an ambiguous URL")


def _location(target: str, response: httpx.Response) -> str | None:
    location = response.headers.get("location") if response.status_code in _REDIRECTS else None
    try:
        return None if location is None else urljoin(target, location)
    except ValueError as error:
        raise ForbiddenAddress("a redirect to no URL") from error


def _seconds(text: str) -> int | None:
    """A Retry-After in seconds; the form with a date is ignored, as the back-off of our own does as well."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
