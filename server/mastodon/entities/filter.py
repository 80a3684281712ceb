"""Filters, and what a status ran into."""

from server.mastodon.entities.base import Entity, Moment


class FilterKeyword(Entity):
    """A word or phrase."""

    id: str
    keyword: str
    whole_word: bool


class FilterStatus(Entity):
    """A single status."""

    id: str
    status_id: str


class Filter(Entity):
    """What one would rather not read, where, and what the client does about it."""

    id: str
    title: str
    context: list[str]
    expires_at: Moment | None
    filter_action: str
    keywords: list[FilterKeyword]
    statuses: list[FilterStatus]


class FilterResult(Entity):
    """A filter that a status ran into, and by what."""

    filter: Filter
    keyword_matches: list[str] | None = None
    status_matches: list[str] | None = None


class V1Filter(Entity):
    """A single word, as the first version of filters had it."""

    id: str
    phrase: str
    context: list[str]
    expires_at: Moment | None
    irreversible: bool
    whole_word: bool
