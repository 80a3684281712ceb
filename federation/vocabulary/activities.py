"""Activities as received: lenient about shape, strict about who and what."""

from dataclasses import dataclass, field
from datetime import datetime

from federation.vocabulary import Document
from federation.vocabulary.documents import (
    Malformed,
    clean_text,
    first_distinct,
    is_uri,
    listed,
    moment_of,
    reference_id,
    text_of,
)

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
_PUBLIC_SPELLINGS = frozenset({PUBLIC, "as:Public", "Public"})

UNRECOGNIZED = "Unrecognized"
VERBS = frozenset(
    """Accept Add Announce Block Create Delete Dislike EmojiReact Flag Follow Ignore Invite Join Leave Like Lock Move
    Offer QuoteRequest Reject Remove TentativeAccept TentativeReject Undo Update View""".split()
)
"""The verbs that may get a row in the table; every other is `Unrecognized`."""

MAX_RECIPIENTS = 1_000
MAX_OBJECTS = 100
MAX_CONTENT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An object by id, embedded, or both. `type` is that of the embedded document, else None."""

    id: str | None
    type: str | None = None
    embedded: Document | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One activity. `type` is a known verb or `Unrecognized`; `document` is what was received, untouched.

    `content` and `summary` are plain text without controls. `objects` has the ids of all objects, of which a `Flag`
    may name several; `object` is the first. There is no `bto` and no `bcc`: on receipt they are as absent (WIRE 5.1),
    and `documents.publishable` takes them off a document that is to be stored or passed on.
    """

    id: str
    type: str
    actor: str
    object: Reference | None = None
    objects: tuple[str, ...] = ()
    target: Reference | None = None
    origin: Reference | None = None
    result: Reference | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    content: str | None = None
    summary: str | None = None
    published: datetime | None = None
    document: Document = field(default_factory=dict, repr=False)


def parse_activity(document: object) -> Activity:
    """An activity, of which exactly one actor with an http(s) id, and an http(s) id of its own, are certain.

    Raises `Malformed` for anything else, and where a property that has one meaning names several things (A10, A11).
    """
    if not isinstance(document, dict):
        raise Malformed("an activity is a JSON object")
    kind = type_of(document, VERBS) or UNRECOGNIZED
    objects = listed(document.get("object"))
    if len(objects) > 1 and kind not in ("Flag", UNRECOGNIZED):
        raise Malformed("an activity with several objects")
    strict = kind != UNRECOGNIZED
    return Activity(
        id=required_id(document),
        type=kind,
        actor=_actor(document),
        object=_reference(objects[0], "object", strict=strict) if objects else None,
        objects=first_distinct(map(reference_id, objects), limit=MAX_OBJECTS),
        target=_single(document, "target", strict=strict),
        origin=_single(document, "origin", strict=strict),
        result=_single(document, "result", strict=strict),
        to=addresses(document.get("to")),
        cc=addresses(document.get("cc")),
        audience=addresses(document.get("audience")),
        content=_text(document, "content") or _text(document, "_misskey_reaction"),
        summary=_text(document, "summary"),
        published=moment_of(document.get("published")),
        document=document,
    )


def type_of(document: Document, known: frozenset[str]) -> str | None:
    """The first of a document's types that is known; None where none is. Raises `Malformed` without any type."""
    types = [name for name in listed(document.get("type")) if isinstance(name, str) and name]
    if not types:
        raise Malformed("no type")
    return next((name for name in types if name in known), None)


def required_id(document: Document) -> str:
    """The document's own id. Raises `Malformed` where it is no http(s) URI."""
    identifier = document.get("id")
    if not isinstance(identifier, str) or not is_uri(identifier):
        raise Malformed("no usable id")
    return identifier


def addresses(value: object) -> tuple[str, ...]:
    """The addressees in `to`, `cc` or `audience`, at most 1,000, the Public collection in its full spelling."""
    return first_distinct(
        (PUBLIC if _is_public(element) else reference_id(element) for element in listed(value)), limit=MAX_RECIPIENTS
    )


def _is_public(element: object) -> bool:
    name = element.get("id") if isinstance(element, dict) else element
    return isinstance(name, str) and name in _PUBLIC_SPELLINGS


def _actor(document: Document) -> str:
    actors = listed(document.get("actor"))
    if len(actors) != 1:
        raise Malformed("not exactly one actor")
    actor = actors[0].get("id") if isinstance(actors[0], dict) else actors[0]
    if not isinstance(actor, str) or not is_uri(actor):
        raise Malformed("no usable actor")
    return actor


def _single(document: Document, key: str, *, strict: bool) -> Reference | None:
    values = listed(document.get(key))
    if len(values) > 1 and strict:
        raise Malformed(f"several of {key}")
    return _reference(values[0], key, strict=strict) if values else None


def _reference(value: object, key: str, *, strict: bool) -> Reference | None:
    """What a property refers to. An embedded thing may have no id, but not an unusable one."""
    if isinstance(value, dict):
        identifier = value.get("id")
        if identifier is None or (isinstance(identifier, str) and is_uri(identifier)):
            names = [name for name in listed(value.get("type")) if isinstance(name, str)]
            return Reference(id=identifier, type=names[0] if names else None, embedded=value)
    elif isinstance(value, str) and is_uri(value):
        return Reference(id=value)
    if strict:
        raise Malformed(f"no usable {key}")
    return None


def _text(document: Document, key: str) -> str | None:
    text = text_of(document, key)
    return clean_text(text, limit=MAX_CONTENT) or None if text else None
