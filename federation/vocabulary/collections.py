"""Builds collections and their pages. Shows the items it is given and counts only what it is told to count."""

from collections.abc import Sequence
from urllib.parse import quote

from federation.vocabulary import Document
from federation.vocabulary.contexts import in_context, without_context

Item = str | Document

FIRST_CURSOR = "start"
"""What leads to the first page of a collection of ours."""


def page_address(address: str, cursor: str = FIRST_CURSOR) -> str:
    """Where a page of a collection of ours is."""
    return f"{address}?cursor={quote(cursor, safe='')}"


def ordered_collection(
    *,
    id: str,
    items: Sequence[Item] | None = None,
    total: int | None = None,
    first: str | None = None,
    last: str | None = None,
    attributed_to: str | None = None,
) -> Document:
    """An `OrderedCollection`. Without `first` and items it is hidden; without `total` even its size is (WIRE 4.4)."""
    return _collection("OrderedCollection", "orderedItems", id, items, total, first, last, attributed_to)


def collection(
    *,
    id: str,
    items: Sequence[Item] | None = None,
    total: int | None = None,
    first: str | None = None,
    attributed_to: str | None = None,
) -> Document:
    """An unordered `Collection`: replies, followers of a group."""
    return _collection("Collection", "items", id, items, total, first, None, attributed_to)


def unread_collection(*, id: str, next: str) -> Document:
    """A `Collection` as it is embedded: an empty first page, with the address of the one that has the items.

    Mastodon's form, and the only one that GoToSocial follows (0.20): it walks no collection that it is told by id.
    """
    page: Document = {"type": "CollectionPage", "next": next, "partOf": id, "items": []}
    return {"id": id, "type": "Collection", "first": page}


def ordered_collection_page(
    *, id: str, part_of: str, items: Sequence[Item], next: str | None = None, total: int | None = None
) -> Document:
    """An `OrderedCollectionPage`; without `next` the last."""
    return _page("OrderedCollectionPage", "orderedItems", id, part_of, items, next, total)


def collection_page(
    *, id: str, part_of: str, items: Sequence[Item], next: str | None = None, total: int | None = None
) -> Document:
    """A `CollectionPage`; without `next` the last."""
    return _page("CollectionPage", "items", id, part_of, items, next, total)


def partial_followers(*, id: str, followers: Sequence[str]) -> Document:
    """The followers on one host, for that host alone (FEP-8fcf). No total: that would tell of the other hosts."""
    return _collection("OrderedCollection", "orderedItems", id, followers, None, None, None, None)


def _collection(
    kind: str,
    items_key: str,
    id: str,
    items: Sequence[Item] | None,
    total: int | None,
    first: str | None,
    last: str | None,
    attributed_to: str | None,
) -> Document:
    optional = {
        "attributedTo": attributed_to,
        "totalItems": total,
        "first": first,
        "last": last,
        items_key: None if items is None else _embedded(items),
    }
    return in_context({"id": id, "type": kind, **_present(optional)})


def _page(
    kind: str, items_key: str, id: str, part_of: str, items: Sequence[Item], next: str | None, total: int | None
) -> Document:
    page: Document = {"id": id, "type": kind, "partOf": part_of}
    return in_context({**page, **_present({"totalItems": total, "next": next, items_key: _embedded(items)})})


def _embedded(items: Sequence[Item]) -> list[Item]:
    return [item if isinstance(item, str) else without_context(item) for item in items]


def _present(optional: Document) -> Document:
    return {key: value for key, value in optional.items() if value is not None}
