"""The parts that both kinds of HTTP signature share. Never trusts a header that names its own limits."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate
from typing import Literal

from crypto.signing import SignatureError

WINDOW = 65 * 60
"""Seconds that a signature's time may lie in the past or the future: an hour, and five minutes for clocks."""

LARGEST_HEADER = 8 * 1024
LARGEST_KEY_ID = 2 * 1024
LARGEST_SIGNATURE = 1024
BODILESS_METHODS = ("GET", "HEAD")

_MONTHS = {name: month + 1 for month, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
_DAYS = ("Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun,")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_OWN_HEADERS = frozenset(("host", "date", "digest", "content-digest", "signature", "signature-input"))
_NEVER_IN_URLS = frozenset('"<>\\^`{|}')
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]")

Fields = Mapping[str, list[str]]


class MissingSignature(SignatureError):
    """The request has neither a `Signature` nor a `Signature-Input` header."""


class MalformedSignature(SignatureError):
    """A header that the check needs is unreadable, ambiguous, too long, or asks for what we do not do."""


class InsufficientCoverage(SignatureError):
    """The signature leaves out a part of the request that has to be signed (WIRE: target, host, digest, time)."""


class StaleSignature(SignatureError):
    """The signature's time is more than 65 minutes away, or it has expired."""


@dataclass(frozen=True, slots=True)
class Message:
    """A received request, as far as signatures see it.

    `target_uri` is absolute and rebuilt from our own configured origin plus the raw path and query, never from a
    header. Header names are lower-cased; order and duplicates are kept. `body` is the raw bytes.
    """

    method: str
    target_uri: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class ParsedSignature:
    """A signature that passed every check that needs no key.

    `candidates` are the signing strings to try, in order. `created` and `expires` are seconds since 1970, when the
    signature carries them; without `created` a signed Date header vouched for the time.
    """

    key_id: str
    spec: Literal["cavage", "rfc9421"]
    algorithm: str | None
    candidates: tuple[bytes, ...]
    signature: bytes
    created: int | None
    expires: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """An absolute http or https URI in pieces; `authority` is lower-case without a default port."""

    scheme: str
    authority: str
    path: str
    query: str | None

    @property
    def path_and_query(self) -> str:
        """Return the origin-form request target (RFC 9112 section 3.2.1)."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def uri(self) -> str:
        """Return the whole URI, normalised as RFC 9421 section 2.2.2 wants it."""
        return f"{self.scheme}://{self.authority}{self.path_and_query}"


def split_target(uri: str) -> Target:
    """Take an absolute URI apart without decoding or resolving anything.

    Raises MalformedSignature for blanks, control or non-ASCII characters, user information, a fragment, or a scheme
    other than http and https.
    """
    scheme, separator, rest = uri.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS or not is_visible(uri) or "#" in uri:
        raise MalformedSignature("the target is not an absolute http URI")
    end = min(at for at in (rest.find("/"), rest.find("?"), len(rest)) if at >= 0)
    authority = rest[:end].lower()
    if not authority or not _HOST_CHARACTERS.issuperset(authority):
        raise MalformedSignature("the target has no plain authority")
    path, mark, query = rest[end:].partition("?")
    return Target(scheme, authority.removesuffix(_DEFAULT_PORTS[scheme]), path or "/", query if mark else None)


def is_visible(text: str) -> bool:
    """Whether the text is printable ASCII without blanks."""
    return text.isascii() and text.isprintable() and " " not in text


def is_clean(value: str) -> bool:
    """Whether a header value may stand in a signing string: printable ASCII, so that it cannot start a new line."""
    return value.isascii() and value.isprintable()


def collect(headers: tuple[tuple[str, str], ...]) -> Fields:
    """Return the headers as lists of trimmed values by name, in the order received."""
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value.strip(" \t"))
    return fields


def combined(fields: Fields, name: str) -> str:
    """Return a covered header's value; several lines are joined with a comma and a blank (RFC 9421 section 2.1).

    Raises MalformedSignature when the header is absent or could break out of its line.
    """
    values = fields.get(name)
    if values is None:
        raise MalformedSignature("a signed header is absent")
    value = ", ".join(values)
    if not is_clean(value):
        raise MalformedSignature("a signed header has characters that are not accepted")
    return value


def single(fields: Fields, name: str) -> str:
    """Return the one value of a header. Raises MalformedSignature when it is absent, repeated or over 8 KiB."""
    values = fields.get(name, [])
    if len(values) != 1 or len(values[0]) > LARGEST_HEADER or not is_clean(values[0]):
        raise MalformedSignature(f"{name}: expected one header of printable ASCII, at most 8 KiB")
    return values[0]


def check_host(fields: Fields, host: str) -> None:
    """Raise MalformedSignature unless there is one Host header and it is ours, byte for byte.

    Otherwise a request captured at another server could be replayed here (GHSA-3f39-6537-3cgc).
    """
    if fields.get("host") != [host]:
        raise MalformedSignature("the Host header does not name this server")


def check_method(method: str) -> None:
    """Raise MalformedSignature unless the method is a plain word."""
    if not (method.isascii() and method.isalpha()):
        raise MalformedSignature("the method is not a plain word")


def check_key_id(key_id: str, *, allow_http: bool) -> None:
    """Raise MalformedSignature unless the key id is an https URL of at most 2 KiB.

    With `allow_http` plain http passes too; the caller decides for which servers (loopback, onion services).
    """
    scheme, separator, rest = key_id.partition("://")
    authority = rest.replace("?", "/").replace("#", "/").partition("/")[0].lower()
    if len(key_id) > LARGEST_KEY_ID or not is_visible(key_id) or not separator or _NEVER_IN_URLS & set(key_id):
        raise MalformedSignature("the key id is not a URL")
    if scheme != "https" and not (allow_http and scheme == "http"):
        raise MalformedSignature("the key id is not an https URL")
    if not authority or not _HOST_CHARACTERS.issuperset(authority):
        raise MalformedSignature("the key id has no plain host")


def decode_signature(text: str) -> bytes:
    """Read base64 of 1 to 1024 bytes (an RSA key of 8192 bits). Raises MalformedSignature for anything else."""
    try:
        signature = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise MalformedSignature("the signature is not base64") from error
    if not 0 < len(signature) <= LARGEST_SIGNATURE:
        raise MalformedSignature("the signature has no sensible length")
    return signature


def check_time(moment: int, *, now: int, expires: int | None) -> None:
    """Raise StaleSignature when `moment` is over 65 minutes away from `now`, or `expires` has passed.

    An expiry only ever shortens a life: the window is narrower than the 12 hours at which peers cap one.
    """
    if abs(now - moment) > WINDOW:
        raise StaleSignature("the signature's time is over 65 minutes away")
    if expires is not None and (expires < now or expires < moment):
        raise StaleSignature("the signature has expired")


def seconds(now: datetime) -> int:
    """Return whole seconds since 1970. Raises ValueError for a time without a zone."""
    if now.tzinfo is None:
        raise ValueError("a time needs its zone")
    return int(now.timestamp())


def http_date(now: datetime) -> str:
    """Return `Tue, 07 Jun 2026 20:51:35 GMT` (RFC 9110 section 5.6.7; Mobilizon and PieFed take nothing else)."""
    return formatdate(seconds(now), usegmt=True)


def parse_http_date(value: str) -> int:
    """Return the seconds since 1970 of an IMF-fixdate (RFC 9110 section 5.6.7). A day of one digit is let through.

    The name of the day is not compared with the date. Raises MalformedSignature for any other form.
    """
    parts = value.split(" ")
    if len(value) > 29 or len(parts) != 6 or parts[0] not in _DAYS or parts[5] != "GMT" or not value.isascii():
        raise MalformedSignature("the Date header is not an HTTP date")
    clock = parts[4].split(":")
    numbers = [parts[1], parts[3], *clock]
    if len(clock) != 3 or parts[2] not in _MONTHS or not all(number.isdigit() for number in numbers):
        raise MalformedSignature("the Date header is not an HTTP date")
    day, year, hour, minute, second = map(int, numbers)
    try:
        # RFC 9110 lets a leap second through as 60.
        moment = datetime.fromisoformat(f"{year:04}-{_MONTHS[parts[2]]:02}-{day:02}T{hour:02}:{minute:02}:00+00:00")
    except ValueError as error:
        raise MalformedSignature("the Date header is not an HTTP date") from error
    if second > 60:
        raise MalformedSignature("the Date header is not an HTTP date")
    return int(moment.timestamp()) + second


def check_extra_headers(headers: Mapping[str, str]) -> None:
    """Raise ValueError when a header to sign in addition is not printable ASCII or is one that signing sets itself."""
    for name, value in headers.items():
        if not is_visible(name) or not is_clean(value) or name.lower() in _OWN_HEADERS:
            raise ValueError("this header cannot be added to a signature")
