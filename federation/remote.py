"""Finds actors and keys of other servers. Never lets a key, a handle or an actor be claimed from one side only."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from federation import webfinger
from federation.fetch import fetch_document
from federation.fetch_errors import FetchFailed, NotFound, Suspended
from federation.memory import KEY_LIFE, SECOND_LOOK_LIFE
from federation.origin import BadUri, host_of
from federation.remote_store import (
    KEEP_GONE,
    ResolvedKey,
    Stored,
    confirm_handle,
    confirm_key,
    forget_actor,
    key_of,
    known_actor,
    load,
    load_by_handle,
    load_by_key,
    mark_gone,
    store_actor,
)
from federation.runtime import Federation
from federation.vocabulary import Document
from federation.vocabulary.actors import Actor, parse_actor
from federation.vocabulary.documents import Malformed, is_uri
from federation.webfinger import Handle, NoHandle

__all__ = [
    "ResolvedKey",
    "forget_actor",
    "known_actor",
    "look_up",
    "resolve_actor",
    "resolve_key",
    "store_actor",
]

Found = TypeVar("Found")

FRESH = timedelta(hours=24)
"""How old an actor's document may grow before it is fetched anew; the old one serves where that fails."""

REFRESH_PAUSE = timedelta(minutes=5)
"""How often an actor is fetched at most, however often it is asked for (HOSTILE-PEERS C12)."""


async def resolve_actor(federation: Federation, uri: str, *, refresh: bool = False) -> Actor:
    """The actor of this id, fetched when unknown, over a day old, or (with `refresh`) over five minutes old.

    A known actor is returned as it is when its server does not answer. Raises `FetchFailed`: `gone` for a 410 now or
    within a week, `Suspended` for an actor suspended here. Never call it inside a unit of work.
    """
    if federation.origin.owns(uri):
        raise NotFound("an actor of this server", status=404)
    stored = await _stored(federation, uri)
    _check_standing(federation, stored)
    if stored is not None and stored.actor is not None and _age(federation, stored) < _patience(refresh=refresh):
        return stored.actor
    try:
        return await _once(federation, uri, uri, lambda: _fetch_actor(federation, uri, known=stored is not None))
    except FetchFailed as failure:
        if failure.gone and stored is not None:
            async with federation.writing() as context:
                await mark_gone(context, uri)
        elif stored is not None and stored.actor is not None:
            return stored.actor
        raise


async def resolve_key(federation: Federation, key_id: str, *, refresh: bool = False) -> ResolvedKey:
    """The public key of this id with its owner, each confirmed by the other (FEP-fe34, HOSTILE-PEERS A1).

    With `refresh` the owner is asked anew, at most every five minutes: for a signature that a known key does not
    verify. Keys of suspended actors are found, so that what they take back is heard. Raises `FetchFailed`; `gone`
    when the key's or the owner's origin answered 410. Never call it inside a unit of work.
    """
    memory = federation.memory
    cached = (memory.second_looks if refresh else memory.keys).get(key_id, federation.clock())
    if cached is not None:
        return cached
    if federation.origin.owns(key_id):
        raise NotFound("a key of this server", status=404)
    async with federation.reading() as context:
        stored = await load_by_key(context, key_id)
    key = None if stored is None else await _known_key(federation, stored, key_id, refresh=refresh)
    if key is None:
        key = await _once(federation, f"key {key_id}", key_id, lambda: _fetch_key(federation, key_id))
    memory.keys.put(key_id, key, until=federation.clock() + KEY_LIFE)
    if refresh:
        memory.second_looks.put(key_id, key, until=federation.clock() + SECOND_LOOK_LIFE)
    return key


async def look_up(federation: Federation, text: str) -> Actor:
    """The actor that a person means by `@user@host`, `user@host`, `acct:user@host`, or an address.

    A handle counts only when its host names the actor and the actor's host names the handle (HOSTILE-PEERS A14).
    Finds nobody of this server. Raises `NotFound` or another `FetchFailed`. Never call it inside a unit of work.
    """
    asked = text.strip()
    if asked.startswith(("https://", "http://")):
        return await _at_address(federation, asked)
    try:
        handle = webfinger.parse_handle(asked)
    except NoHandle as error:
        raise NotFound("not a handle", status=404) from error
    if handle.host == federation.origin.domain:
        raise NotFound("a handle of this server", status=404)
    async with federation.reading() as context:
        stored = await load_by_handle(context, handle)
    if stored is not None and stored.actor is not None and _age(federation, stored) < FRESH:
        return stored.actor
    return await _once(federation, handle.acct, f"https://{handle.host}", lambda: _by_handle(federation, handle))


async def _once(federation: Federation, key: str, uri: str, work: Callable[[], Awaitable[Found]]) -> Found:
    try:
        host = host_of(uri)
    except BadUri as error:
        raise NotFound("not a usable address", status=404) from error
    return await federation.memory.once(key, host, work, now=federation.clock())


# Actors


async def _fetch_actor(federation: Federation, uri: str, *, known: bool) -> Actor:
    document = await fetch_document(federation, uri)
    actor = _actor_in(document)
    if actor.id != uri:
        raise FetchFailed("another actor than asked for", status=200)
    await _keep(federation, actor, document, known=known)
    return actor


async def _at_address(federation: Federation, url: str) -> Actor:
    """The actor at an address that may be its id or its page; a page leads to an id on its own origin at most."""
    if federation.origin.owns(url):
        raise NotFound("an address of this server", status=404)
    stored = await _stored(federation, url)
    if stored is not None:
        return await resolve_actor(federation, url)
    document = await _once(federation, f"at {url}", url, lambda: fetch_document(federation, url))
    actor = _actor_in(document)
    stored = await _stored(federation, actor.id)
    _check_standing(federation, stored)
    await _keep(federation, actor, document, known=stored is not None)
    return actor


def _actor_in(document: Document) -> Actor:
    try:
        return parse_actor(document)
    except Malformed as error:
        raise NotFound("not an actor", status=200) from error


async def _keep(federation: Federation, actor: Actor, document: Document, *, known: bool) -> None:
    """Stores what was fetched. A domain may make only so many actors known in an hour (HOSTILE-PEERS C8, C13)."""
    if not known and not federation.memory.newcomers.admit(host_of(actor.id), federation.clock()):
        raise FetchFailed("too many new actors of one domain", transient=True, status=200)
    try:
        async with federation.writing() as context:
            await store_actor(context, actor, document)
    except Malformed as error:
        raise FetchFailed("an actor too big to keep", status=200) from error


async def _stored(federation: Federation, uri: str) -> Stored | None:
    async with federation.reading() as context:
        return await load(context, uri)


def _check_standing(federation: Federation, stored: Stored | None) -> None:
    if stored is not None and stored.state == "suspended":
        raise Suspended("a suspended actor", status=403)
    if stored is not None and stored.state == "gone" and _age(federation, stored) < KEEP_GONE:
        raise FetchFailed("the actor is gone", status=410, gone=True)


def _age(federation: Federation, stored: Stored) -> timedelta:
    return federation.clock() - stored.fetched_at


def _patience(*, refresh: bool) -> timedelta:
    return REFRESH_PAUSE if refresh else FRESH


# Keys


async def _known_key(federation: Federation, stored: Stored, key_id: str, *, refresh: bool) -> ResolvedKey | None:
    """The key as its stored owner lists it, None when it has to be fetched.

    Of an actor that is gone by now the key that was known still counts: it may have signed the Delete.
    """
    if stored.actor is None:
        return None
    known = key_of(stored.actor, key_id)
    if stored.state != "active" or _age(federation, stored) < _patience(refresh=refresh):
        return known
    try:
        return key_of(await resolve_actor(federation, stored.actor.id, refresh=refresh), key_id)
    except FetchFailed:
        if refresh or known is None:
            raise
        return known


async def _fetch_key(federation: Federation, key_id: str) -> ResolvedKey:
    """The key at its own address: within its owner, or by itself and then confirmed by its owner."""
    address = key_id.partition("#")[0]
    if await _stored(federation, address) is not None:
        # An actor known already: whatever keys it is said to have, it is not asked more often than others.
        key = key_of(await resolve_actor(federation, address, refresh=True), key_id)
        return _listed(key)
    # Many key ids may share an address: whoever makes them up must not have us ask there for each (HOSTILE-PEERS C12).
    document = await _once(federation, f"key at {address}", key_id, lambda: fetch_document(federation, key_id))
    if is_uri(document.get("inbox")):
        return await _within_owner(federation, key_id, document)
    claimed = document.get("owner") or document.get("controller")
    if document.get("id") != key_id or not isinstance(claimed, str) or not is_uri(claimed):
        raise FetchFailed("not a key", status=200)
    owner = await resolve_actor(federation, claimed)
    key = key_of(owner, key_id) or key_of(await resolve_actor(federation, claimed, refresh=True), key_id)
    key = _listed(key)
    async with federation.writing() as context:
        await confirm_key(context, key_id, key.owner)
    return key


async def _within_owner(federation: Federation, key_id: str, document: Document) -> ResolvedKey:
    """The key of an actor that stood at the key's address, or that this address led to (GoToSocial's stub)."""
    owner = _actor_in(document)
    stored = await _stored(federation, owner.id)
    _check_standing(federation, stored)
    # Kept even without this key: from now on the owner is known, and asked no more often than others.
    await _keep(federation, owner, document, known=stored is not None)
    key = _listed(key_of(owner, key_id))
    async with federation.writing() as context:
        await confirm_key(context, key_id, owner)
    return key


def _listed(key: ResolvedKey | None) -> ResolvedKey:
    if key is None:
        raise FetchFailed("no usable key of this id is listed by its owner", status=200)
    return key


# Handles


async def _by_handle(federation: Federation, handle: Handle) -> Actor:
    found = await webfinger.finger(federation, handle)
    if found.subject.key != handle.key:
        # The host speaks of another handle; that one's own host has to agree (once, as Mastodon does).
        other = await webfinger.finger(federation, found.subject)
        if other.subject.key != found.subject.key:
            raise NotFound("the handle does not lead back to itself", status=200)
        found = other
    actor = await resolve_actor(federation, found.actor)
    own = Handle(actor.preferred_username, host_of(actor.id))
    if own.key != found.subject.key:
        back = await webfinger.finger(federation, own)
        if back.actor != actor.id or back.subject.key != found.subject.key:
            raise NotFound("the actor does not go by this handle", status=200)
    async with federation.writing() as context:
        await confirm_handle(context, found.subject, actor.id)
    return actor
