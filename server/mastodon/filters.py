"""Filters: by words, and by single statuses."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.filter import Filter, FilterKeyword, FilterStatus
from server.mastodon.ids import find_status
from server.mastodon.serialize.filters import filter_entity, keyword_entity
from server.organizing.filters import queries, service
from server.organizing.filters.service import FilterChange, KeywordChange
from server.organizing.posts.sight import as_viewer

routes = router()


def _seconds(value: object) -> object:
    """Nothing typed, or null, is for ever."""
    return 0 if value is None or value == "" else value


Seconds = Annotated[int, BeforeValidator(_seconds)]


class Word(BaseModel):
    """A word to add, to change or to take out."""

    model_config = ConfigDict(populate_by_name=True)

    id: str | None = None
    keyword: str | None = None
    whole_word: bool | None = None
    destroy: bool = Field(False, alias="_destroy")


class FilterGiven(Given):
    """What to make, or to change."""

    title: str | None = None
    context: list[str] | None = None
    filter_action: str | None = None
    expires_in: Seconds | None = None
    keywords_attributes: list[Word] = []

    def change(self) -> FilterChange:
        """The same in the words of the service."""
        words = [
            KeywordChange(word.id, word.keyword, word.whole_word, word.destroy) for word in self.keywords_attributes
        ]
        return FilterChange(
            title=self.title,
            contexts=tuple(self.context) if self.context is not None else None,
            action=self.filter_action,
            seconds=self.expires_in if "expires_in" in self.model_fields_set else None,
            keywords=words,
        )


class WordGiven(Given):
    """A word."""

    keyword: str | None = None
    whole_word: bool | None = None


class StatusGiven(Given):
    """A status."""

    status_id: str


@routes.get("/api/v2/filters")
async def show_filters(work: Annotated[Work, reads("read:filters")]) -> list[Filter]:
    """All of one's filters."""
    return [filter_entity(one) for one in await queries.filters_of(work.context, work.me)]


@routes.post("/api/v2/filters")
async def create_filter(
    work: Annotated[Work, writes("write:filters")], new: Annotated[FilterGiven, given(FilterGiven)]
) -> Filter:
    """Makes a filter."""
    return filter_entity(await service.create(work.context, owner=work.me, given=new.change()))


@routes.get("/api/v2/filters/{filter_id}")
async def show_filter(filter_id: str, work: Annotated[Work, reads("read:filters")]) -> Filter:
    """One filter."""
    return filter_entity(await _own(work, filter_id))


@routes.put("/api/v2/filters/{filter_id}")
async def change_filter(
    filter_id: str, work: Annotated[Work, writes("write:filters")], new: Annotated[FilterGiven, given(FilterGiven)]
) -> Filter:
    """Changes what is given."""
    return filter_entity(await service.change(work.context, owner=work.me, filter_id=filter_id, given=new.change()))


@routes.delete("/api/v2/filters/{filter_id}")
async def delete_filter(filter_id: str, work: Annotated[Work, writes("write:filters")]) -> dict[str, Any]:
    """Deletes a filter."""
    await service.delete(work.context, owner=work.me, filter_id=filter_id)
    return {}


@routes.get("/api/v2/filters/{filter_id}/keywords")
async def show_keywords(filter_id: str, work: Annotated[Work, reads("read:filters")]) -> list[FilterKeyword]:
    """The words of a filter."""
    return filter_entity(await _own(work, filter_id)).keywords


@routes.post("/api/v2/filters/{filter_id}/keywords")
async def add_keyword(
    filter_id: str, work: Annotated[Work, writes("write:filters")], new: Annotated[WordGiven, given(WordGiven)]
) -> FilterKeyword:
    """Adds a word."""
    made = await _change_words(work, filter_id, KeywordChange(text=new.keyword, whole=new.whole_word))
    return keyword_entity(made.keywords[-1])


@routes.get("/api/v2/filters/keywords/{keyword_id}")
async def show_keyword(keyword_id: str, work: Annotated[Work, reads("read:filters")]) -> FilterKeyword:
    """One word."""
    return keyword_entity((await _with_word(work, keyword_id))[1])


@routes.put("/api/v2/filters/keywords/{keyword_id}")
async def change_keyword(
    keyword_id: str, work: Annotated[Work, writes("write:filters")], new: Annotated[WordGiven, given(WordGiven)]
) -> FilterKeyword:
    """Changes a word."""
    one, _ = await _with_word(work, keyword_id)
    await _change_words(work, one.id, KeywordChange(keyword_id, new.keyword, new.whole_word))
    return keyword_entity((await _with_word(work, keyword_id))[1])


@routes.delete("/api/v2/filters/keywords/{keyword_id}")
async def delete_keyword(keyword_id: str, work: Annotated[Work, writes("write:filters")]) -> dict[str, Any]:
    """Takes a word out."""
    one, _ = await _with_word(work, keyword_id)
    await _change_words(work, one.id, KeywordChange(keyword_id, remove=True))
    return {}


@routes.get("/api/v2/filters/{filter_id}/statuses")
async def show_filtered(filter_id: str, work: Annotated[Work, reads("read:filters")]) -> list[FilterStatus]:
    """The statuses that are filtered by themselves."""
    return filter_entity(await _own(work, filter_id)).statuses


@routes.post("/api/v2/filters/{filter_id}/statuses")
async def add_filtered(
    filter_id: str, work: Annotated[Work, writes("write:filters")], new: Annotated[StatusGiven, given(StatusGiven)]
) -> FilterStatus:
    """Filters one status by itself."""
    entry = await find_status(work.context, new.status_id, as_viewer(work.context, work.me))
    if entry is None:
        raise Missing
    number = entry.post.row.number
    added = await service.add_post(work.context, owner=work.me, filter_id=filter_id, number=number)
    return FilterStatus(id=added.id, status_id=str(added.number))


@routes.get("/api/v2/filters/statuses/{entry_id}")
async def show_one_filtered(entry_id: str, work: Annotated[Work, reads("read:filters")]) -> FilterStatus:
    """One status that is filtered by itself."""
    return (await _with_status(work, entry_id))[1]


@routes.delete("/api/v2/filters/statuses/{entry_id}")
async def delete_filtered(entry_id: str, work: Annotated[Work, writes("write:filters")]) -> dict[str, Any]:
    """Filters it no more."""
    one, _ = await _with_status(work, entry_id)
    await service.remove_post(work.context, owner=work.me, filter_id=one.id, entry=entry_id)
    return {}


async def _own(work: Work, filter_id: str) -> queries.Filter:
    one = await queries.find_filter(work.context, work.me, filter_id)
    if one is None:
        raise Missing
    return one


async def _change_words(work: Work, filter_id: str, change: KeywordChange) -> queries.Filter:
    given_words = FilterChange(keywords=[change])
    return await service.change(work.context, owner=work.me, filter_id=filter_id, given=given_words)


async def _with_word(work: Work, keyword_id: str) -> tuple[queries.Filter, queries.Keyword]:
    for one in await queries.filters_of(work.context, work.me):
        for word in one.keywords:
            if word.id == keyword_id:
                return one, word
    raise Missing


async def _with_status(work: Work, entry_id: str) -> tuple[Filter, FilterStatus]:
    for one in await queries.filters_of(work.context, work.me):
        made = filter_entity(one)
        for status in made.statuses:
            if status.id == entry_id:
                return made, status
    raise Missing
