"""Decides what is ours and what is theirs: hosts, origins, and the addresses of local things (FEP-fe34)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

import idna

LocalKind = Literal["actor", "object", "activity"]
MAX_URI_LENGTH = 2_048
MAX_AUTHORITY_LENGTH = 253
"""Characters of a host with its port: as long as a host name may be, and all that is kept by host has room for."""

_UNUSABLE = re.compile(r"[\x00-\x20\x7f\\]")
_HEAD = re.compile(r"[^/?#]*//[^/?#]*")
_REMEMBERED = 4_096
"""Heads of URIs, none longer than an authority may be, that are kept taken apart: a megabyte or two."""
_PLURALS: dict[str, LocalKind] = {"actors": "actor", "objects": "object", "activities": "activity"}


class BadUri(ValueError):
    """Not a URI that an actor, object or activity of the fediverse may have."""


def normalize_host(host: str) -> str:
    """The one spelling of a host: lower-case A-labels (IDNA 2008, UTS 46), without a trailing dot.

    Raises `BadUri` for anything that is no host name or address, whitespace and confusing dots included.
    """
    text = host.strip("[]") if host.startswith("[") else host.removesuffix(".")
    if not text or len(text) > 253 or any(c in text for c in " \t\r\n/\\@%?#\u3002\uff0e\uff61"):
        raise BadUri("not a host name")
    if ":" in text or text.isascii():
        lowered = text.lower()
        if not all(c.isalnum() or c in "-.:_" for c in lowered) or lowered[0] == "." or ".." in lowered:
            raise BadUri("not a host name")
        return lowered
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise BadUri("not a host name") from error


@dataclass(frozen=True, slots=True)
class SchemeHost:
    """An origin (RFC 6454): scheme, normalised host, port (None when it is the scheme's own)."""

    scheme: str
    host: str
    port: int | None

    @property
    def authority(self) -> str:
        """`host` or `host:port`, as a Host header has it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port is None else f"{name}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def origin_of(uri: str) -> SchemeHost:
    """The origin of an http(s) URI. Raises `BadUri` for other schemes, user information, controls, or no host."""
    if len(uri) > MAX_URI_LENGTH or _UNUSABLE.search(uri):
        raise BadUri("not a usable URI")
    head = _head(uri)
    return (_known_origin if len(head) <= MAX_AUTHORITY_LENGTH else _origin)(head)


def _head(uri: str) -> str:
    """Scheme and authority: all that says whose a URI is, and the same for most that are met at a time."""
    found = _HEAD.match(uri)
    return uri if found is None else found[0]


def _origin(head: str) -> SchemeHost:
    try:
        parts = urlsplit(head)
        port = parts.port
    except ValueError as error:
        raise BadUri("not a usable URI") from error
    if parts.scheme not in ("https", "http") or parts.hostname is None or "@" in parts.netloc:
        raise BadUri("not an http(s) URI")
    own = {"https": 443, "http": 80}[parts.scheme]
    origin = SchemeHost(parts.scheme, normalize_host(parts.hostname), None if port == own else port)
    if len(origin.authority) > MAX_AUTHORITY_LENGTH:
        raise BadUri("the host with its port is too long")
    return origin


_known_origin = lru_cache(maxsize=_REMEMBERED)(_origin)


def same_origin(one: str, other: str) -> bool:
    """Whether both are usable URIs of one origin; never raises."""
    try:
        return origin_of(one) == origin_of(other)
    except BadUri:
        return False


def host_of(uri: str) -> str:
    """The normalised host of a URI, with its port where there is one: the key of lanes and of server-level state."""
    return origin_of(uri).authority


@dataclass(frozen=True, slots=True)
class LocalId:
    """A local address taken apart: what it names, its random id, and what follows (`inbox`, `followers`, …)."""

    kind: LocalKind
    id: str
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """This server's public origin, and the addresses it gives to its things.

    `scheme` is https, or http only for reserved loopback names. Ids are random; handles never appear in an id.
    """

    scheme: str
    domain: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.domain}"

    @property
    def instance(self) -> str:
        """The instance actor, which signs every fetch."""
        return f"{self}/ap/instance"

    @property
    def shared_inbox(self) -> str:
        """Where other servers deliver for all actors at once."""
        return f"{self}/ap/inbox"

    def actor(self, actor_id: str, part: str = "") -> str:
        """The id of a local actor, or of one of its collections."""
        base = self.instance if actor_id == INSTANCE_ID else f"{self}/ap/actors/{actor_id}"
        return f"{base}/{part}" if part else base

    def object(self, object_id: str, part: str = "") -> str:
        """The id of a local object, or of something that hangs on it (`activity`: its Create)."""
        return f"{self}/ap/objects/{object_id}" + (f"/{part}" if part else "")

    def activity(self, activity_id: str) -> str:
        """The id of a local activity."""
        return f"{self}/ap/activities/{activity_id}"

    def profile(self, handle: str) -> str:
        """The page about an actor, for people."""
        return f"{self}/@{handle}"

    def owns(self, uri: str) -> bool:
        """Whether a URI is on our host in any spelling: case, trailing dot, port, user information, punycode.

        Errs on the side of ours: a URI that may be read as ours is never taken from a stranger (HOSTILE A12).
        """
        # With characters that parsers drop or read differently, only the whole of it is taken apart.
        told = uri if _UNUSABLE.search(uri) else _head(uri)
        return (_known_on if len(told) <= MAX_AUTHORITY_LENGTH else _is_on)(told, str(self))

    def locate(self, uri: str) -> LocalId | None:
        """Takes one of our own ids apart; None for anything that is not exactly one of them."""
        base = uri.partition("#")[0]
        if base == self.instance or base.startswith(self.instance + "/"):
            return LocalId("actor", INSTANCE_ID, base[len(self.instance) + 1 :])
        prefix = f"{self}/ap/"
        if not base.startswith(prefix):
            return None
        plural, _, rest = base[len(prefix) :].partition("/")
        identifier, _, suffix = rest.partition("/")
        kind = _PLURALS.get(plural)
        return LocalId(kind, identifier, suffix) if kind and identifier.isalnum() else None


INSTANCE_ID = "instance"
"""The id of the instance actor's row."""


def _is_on(uri: str, origin: str) -> bool:
    own = urlsplit(origin)
    try:
        parts = urlsplit(uri)
        if parts.hostname is None:
            return False
        if normalize_host(_unquote_host(parts.hostname)) != normalize_host(own.hostname or ""):
            return False
        return own.port is None or "@" in parts.netloc or parts.port == own.port
    except ValueError:
        return False


_known_on = lru_cache(maxsize=_REMEMBERED)(_is_on)


def _unquote_host(host: str) -> str:
    return host.lower().replace("%2e", ".")
