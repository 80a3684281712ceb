"""Brings both ends' ideas of who follows whom together (FEP-8fcf). Tells a server only of its own people.

Out: a header on deliveries for followers only, with a digest of the followers on the receiving server, and the
collection it names. In: the header compared with what is known here; edges the other side does not know are removed.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crypto.digests import followers_digest
from federation import follows
from federation.context import Context, Viewer
from federation.fetch import fetch_items
from federation.follows import Edge
from federation.origin import BadUri, Origin, host_of, same_origin
from federation.runtime import Federation
from federation.vocabulary import Document
from federation.vocabulary.actors import Actor
from models import LocalActor

HEADER = "Collection-Synchronization"
PATH = "followers_synchronization"
"""Where, below an actor, a server finds which of its people follow."""

MAX_FOLLOWERS = 25_000
"""Beyond so many no header is sent, as at Mastodon: the digests cost a pass over all followers."""
MAX_PAGES = 10

NOBODY = followers_digest(())

_FRESH = timedelta(minutes=1)
_LONGEST_HEADER = 4_096
_PARAMETER = re.compile(r'\s*([A-Za-z]{1,32})\s*=\s*"([^"\\]{0,2048})"\s*(?:,|$)')


class CannotSynchronize(Exception):
    """The header is unreadable or not this sender's to send, or what it names is not what it promises."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A header taken apart: which collection, the digest of our part of it, and where that part is."""

    collection: str
    digest: str
    url: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What was found: edges removed here, and local actors whose follow the other side has but we do not."""

    removed: tuple[Edge, ...] = ()
    unknown: tuple[str, ...] = ()


def header_value(origin: Origin, actor_id: str, digest: str) -> str:
    """The header's value for deliveries from a local actor."""
    followers, url = origin.actor(actor_id, "followers"), origin.actor(actor_id, PATH)
    return f'collectionId="{followers}", digest="{digest}", url="{url}"'


def parse_header(value: str) -> Digest:
    """Takes a header apart. Raises `CannotSynchronize` for anything but its three parameters, once each."""
    if len(value) > _LONGEST_HEADER:
        raise CannotSynchronize("the header is too long")
    found: dict[str, str] = {}
    at = 0
    while at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None or match[1] in found:
            raise CannotSynchronize("the header is unreadable")
        found[match[1]] = match[2]
        at = match.end()
    digest = found.get("digest", "").lower()
    if {"collectionId", "url"} - found.keys() or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise CannotSynchronize("the header lacks a parameter")
    return Digest(found["collectionId"], digest, found["url"])


async def followers_on_host(context: Context, actor_id: str, host: str) -> list[str]:
    """Ids of an actor's accepted followers on one host (with its port), sorted."""
    edges = await follows.followers_on(context, context.origin.actor(actor_id), host)
    return sorted(edge.follower for edge in edges)


async def partial_collection(context: Context, actor: LocalActor, viewer: Viewer) -> Document | None:
    """The collection that the header names, for the verified signer's host alone; None for an unsigned request.

    It shows a server nothing that the server's own people did not tell it (HOSTILE-PEERS F1).
    """
    if viewer.host is None:
        return None
    items = await followers_on_host(context, actor.id, viewer.host)
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": context.origin.actor(actor.id, PATH),
        "type": "OrderedCollection",
        "totalItems": len(items),
        "orderedItems": items,
    }


@dataclass(slots=True)
class Digests:
    """Headers for many deliveries: followers are gone through once a minute for each sender, not once a server."""

    federation: Federation
    _known: dict[str, tuple[datetime, Mapping[str, str] | None]] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def header_for(self, actor_id: str, host: str) -> str | None:
        """The header for one server, None where the actor has too many followers to send one."""
        async with self._turn:
            now = self.federation.clock()
            self._known = {actor: entry for actor, entry in self._known.items() if now - entry[0] < _FRESH}
            if actor_id not in self._known:
                async with self.federation.reading() as context:
                    self._known[actor_id] = now, await digests_by_host(context, actor_id)
            digests = self._known[actor_id][1]
        if digests is None:
            return None
        return header_value(self.federation.origin, actor_id, digests.get(host, NOBODY))


async def digests_by_host(context: Context, actor_id: str) -> dict[str, str] | None:
    """The digest of an actor's followers on each host that has any; None for more than 25 000 followers."""
    uri = context.origin.actor(actor_id)
    if await follows.more_follow_than(context, uri, MAX_FOLLOWERS):
        return None
    by_host: dict[str, list[str]] = {}
    for edge in await follows.followers_of(context, uri):
        by_host.setdefault(_host(edge.follower), []).append(edge.follower)
    return {host: followers_digest(ids) for host, ids in by_host.items()}


async def synchronize(federation: Federation, *, sender: Actor, header: str) -> Difference:
    """Compares a header from a verified sender with what is known here, and removes edges the sender does not have.

    The caller saw to it that the signature covers the header. The sender's list is fetched, signed by the instance
    actor, only when the digests differ, and believed only when its own digest is the header's. Never call inside a
    unit of work. Raises `CannotSynchronize`, and `FetchFailed` from the fetch.
    """
    told = parse_header(header)
    if told.collection != sender.followers or not same_origin(told.url, sender.id):
        raise CannotSynchronize("the header names what is not the sender's")
    async with federation.reading() as context:
        here = await _our_followers(context, sender.id)
    if followers_digest(edge.follower for edge in here) == told.digest:
        return Difference()
    listed = await _listed_at(federation, told.url)
    if followers_digest(listed) != told.digest:
        raise CannotSynchronize("the list is not the one that the header digests")
    async with federation.writing() as context:
        here = await _our_followers(context, sender.id)
        surplus = tuple(edge for edge in here if edge.follower not in listed)
        for edge in surplus:
            await follows.remove(context, edge)
    ours = {uri for uri in listed if federation.origin.owns(uri)}
    return Difference(surplus, tuple(sorted(ours - {edge.follower for edge in here})))


async def _our_followers(context: Context, uri: str) -> list[Edge]:
    return await follows.followers_on(context, uri, context.origin.domain)


async def _listed_at(federation: Federation, url: str) -> frozenset[str]:
    """All ids of a collection. Raises `CannotSynchronize` rather than give a part of them."""
    found = await fetch_items(federation, url, pages=MAX_PAGES, items=MAX_FOLLOWERS)
    if not found.complete:
        raise CannotSynchronize("the collection does not end")
    ids = [item if isinstance(item, str) else item.get("id") for item in found.items]
    return frozenset(identifier for identifier in ids if isinstance(identifier, str))


def _host(uri: str) -> str:
    try:
        return host_of(uri)
    except BadUri:
        return ""
