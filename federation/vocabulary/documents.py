"""Reads JSON of strangers, strictly about what it means and leniently about its shape. Never recurses into depth."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn

from federation.origin import BadUri, origin_of
from federation.vocabulary import Document

MAX_DEPTH = 32
MAX_TOKENS = 50_000
"""Brackets, commas and colons: no value stands without one."""
MAX_INTEGER = 2**53 - 1

# A string; its closing quote may be missing, so that a broken one is not scanned twice. Possessive throughout: the
# time is linear in the input whatever the input.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_UNSTRUCTURED = bytes(set(range(256)) - set(b"[]{},:"))
_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_REFUSED_KEYS = frozenset({"@graph", "@included", "@reverse", "@import", "__proto__"})
_LONG_NAMESPACES = (
    "as:",
    "https://www.w3.org/ns/activitystreams#",
    "http://www.w3.org/ns/activitystreams#",
)
_KEYWORD_ALIASES = {"@id": "id", "@type": "type"}
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
    "|[\ud800-\udfff]|[\U000e0000-\U000e007f]"
)


class Malformed(ValueError):
    """Not a document that we accept. The message says what is wrong and never repeats the content."""


def load_json(body: bytes) -> Document:
    """The JSON object in a body, or `Malformed`.

    Refuses what two readers may read in two ways (HOSTILE A9, A10): anything but UTF-8 without a byte order mark,
    duplicate keys, NaN and infinities, integers of 2^53 and more, NUL and lone surrogates, keys that rearrange
    JSON-LD, and a term next to its own alias. Refuses nesting beyond 32, and more than 50,000 brackets, commas and
    colons, before parsing.
    """
    _measure(body)
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except json.JSONDecodeError:
        raise Malformed("not JSON") from None
    if not isinstance(document, dict):
        raise Malformed("not a JSON object")
    if _SUSPECT_ESCAPE.search(body) and any(_is_unstorable(text) for text in _texts(document)):
        raise Malformed("NUL or a lone surrogate in a string")
    return document


def _measure(body: bytes) -> None:
    structure = _STRING.sub(b"", body).translate(None, _UNSTRUCTURED)
    if len(structure) > MAX_TOKENS:
        raise Malformed("too many tokens")
    # A closing bracket too many lowers the count, but is where the parser gives up.
    depth = 0
    for character in structure.translate(None, b",:"):
        depth += 1 if character in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Malformed("nested too deeply")


def _object(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise Malformed("a key occurs twice")
    for key in document:
        if key.isalnum():
            continue
        if key in _REFUSED_KEYS:
            raise Malformed("a key that rearranges the document")
        if _plain_term(key) in document:
            raise Malformed("a term next to its alias")
    return document


def _plain_term(key: str) -> str | None:
    """The short name of a term spelled at length; None for every other key."""
    for namespace in _LONG_NAMESPACES:
        if key.startswith(namespace):
            return key[len(namespace) :]
    return _KEYWORD_ALIASES.get(key)


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise Malformed("an integer beyond 2^53")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise Malformed("a number too great")
    return number


def _constant(name: str) -> NoReturn:
    raise Malformed("NaN or an infinity")


def _texts(document: Document) -> Iterator[str]:
    """Every string in a document, keys included. Depth is bounded, but the walk needs no stack of calls anyway."""
    waiting: list[object] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _is_unstorable(text: str) -> bool:
    return "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)


def publishable(document: Document) -> Document:
    """A copy for storing and serving: without `bto` and `bcc` (ActivityPub 6), and without an LD signature (A9).

    Goes one level into an embedded `object`; everything else, proofs included, stays as it was.
    """
    hidden = ("bto", "bcc", "signature")
    copy = {key: value for key, value in document.items() if key not in hidden}
    inner = copy.get("object")
    if isinstance(inner, dict):
        copy["object"] = {key: value for key, value in inner.items() if key not in hidden}
    return copy


def listed(value: object) -> list[Any]:
    """The value as a list: JSON-LD lets a single value stand for a list of one, and null for an empty one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def is_uri(value: object) -> bool:
    """Whether a value is an http(s) URI that we would use as an id or address."""
    if not isinstance(value, str):
        return False
    try:
        origin_of(value)
    except BadUri:
        return False
    return True


def reference_id(value: object) -> str | None:
    """The http(s) id that a value names: itself, its `id`, its `href`, or that of its first element; else None."""
    for element in listed(value)[:1]:
        candidate = element
        if isinstance(element, dict):
            candidate = element.get("id") or element.get("href")
        if isinstance(candidate, str) and is_uri(candidate):
            return candidate
    return None


def reference_ids(value: object, *, limit: int) -> tuple[str, ...]:
    """The distinct http(s) ids in a value, in order, at most `limit`; what is none is passed over."""
    return first_distinct((reference_id(element) for element in listed(value)), limit=limit)


def first_distinct(texts: Iterable[str | None], *, limit: int) -> tuple[str, ...]:
    """The first distinct texts, in order, at most `limit`; None and empty ones are passed over."""
    found: dict[str, None] = {}
    for text in texts:
        if len(found) >= limit:
            break
        if text:
            found.setdefault(text)
    return tuple(found)


def text_of(document: Document, key: str) -> str | None:
    """A string property: the value itself, the first string in a list, or the first of its language map (`keyMap`)."""
    for element in listed(document.get(key)):
        if isinstance(element, str):
            return element
    translations = document.get(f"{key}Map")
    if isinstance(translations, dict):
        return next((value for value in translations.values() if isinstance(value, str)), None)
    return None


def clean_text(text: str, *, limit: int) -> str:
    """Plain text for a person: no controls, bidi overrides or invisible characters (HOSTILE D8), cut at `limit`.

    Line feeds stay. Zero-width joiners stay too, as scripts and emoji need them. It is text: escape it where shown.
    """
    return _CONTROLS.sub("", text[: 4 * limit]).strip()[:limit]


def clean_line(text: str, *, limit: int) -> str:
    """As `clean_text`, on one line."""
    return clean_text(" ".join(text[: 4 * limit].split()), limit=limit)


def moment_of(value: object) -> datetime | None:
    """An ISO 8601 moment as aware UTC (a bare one is taken for UTC); None for anything else."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def timestamp(moment: datetime) -> str:
    """A moment as the wire has it: UTC, whole seconds, `Z`. Raises `ValueError` for one without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
