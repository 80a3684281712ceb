"""Filters as entities, and what each of many statuses ran into: one query for all."""

from collections.abc import Sequence

from federation.context import Context
from models import LocalActor
from server.mastodon.entities.filter import Filter, FilterKeyword, FilterResult, FilterStatus
from server.organizing.filters import queries
from server.organizing.filters.queries import Match, filters_of, matches
from server.organizing.posts.records import StoredPost


async def filtered(
    context: Context, viewer: LocalActor | None, posts: Sequence[StoredPost]
) -> dict[str, list[FilterResult]]:
    """What posts ran into, by their ids. Each filter names where it applies: the client knows where it shows them."""
    filters = await filters_of(context, viewer) if viewer is not None and posts else []
    found = {post.id: matches(filters, post.content, post.row.number) for post in posts} if filters else {}
    return {post_id: [_result(match) for match in met] for post_id, met in found.items() if met}


def filter_entity(one: queries.Filter) -> Filter:
    """One filter."""
    return Filter(
        id=one.id,
        title=one.title,
        context=list(one.contexts),
        expires_at=one.until,
        filter_action=one.action,
        keywords=[keyword_entity(word) for word in one.keywords],
        statuses=[FilterStatus(id=post.id, status_id=str(post.number)) for post in one.posts],
    )


def keyword_entity(word: queries.Keyword) -> FilterKeyword:
    """One word of a filter."""
    return FilterKeyword(id=word.id, keyword=word.text, whole_word=word.whole)


def _result(match: Match) -> FilterResult:
    return FilterResult(
        filter=filter_entity(match.filter),
        keyword_matches=list(match.keywords) or None,
        status_matches=[str(match.number)] if match.number is not None else None,
    )
