"""Requests to sign and to break, for the tests of both kinds of HTTP signature."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from crypto.http_signatures import Message

NOW = datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)
HOST = "our.example"
INBOX = f"https://{HOST}/ap/g/river/inbox"
OUTBOX = f"https://{HOST}/ap/g/river/outbox?page=2&min=7"
KEY_ID = "https://peer.example/users/alice#main-key"
BODY = b'{"type":"Follow","actor":"https://peer.example/users/alice"}'

Signer = Callable[..., dict[str, str]]


def message(method: str, target_uri: str, headers: Mapping[str, str], body: bytes | None = None) -> Message:
    """The request as a server sees it: names in lower case, a few unsigned headers around."""
    received = [("user-agent", "Peer/1.0"), *((name.lower(), value) for name, value in headers.items())]
    received.append(("accept", "application/activity+json"))
    return Message(method, target_uri, tuple(received), body or b"")


def changed(request: Message, name: str, value: str | None) -> Message:
    """The request with one header replaced, added or (None) taken away."""
    kept = tuple(header for header in request.headers if header[0] != name)
    added = () if value is None else ((name, value),)
    return Message(request.method, request.target_uri, kept + added, request.body)


def header(request: Message, name: str) -> str:
    """The one value of a header."""
    (value,) = [value for found, value in request.headers if found == name]
    return value
