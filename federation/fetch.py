"""Fetches ActivityStreams documents. Never takes one from anywhere but the origin of its own id (FEP-fe34)."""

from dataclasses import dataclass

from federation.blocks import is_blocked
from federation.client import Answer, Crowded, ForbiddenAddress, Unreachable
from federation.fetch_errors import FetchFailed
from federation.identities import signer_for
from federation.origin import INSTANCE_ID, host_of, same_origin
from federation.runtime import Federation
from federation.vocabulary import Document
from federation.vocabulary.documents import Malformed, load_json

__all__ = ["ACCEPT", "FetchFailed", "Items", "ask", "fetch_document", "fetch_items", "is_activity_type"]

AS_PROFILE = "https://www.w3.org/ns/activitystreams"
ACCEPT = f'application/activity+json, application/ld+json; profile="{AS_PROFILE}"'

MAX_PAGES = 10
MAX_ITEMS = 500


async def fetch_document(federation: Federation, url: str) -> Document:
    """The document whose id the URL is, fragments aside, signed for by the instance actor.

    A document with another id is fetched once more from that id, on the same origin only; so an actor's page, or a
    key with its own address, leads to the actor. Never asks this server or a blocked domain, redirects included
    (HOSTILE-PEERS A4 to A6). Raises `FetchFailed`. Never call it inside a unit of work.
    """
    wanted = url.partition("#")[0]
    document, place = await _fetch(federation, wanted)
    identifier = _id_of(document)
    if identifier not in (url, wanted):
        if not same_origin(identifier, wanted):
            raise FetchFailed("a document of another origin", status=200)
        if identifier != place:
            document, place = await _fetch(federation, identifier.partition("#")[0])
        if _id_of(document) != identifier:
            raise FetchFailed("the id leads to another document", status=200)
    if not same_origin(identifier, place):
        raise FetchFailed("the id was answered for by another origin", status=200)
    return document


@dataclass(frozen=True, slots=True)
class Items:
    """What a collection listed. `complete` is False when there was more than was read."""

    items: tuple[str | Document, ...]
    complete: bool


async def fetch_items(federation: Federation, url: str, *, pages: int = MAX_PAGES, items: int = MAX_ITEMS) -> Items:
    """The items of a collection in its order, at most so many, from at most so many pages of its own origin.

    What is embedded is only what that origin says. A page seen before, or on another origin, ends the list
    (HOSTILE-PEERS C9). Raises `FetchFailed`.
    """
    document = await fetch_document(federation, url)
    found = _items_of(document)
    link = document.get("first", document.get("next"))
    visited = {url}
    for _ in range(pages):
        page = None if len(found) >= items else await _page(federation, url, link, visited)
        if page is None:
            break
        found += _items_of(page)
        link = page.get("next")
    return Items(tuple(found[:items]), complete=link is None and len(found) <= items)


async def _page(federation: Federation, collection: str, link: object, visited: set[str]) -> Document | None:
    if isinstance(link, dict):
        return link
    if not isinstance(link, str) or link in visited or not same_origin(link, collection):
        return None
    visited.add(link)
    return await fetch_document(federation, link)


def _items_of(page: Document) -> list[str | Document]:
    listed = page.get("orderedItems", page.get("items", []))
    return [item for item in (listed if isinstance(listed, list) else [listed]) if isinstance(item, str | dict)]


async def ask(
    federation: Federation, url: str, *, accept: str, signed: bool = False, largest: int | None = None
) -> Answer:
    """A successful answer to a GET, whatever its type, of 1 MiB or `largest` bytes at most. Raises `FetchFailed`.

    Our own host and blocked domains are refused before anything is sent, at every redirect.
    """
    signer = None
    if signed:
        async with federation.reading() as context:
            signer = await signer_for(context, INSTANCE_ID)

    async def admit(target: str) -> None:
        await _check_place(federation, target)

    try:
        now = federation.clock()
        answer = await federation.client.get(url, accept=accept, signer=signer, now=now, admit=admit, largest=largest)
    except ForbiddenAddress as error:
        raise FetchFailed("not a place to fetch from") from error
    except Crowded as error:
        raise FetchFailed("too much is under way", transient=True, ours=True) from error
    except Unreachable as error:
        raise FetchFailed("no usable answer", transient=True) from error
    if answer.status != 200:
        raise _refusal(answer.status)
    return answer


def is_activity_type(content_type: str) -> bool:
    """Whether a media type says ActivityStreams: activity+json, or ld+json with its profile (HOSTILE-PEERS A5)."""
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    if kind.lower() == "application/activity+json":
        return True
    if kind.lower() != "application/ld+json":
        return False
    named = (parameter.partition("=") for parameter in parameters)
    return any(
        name.strip().lower() == "profile" and AS_PROFILE in value.strip().strip('"').split() for name, _, value in named
    )


async def _fetch(federation: Federation, url: str) -> tuple[Document, str]:
    answer = await ask(federation, url, accept=ACCEPT, signed=True)
    if not is_activity_type(answer.content_type):
        raise FetchFailed("not an ActivityStreams document", status=answer.status)
    try:
        return load_json(answer.body), answer.url
    except Malformed as error:
        raise FetchFailed("a malformed document", status=answer.status) from error


async def _check_place(federation: Federation, url: str) -> None:
    if federation.origin.owns(url):
        raise FetchFailed("an address of this server")
    async with federation.reading() as context:
        if await is_blocked(context, host_of(url)):
            raise FetchFailed("a blocked domain")


def _id_of(document: Document) -> str:
    identifier = document.get("id")
    if not isinstance(identifier, str):
        raise FetchFailed("a document without an id", status=200)
    return identifier


def _refusal(status: int) -> FetchFailed:
    return FetchFailed(
        "refused",
        status=status,
        gone=status == 410,
        transient=status in (408, 429) or (status >= 500 and status != 501),
    )
