"""Reads filters, for their owner's own eyes, and tells which of them a post runs into. Pure but for the reading."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from federation.context import Context
from federation.vocabulary.html import plain_text
from models import LocalActor
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind
from server.organizing.posts.content import PostContent

MOST_TEXT = 20_000
"""Characters of a post that are looked at."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word or phrase; a whole one is not found inside longer words."""

    id: str
    text: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Filtered:
    """A single post in a filter, by its number."""

    id: str
    number: int


@dataclass(frozen=True, slots=True)
class Filter:
    """What somebody would rather not read, where, and what a client does about it; `until` None is for ever."""

    id: str
    title: str
    contexts: tuple[str, ...]
    action: str
    keywords: tuple[Keyword, ...] = ()
    posts: tuple[Filtered, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A filter that a post runs into: by which words, and by its own number or not."""

    filter: Filter
    keywords: tuple[str, ...]
    number: int | None


def read(kept: Kept) -> Filter:
    """The filter that a record holds."""
    values = kept.values
    return Filter(
        kept.id,
        values["title"],
        tuple(values["contexts"]),
        values["action"],
        tuple(Keyword(*keyword) for keyword in values["keywords"]),
        tuple(Filtered(*post) for post in values["posts"]),
        kept.until,
    )


async def filters_of(context: Context, owner: LocalActor) -> list[Filter]:
    """All of somebody's filters that have not expired, newest first."""
    found = await records.all_of(context, context.origin.actor(owner.id), Kind.FILTER)
    return [read(kept) for kept in found]


async def find_filter(context: Context, owner: LocalActor, filter_id: str) -> Filter | None:
    """One of somebody's own filters."""
    kept = await records.find_by_id(context, Kind.FILTER, context.origin.actor(owner.id), filter_id)
    return read(kept) if kept is not None else None


def matches(filters: Sequence[Filter], content: PostContent, number: int) -> list[Match]:
    """Which of these filters a post runs into. Pure."""
    if not filters:
        return []
    text = _text_of(content)
    found = []
    for one in filters:
        words = tuple(word.text for word in one.keywords if _pattern(word.text, word.whole).search(text))
        named = any(post.number == number for post in one.posts)
        if words or named:
            found.append(Match(one, words, number if named else None))
    return found


def _text_of(content: PostContent) -> str:
    described = (attachment.description for attachment in content.attachments)
    parts = (content.summary, content.name, plain_text(content.html[:MOST_TEXT]), *described)
    return "\n".join(part for part in parts if part)[: 2 * MOST_TEXT]


@lru_cache(maxsize=2_000)
def _pattern(text: str, whole: bool) -> re.Pattern[str]:
    """Word limits count only where the phrase itself begins or ends with a letter or digit."""
    before = r"\b" if whole and re.match(r"\w", text) else ""
    after = r"\b" if whole and re.search(r"\w\Z", text) else ""
    return re.compile(f"{before}{re.escape(text)}{after}", re.IGNORECASE)
