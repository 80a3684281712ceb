"""Makes, changes and deletes filters, their words and their posts. Tells nobody. Never commits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crypto.tokens import random_id
from federation.context import Context
from models import LocalActor
from server.organizing.filters import policy
from server.organizing.filters.queries import Filter, Filtered, Keyword, read
from server.organizing.happenings import filters_changed
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind
from server.organizing.refusal import Refused, require


@dataclass(frozen=True, slots=True)
class KeywordChange:
    """A word to add (no `id`), to change, or to take out. What is None stays."""

    id: str | None = None
    text: str | None = None
    whole: bool | None = None
    remove: bool = False


@dataclass(frozen=True, slots=True)
class FilterChange:
    """What to change; what is None stays. `seconds` 0 is for ever."""

    title: str | None = None
    contexts: tuple[str, ...] | None = None
    action: str | None = None
    seconds: int | None = None
    keywords: Sequence[KeywordChange] = ()


async def create(context: Context, *, owner: LocalActor, given: FilterChange) -> Filter:
    """Makes a filter. Raises `Refused`."""
    own = context.origin.actor(owner.id)
    await records.require_room(context, Kind.FILTER, own, most=policy.MOST_FILTERS)
    empty = Filter("", "", (), "warn")
    made = await _put(context, own, random_id(), _changed(context, empty, given))
    filters_changed(context, owner)
    return made


async def change(context: Context, *, owner: LocalActor, filter_id: str, given: FilterChange) -> Filter:
    """Changes a filter. Raises `Refused`, having changed nothing."""
    kept = await _own(context, owner, filter_id)
    return await _put(context, kept.owner, kept.about, _changed(context, read(kept), given))


async def delete(context: Context, *, owner: LocalActor, filter_id: str) -> None:
    """Deletes a filter. Raises `Refused`."""
    kept = await _own(context, owner, filter_id)
    await records.remove(context, Kind.FILTER, kept.owner, kept.about)


async def add_post(context: Context, *, owner: LocalActor, filter_id: str, number: int) -> Filtered:
    """Filters one post by itself. Raises `Refused`."""
    kept = await _own(context, owner, filter_id)
    known = read(kept)
    already = next((post for post in known.posts if post.number == number), None)
    if already is not None:
        return already
    added = Filtered(random_id(), number)
    await _put(context, kept.owner, kept.about, replace(known, posts=(*known.posts, added)))
    return added


async def remove_post(context: Context, *, owner: LocalActor, filter_id: str, entry: str) -> None:
    """Takes one post out of a filter. Raises `Refused`."""
    kept = await _own(context, owner, filter_id)
    known = read(kept)
    left = tuple(post for post in known.posts if post.id != entry)
    if left == known.posts:
        raise Refused(policy.NO_SUCH_FILTER)
    await _put(context, kept.owner, kept.about, replace(known, posts=left))


async def _own(context: Context, owner: LocalActor, filter_id: str) -> Kept:
    """A filter that is about to be changed; those who listen hear of it once it is."""
    filters_changed(context, owner)
    kept = await records.find_by_id(context, Kind.FILTER, context.origin.actor(owner.id), filter_id)
    if kept is None:
        raise Refused(policy.NO_SUCH_FILTER)
    return kept


def _changed(context: Context, old: Filter, given: FilterChange) -> Filter:
    return replace(
        old,
        title=old.title if given.title is None else given.title.strip(),
        contexts=old.contexts if given.contexts is None else tuple(dict.fromkeys(given.contexts)),
        action=given.action or old.action,
        until=_until(context, old, given),
        keywords=_keywords(old.keywords, given.keywords),
    )


def _until(context: Context, old: Filter, given: FilterChange) -> datetime | None:
    if given.seconds is None:
        return old.until
    if given.seconds == 0:
        return None
    require(policy.may_last(seconds=given.seconds))
    return context.now + timedelta(seconds=given.seconds)


def _keywords(old: Sequence[Keyword], changes: Sequence[KeywordChange]) -> tuple[Keyword, ...]:
    words = {word.id: word for word in old}
    for change in changes:
        if change.id is None:
            if not change.remove:
                made = Keyword(random_id(), change.text or "", bool(change.whole))
                words[made.id] = made
            continue
        known = words.get(change.id)
        if known is None:
            raise Refused(policy.NO_SUCH_FILTER)
        if change.remove:
            del words[change.id]
            continue
        text = known.text if change.text is None else change.text
        words[change.id] = Keyword(known.id, text, known.whole if change.whole is None else change.whole)
    return tuple(words.values())


async def _put(context: Context, owner: str, about: str, made: Filter) -> Filter:
    require(policy.may_filter(title=made.title, contexts=made.contexts, action=made.action))
    require(policy.may_hold(keywords=[word.text for word in made.keywords], posts=len(made.posts)))
    values = {
        "title": made.title,
        "contexts": list(made.contexts),
        "action": made.action,
        "keywords": [[word.id, word.text, word.whole] for word in made.keywords],
        "posts": [[post.id, post.number] for post in made.posts],
    }
    return read(
        await records.put(context, Kept(kind=Kind.FILTER, owner=owner, about=about, until=made.until, values=values))
    )
