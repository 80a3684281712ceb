"""Filters as the first version had them: each a single word of a filter of today."""

from typing import Annotated, Any

from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.filter import V1Filter
from server.mastodon.filters import Seconds
from server.organizing.filters import queries, service
from server.organizing.filters.queries import Filter, Keyword
from server.organizing.filters.service import FilterChange, KeywordChange

routes = router()


class Phrase(Given):
    """A word, where it applies, and until when."""

    phrase: str | None = None
    context: list[str] | None = None
    irreversible: bool | None = None
    whole_word: bool | None = None
    expires_in: Seconds | None = None

    def change(self, keyword_id: str | None) -> FilterChange:
        """The filter of today that this is."""
        hide = None if self.irreversible is None else "hide" if self.irreversible else "warn"
        return FilterChange(
            title=self.phrase,
            contexts=tuple(self.context) if self.context is not None else None,
            action=hide,
            seconds=self.expires_in if "expires_in" in self.model_fields_set else None,
            keywords=[KeywordChange(keyword_id, self.phrase, self.whole_word)],
        )


@routes.get("/api/v1/filters")
async def show_phrases(work: Annotated[Work, reads("read:filters")]) -> list[V1Filter]:
    """All words of all filters."""
    return [_entity(one, word) for one in await queries.filters_of(work.context, work.me) for word in one.keywords]


@routes.post("/api/v1/filters")
async def create_phrase(
    work: Annotated[Work, writes("write:filters")], new: Annotated[Phrase, given(Phrase)]
) -> V1Filter:
    """Makes a filter of one word."""
    made = await service.create(work.context, owner=work.me, given=new.change(None))
    return _entity(made, made.keywords[0])


@routes.get("/api/v1/filters/{keyword_id}")
async def show_phrase(keyword_id: str, work: Annotated[Work, reads("read:filters")]) -> V1Filter:
    """One word."""
    return _entity(*await _with_word(work, keyword_id))


@routes.put("/api/v1/filters/{keyword_id}")
async def change_phrase(
    keyword_id: str, work: Annotated[Work, writes("write:filters")], new: Annotated[Phrase, given(Phrase)]
) -> V1Filter:
    """Changes a word, and the filter that it is in."""
    one, _ = await _with_word(work, keyword_id)
    await service.change(work.context, owner=work.me, filter_id=one.id, given=new.change(keyword_id))
    return _entity(*await _with_word(work, keyword_id))


@routes.delete("/api/v1/filters/{keyword_id}")
async def delete_phrase(keyword_id: str, work: Annotated[Work, writes("write:filters")]) -> dict[str, Any]:
    """Takes a word out; with the last one its filter goes."""
    one, _ = await _with_word(work, keyword_id)
    if len(one.keywords) == 1 and not one.posts:
        await service.delete(work.context, owner=work.me, filter_id=one.id)
    else:
        change = FilterChange(keywords=[KeywordChange(keyword_id, remove=True)])
        await service.change(work.context, owner=work.me, filter_id=one.id, given=change)
    return {}


async def _with_word(work: Work, keyword_id: str) -> tuple[Filter, Keyword]:
    for one in await queries.filters_of(work.context, work.me):
        for word in one.keywords:
            if word.id == keyword_id:
                return one, word
    raise Missing


def _entity(one: Filter, word: Keyword) -> V1Filter:
    return V1Filter(
        id=word.id,
        phrase=word.text,
        context=list(one.contexts),
        expires_at=one.until,
        irreversible=one.action == "hide",
        whole_word=word.whole,
    )
