"""Actors as received and as served. What a stranger claims about another origin is left out."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from federation.origin import same_origin
from federation.vocabulary import Document
from federation.vocabulary.activities import required_id, type_of
from federation.vocabulary.contexts import in_context
from federation.vocabulary.documents import (
    Malformed,
    clean_line,
    is_uri,
    listed,
    reference_id,
    reference_ids,
    text_of,
    timestamp,
)
from federation.vocabulary.html import sanitize

KINDS = frozenset({"Application", "Group", "Organization", "Person", "Service"})

# What Mastodon takes from others at most.
MAX_NAME = 2_048
MAX_SUMMARY = 20_000
MAX_ALIASES = 256
MAX_KEYS = 10
MAX_FIELDS = 50
MAX_FIELD = 2_048
MAX_KEY_LENGTH = 16_384

# An address `@name@host` must come apart in one way only, and show everything it consists of.
_HANDLE = re.compile(r"\w(?:[\w.~-]*\w)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeyEntry:
    """One key that an actor's document lists: RSA as PEM (`publicKey`) or Ed25519 as Multikey (`assertionMethod`)."""

    id: str
    pem: str | None = None
    multikey: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An actor elsewhere (or here), as its own document describes it. Text is sanitised, sizes are capped."""

    id: str
    type: str
    preferred_username: str
    inbox: str
    shared_inbox: str | None = None
    outbox: str | None = None
    followers: str | None = None
    featured: str | None = None
    members: str | None = None
    name: str = ""
    summary: str = ""
    url: str | None = None
    icon: str | None = None
    locked: bool = False
    discoverable: bool = False
    also_known_as: tuple[str, ...] = ()
    moved_to: str | None = None
    attributed_to: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    """Rows of the profile: names are text, values are HTML."""
    keys: tuple[PublicKeyEntry, ...] = field(default=())


def parse_actor(document: object) -> Actor:
    """An actor with what delivery and display need; `document` is what its own id answered.

    Left out, not refused: keys owned by others or listed under an id of another origin, collections and shared
    inboxes elsewhere, pages elsewhere (the id stands in). Raises `Malformed` without a usable id, type, inbox of the
    same origin, or `preferredUsername`.
    """
    if not isinstance(document, dict):
        raise Malformed("an actor is a JSON object")
    identifier = required_id(document)
    kind = type_of(document, KINDS)
    inbox = _own(document.get("inbox"), identifier)
    if kind is None or inbox is None:
        raise Malformed("no actor: its type is another, or it has no inbox of its own origin")
    endpoints = document.get("endpoints")
    if not isinstance(endpoints, dict):
        endpoints = {}
    return Actor(
        id=identifier,
        type=kind,
        preferred_username=_handle(document),
        inbox=inbox,
        shared_inbox=_own(endpoints.get("sharedInbox"), identifier),
        outbox=_own(document.get("outbox"), identifier),
        followers=_own(document.get("followers"), identifier),
        featured=_own(document.get("featured"), identifier),
        members=_own(endpoints.get("members"), identifier) or _own(document.get("members"), identifier),
        name=clean_line(text_of(document, "name") or "", limit=MAX_NAME),
        summary=sanitize((text_of(document, "summary") or "")[:MAX_SUMMARY]),
        url=page_of(document.get("url"), identifier),
        icon=media_url(document.get("icon")),
        locked=document.get("manuallyApprovesFollowers") is True,
        discoverable=document.get("discoverable") is True,
        also_known_as=reference_ids(document.get("alsoKnownAs"), limit=MAX_ALIASES),
        moved_to=reference_id(document.get("movedTo")),
        attributed_to=reference_id(document.get("attributedTo")),
        fields=_fields(document),
        keys=_rsa_keys(document, identifier) + _multikeys(document, identifier),
    )


def page_of(value: object, identifier: str) -> str:
    """The page for people among the links in `url`, HTML preferred; the id where none is of the id's own origin."""
    pages: list[tuple[bool, str]] = []
    for link in listed(value):
        href = link.get("href") if isinstance(link, dict) else link
        if isinstance(href, str) and same_origin(href, identifier):
            is_html = not isinstance(link, dict) or link.get("mediaType", "text/html") == "text/html"
            pages.append((is_html, href))
    html = (page for is_html, page in pages if is_html)
    return next(html, identifier)


def media_url(value: object) -> str | None:
    """The address of an image given as URI, as object with `url` or `href`, or as a list of these; else None."""
    for element in listed(value)[:16]:
        for _ in range(3):
            if isinstance(element, list):
                element = element[0] if element else None
            if isinstance(element, dict):
                element = element.get("url") or element.get("href")
        if isinstance(element, str) and is_uri(element):
            return element
    return None


def _own(value: object, identifier: str) -> str | None:
    """The id that a value names, where it is of the actor's own origin."""
    reference = reference_id(value)
    return reference if reference and same_origin(reference, identifier) else None


def _handle(document: Document) -> str:
    handle = document.get("preferredUsername")
    if not isinstance(handle, str) or len(handle) > MAX_NAME or not _HANDLE.fullmatch(handle):
        raise Malformed("no usable preferredUsername")
    return handle


def _fields(document: Document) -> tuple[tuple[str, str], ...]:
    """The rows of a profile (`PropertyValue`)."""
    found = []
    for row in listed(document.get("attachment"))[:MAX_FIELDS]:
        if not isinstance(row, dict) or row.get("type") != "PropertyValue":
            continue
        name, value = row.get("name"), row.get("value")
        if isinstance(name, str) and isinstance(value, str):
            found.append((clean_line(name, limit=MAX_FIELD), sanitize(value[:MAX_FIELD])))
    return tuple(found)


def _rsa_keys(document: Document, identifier: str) -> tuple[PublicKeyEntry, ...]:
    found = []
    for key in listed(document.get("publicKey"))[:MAX_KEYS]:
        key_id = _key_id(key, identifier, "owner")
        pem = key.get("publicKeyPem") if key_id else None
        if key_id and isinstance(pem, str) and 0 < len(pem) <= MAX_KEY_LENGTH:
            found.append(PublicKeyEntry(id=key_id, pem=pem))
    return tuple(found)


def _multikeys(document: Document, identifier: str) -> tuple[PublicKeyEntry, ...]:
    found = []
    for key in listed(document.get("assertionMethod"))[:MAX_KEYS]:
        key_id = _key_id(key, identifier, "controller")
        multikey = key.get("publicKeyMultibase") if key_id else None
        if key_id and isinstance(multikey, str) and 0 < len(multikey) <= MAX_KEY_LENGTH:
            found.append(PublicKeyEntry(id=key_id, multikey=multikey))
    return tuple(found)


def _key_id(key: Any, identifier: str, owner_property: str) -> str | None:
    """The id of a key that is this actor's: it names the actor as its owner, and has an id of the same origin.

    Without the second condition, an actor could list somebody else's key id with a key of its own.
    """
    if not isinstance(key, dict) or reference_id(key.get(owner_property)) != identifier:
        return None
    return _own(key.get("id"), identifier)


Kind = Literal["Application", "Group", "Organization", "Person", "Service"]
_RFC9421 = {"name": "RFC-9421: HTTP Message Signatures", "href": "https://datatracker.ietf.org/doc/html/rfc9421"}
_GROUP_COLLECTIONS = ("members", "resources", "todos", "posts", "events", "discussions")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorProfile:
    """All that the public document of a local actor says.

    `id` is the id that `inbox`, `outbox`, `followers` and the rest hang below. `summary` is HTML, `source` the
    Markdown it came from. `published` stays None for whoever must not be dated. `openness` None follows `locked`.
    """

    id: str
    kind: Kind
    handle: str
    domain: str
    url: str
    shared_inbox: str
    public_key_pem: str
    multikeys: tuple[tuple[str, str], ...] = ()
    """Ed25519 keys: the fragment of the id, and the key; more than one while proofs of a former key still count."""
    name: str = ""
    summary: str = ""
    source: str | None = None
    locked: bool = False
    discoverable: bool = False
    published: datetime | None = None
    updated: datetime | None = None
    icon: str | None = None
    icon_type: str | None = None
    image: str | None = None
    """The picture above what the actor says."""
    fields: tuple[tuple[str, str], ...] = ()
    """Rows of the profile: names are text, values are HTML."""
    also_known_as: tuple[str, ...] = ()
    moved_to: str | None = None
    openness: Literal["open", "moderated", "invite_only"] | None = None
    endpoints: tuple[tuple[str, str], ...] = ()
    """More endpoints than the shared inbox, by their ActivityPub names (section 4.1)."""
    posting_restricted: bool = False
    """Whether only moderators of the group may post in it."""


def actor_document(profile: ActorProfile) -> Document:
    """The actor's document, the same for Mastodon, GoToSocial, Lemmy, PieFed, Mobilizon and the rest (WIRE 4.4, 4.5).

    A group has the properties of a Lemmy community and of a Mobilizon group. One `publicKey` object, never a list.
    An `Application` has no followers; it says that it takes RFC 9421 signatures (FEP-844e).
    """
    document: Document = {
        "id": profile.id,
        "type": profile.kind,
        "preferredUsername": profile.handle,
        "webfinger": f"{profile.handle}@{profile.domain}",
        "name": profile.name or profile.handle,
        "summary": profile.summary,
        "url": profile.url,
        "inbox": f"{profile.id}/inbox",
        "outbox": f"{profile.id}/outbox",
        "manuallyApprovesFollowers": profile.locked,
        "discoverable": profile.discoverable,
        "indexable": False,
        # Mobilizon reads this without asking whether it is there.
        "endpoints": {"sharedInbox": profile.shared_inbox, **dict(profile.endpoints)},
        "tag": [],
        "attachment": [{"type": "PropertyValue", "name": name, "value": value} for name, value in profile.fields],
        **_keys(profile),
        **_optional(profile),
    }
    if profile.kind == "Application":
        return in_context({**document, "implements": [_RFC9421]})
    document |= {name: f"{profile.id}/{name}" for name in ("followers", "following", "featured")}
    return in_context(_as_group(document, profile) if profile.kind == "Group" else document)


def _picture(url: str | None, media_type: str | None) -> Document | None:
    if url is None:
        return None
    typed = {"mediaType": media_type} if media_type is not None else {}
    return {"type": "Image", **typed, "url": url}


def _keys(profile: ActorProfile) -> Document:
    keys: Document = {
        "publicKey": {
            "id": f"{profile.id}#main-key",
            "owner": profile.id,
            "publicKeyPem": profile.public_key_pem,
        }
    }
    if profile.multikeys:
        keys["assertionMethod"] = [
            {
                "id": f"{profile.id}#{name}",
                "type": "Multikey",
                "controller": profile.id,
                "publicKeyMultibase": multikey,
            }
            for name, multikey in profile.multikeys
        ]
    return keys


def _optional(profile: ActorProfile) -> Document:
    optional = {
        "source": {"content": profile.source, "mediaType": "text/markdown"} if profile.source else None,
        "published": timestamp(profile.published) if profile.published else None,
        "updated": timestamp(profile.updated) if profile.updated else None,
        "icon": _picture(profile.icon, profile.icon_type),
        "image": _picture(profile.image, None),
        "alsoKnownAs": list(profile.also_known_as) or None,
        "movedTo": profile.moved_to,
    }
    return {key: value for key, value in optional.items() if value is not None}


def _as_group(document: Document, profile: ActorProfile) -> Document:
    moderators = f"{profile.id}/moderators"
    collections = {name: f"{profile.id}/{name}" for name in _GROUP_COLLECTIONS}
    return {
        **document,
        **collections,
        # Mobilizon looks for the collections in here first.
        "endpoints": {**document["endpoints"], **collections},
        "attributedTo": moderators,
        "moderators": moderators,
        "postingRestrictedToMods": profile.posting_restricted,
        "sensitive": False,
        "openness": profile.openness or ("moderated" if profile.locked else "open"),
        "language": [],
    }
