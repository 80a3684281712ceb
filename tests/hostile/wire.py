"""Speaks HTTP to a server byte by byte, signed well or in any wrong way: each attack on authentication is one call."""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from crypto.digests import content_digest, digest_header
from crypto.http_signatures import sign_cavage, sign_rfc9421
from crypto.keys import PrivateKey
from crypto.messages import http_date
from crypto.signing import sign
from tests.hostile.recorder import by_the_test

Document = dict[str, Any]
Spec = Literal["cavage", "rfc9421"]
Signer = PrivateKey | Callable[[bytes], bytes]
"""A key, or whatever else turns the bytes to sign into a signature."""

ACTIVITY_JSON = "application/activity+json"
COVER = ("(request-target)", "host", "date", "digest")
COVER_9421 = ("@method", "@target-uri", "content-digest")
LABELS = {"cavage": "rsa-sha256", "rfc9421": "rsa-v1_5-sha256"}


@dataclass(frozen=True)
class Reply:
    """What came back, header names in lower case. `status` is 0 when the connection ended without an answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def document(self) -> Document:
        """The body as JSON."""
        document: Document = json.loads(self.body)
        return document


def encoded(document: Document | bytes) -> bytes:
    """A document as it goes over the wire."""
    return document if isinstance(document, bytes) else json.dumps(document).encode()


async def exchange(port: int, request: bytes, *, ends: bool = False, patience: float = 60.0) -> Reply:
    """Writes these bytes to a port of 127.0.0.1 and reads the answer; with `ends` it says that no more will come.

    Raises `TimeoutError`.
    """
    began = time.monotonic()
    async with asyncio.timeout(patience):
        with by_the_test():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            if ends:
                writer.write_eof()
            status, headers, body = await _answer(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            status, headers, body = 0, {}, b""
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
    return Reply(status, headers, body, time.monotonic() - began)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length")
    body = await (reader.read() if length is None else reader.readexactly(int(length)))
    return int(first.split(" ")[1]), headers, body


def request_bytes(method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request as it goes over the wire, with nothing added but its end."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a signature is made, wherever it differs from a good one. None is as it should be.

    `extra` are headers to sign and send. `parameters` is appended to the signature's own parameters as it stands.
    """

    spec: Spec = "cavage"
    cover: Sequence[str] | None = None
    host: str | None = None
    date: datetime | None = None
    digest: str | None = None
    algorithm: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    parameters: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the library itself would sign so."""
        return self == Shape(spec=self.spec, date=self.date, extra=self.extra)


async def send(
    inbox: str,
    activity: Document | bytes,
    key: Signer,
    key_id: str,
    *,
    body_override: bytes | None = None,
    headers: Mapping[str, str | None] | None = None,
    more: Sequence[tuple[str, str]] = (),
    target: str | None = None,
    **shape: Any,
) -> Reply:
    """Posts an activity. `shape`: the fields of `Shape`, for a signature that is wrong in that way.

    `body_override` is sent in place of what was signed. `headers` replace what was signed, None takes one off; `more`
    are sent as well, repeated names included. `target` stands in the request line.
    """
    body = encoded(activity)
    signed = signed_headers("POST", inbox, body, key, key_id, Shape(**shape))
    sent = body if body_override is None else body_override
    final = {"Content-Type": ACTIVITY_JSON, "Content-Length": str(len(sent)), "Connection": "close", **signed}
    final |= {name: value for name, value in (headers or {}).items() if value is not None}
    kept = [(name, value) for name, value in final.items() if (headers or {}).get(name, "") is not None]
    parts = urlsplit(inbox)
    return await exchange(parts.port or 80, request_bytes("POST", target or parts.path, [*kept, *more], sent))


async def post(
    url: str, body: bytes, headers: Mapping[str, str] | None = None, *, more: Sequence[tuple[str, str]] = ()
) -> Reply:
    """Posts without a signature; `headers` replace the usual ones, `more` are sent as well."""
    parts = urlsplit(url)
    usual = {"Host": parts.netloc, "Content-Type": ACTIVITY_JSON, "Content-Length": str(len(body))}
    sent = usual | {"Connection": "close"} | dict(headers or {})
    return await exchange(parts.port or 80, request_bytes("POST", parts.path, [*sent.items(), *more], body))


async def get(url: str, key: Signer | None = None, key_id: str = "", **headers: str) -> Reply:
    """Fetches, signed when there is a key; `_` in a header's name stands for `-`."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    sent = {"Host": parts.netloc, "Accept": ACTIVITY_JSON, "Connection": "close"}
    if key is not None:
        sent |= signed_headers("GET", url, None, key, key_id, Shape())
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await exchange(parts.port or 80, request_bytes("GET", target, list(sent.items())))


def signed_headers(method: str, url: str, body: bytes | None, key: Signer, key_id: str, shape: Shape) -> dict[str, str]:
    """The headers of a signature of any shape, Host included; a good one is made by the library itself."""
    now = shape.date or datetime.now(UTC)
    if shape.is_good and not callable(key):
        make = sign_cavage if shape.spec == "cavage" else sign_rfc9421
        how: dict[str, Any] = {
            "method": method,
            "target_uri": url,
            "key_id": key_id,
            "now": now,
            "extra_headers": shape.extra,
        }
        return {"Host": urlsplit(url).netloc, **make(body=body, key=key, **how)}
    return (_cavage if shape.spec == "cavage" else _rfc9421)(method, url, body, key, key_id, shape, now)


def _cavage(
    method: str, url: str, body: bytes | None, key: Signer, key_id: str, shape: Shape, now: datetime
) -> dict[str, str]:
    parts = urlsplit(url)
    headers = {"host": shape.host or parts.netloc, "date": http_date(now), **shape.extra}
    if body is not None:
        headers["digest"] = digest_header(body) if shape.digest is None else shape.digest
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    special = {"(request-target)": f"{method.lower()} {path}", "(created)": str(int(now.timestamp()))}
    cover = tuple(shape.cover if shape.cover is not None else COVER)
    text = "\n".join(f"{name}: {special.get(name) or headers.get(name, '')}" for name in cover)
    label = LABELS["cavage"] if shape.algorithm is None else shape.algorithm
    headers["signature"] = (
        f'keyId="{key_id}",algorithm="{label}",headers="{" ".join(cover)}",'
        f'signature="{_signature(key, text)}"{shape.parameters}'
    )
    return {name.title(): value for name, value in headers.items()}


def _rfc9421(
    method: str, url: str, body: bytes | None, key: Signer, key_id: str, shape: Shape, now: datetime
) -> dict[str, str]:
    parts = urlsplit(url)
    headers = {"host": shape.host or parts.netloc, **shape.extra}
    if body is not None:
        headers["content-digest"] = content_digest(body) if shape.digest is None else shape.digest
    special = {"@method": method, "@target-uri": url, "@authority": parts.netloc, "@path": parts.path}
    cover = tuple(shape.cover if shape.cover is not None else COVER_9421)
    names = " ".join(f'"{name}"' for name in cover)
    label = LABELS["rfc9421"] if shape.algorithm is None else shape.algorithm
    parameters = f'({names});created={int(now.timestamp())};keyid="{key_id}";alg="{label}"{shape.parameters}'
    lines = [f'"{name}": {special.get(name) or headers.get(name, "")}' for name in cover]
    text = "\n".join([*lines, f'"@signature-params": {parameters}'])
    headers |= {"signature-input": f"sig1={parameters}", "signature": f"sig1=:{_signature(key, text)}:"}
    return {name.title(): value for name, value in headers.items()}


def _signature(key: Signer, text: str) -> str:
    made = key(text.encode()) if callable(key) else sign(key, text.encode())
    return b64encode(made).decode()


def keyed_hash(secret: str) -> Signer:
    """HMAC-SHA256 with a secret that everybody knows, such as the text of a public key."""
    return lambda text: hmac.new(secret.encode(), text, hashlib.sha256).digest()
