"""Timelines, newest first, paged by number. Every post in them passed the viewer's sight."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlmodel import col

from federation.context import NOBODY, Context, Viewer
from federation.vocabulary.activities import PUBLIC
from models import LocalActor, Post, Reaction
from server.organizing.lists.queries import OwnList
from server.organizing.posts import reaction_records
from server.organizing.posts.choices import bears, choices_of, is_tagged
from server.organizing.posts.content import Audience
from server.organizing.posts.reaction_records import BOOST, actor_index
from server.organizing.posts.records import StoredPost, author_indexes, opened
from server.organizing.posts.sight import Sight, as_viewer, open_sight_of, sight_of
from server.organizing.relations.silence import Where
from server.organizing.window import Window

NEWEST = Window()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. `number` is the place in it: of the boost where there is one."""

    number: int
    post: StoredPost
    boosted_by: str | None = None
    boosted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first. `before` asks for the next page and is None where there is none."""

    entries: Sequence[Entry]
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """Which of an author's posts somebody asks for. An answer to oneself is no reply."""

    replies: bool = True
    boosts: bool = True
    only_media: bool = False
    tag: str | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether an entry is asked for."""
        content = entry.post.content
        if entry.boosted_by is not None and not self.boosts:
            return False
        is_reply = content.in_reply_to is not None and bool(content.mentions) and entry.boosted_by is None
        if is_reply and not self.replies:
            return False
        has_tag = self.tag is None or self.tag.casefold() in (tag.casefold() for tag in content.hashtags)
        return has_tag and (bool(content.attachments) or not self.only_media)


EVERYTHING = Wish()
LONGEST_LOOK = 5
"""Pages that are looked through for one of what is asked for: what posts say is sealed, and no query finds it."""


async def timeline_home(context: Context, actor: LocalActor, window: Window = NEWEST) -> Page:
    """What an actor's followed authors and circles posted or boosted, what it posted itself, and tags it follows.

    Direct posts of others are in no timeline.
    """
    own = context.origin.actor(actor.id)
    sight = await sight_of(context, as_viewer(context, actor), Where.TIMELINES)
    chosen = await choices_of(context, own)
    sources = (sight.sources - chosen.elsewhere) | {own}
    page = await _page(context, sight, sources, window, boosters=sources - chosen.without_boosts, tags=chosen.tags)
    return replace(page, entries=[entry for entry in page.entries if chosen.wants(entry.post)])


async def timeline_list(context: Context, actor: LocalActor, own: OwnList, window: Window = NEWEST) -> Page:
    """What those on a list posted and boosted; of their answers those that the list shows."""
    me = context.origin.actor(actor.id)
    sight = await sight_of(context, as_viewer(context, actor), Where.TIMELINES)
    chosen = await choices_of(context, me)
    sources = sight.sources & set(own.members)
    page = await _page(context, sight, sources, window, boosters=sources - chosen.without_boosts)
    answered = {me, *(own.members if own.replies == "list" else sight.sources if own.replies == "followed" else ())}
    fitting = await _answering(context, page.entries, answered)
    return replace(page, entries=[entry for entry in fitting if chosen.wants(entry.post)])


async def timeline_of(
    context: Context,
    author: LocalActor | str,
    viewer: Viewer | LocalActor,
    window: Window = NEWEST,
    wish: Wish = EVERYTHING,
) -> Page:
    """What one author, local or (by its id) remote, posted and boosted, as the viewer may see it.

    With a wish a page may be short: there is more as long as it says `before`.
    """
    sight = await sight_of(context, as_viewer(context, viewer) if isinstance(viewer, LocalActor) else viewer)
    actor = context.origin.actor(author.id) if isinstance(author, LocalActor) else author
    page = await _page(context, sight, [actor], window)
    for _ in range(LONGEST_LOOK):
        taken = Page([entry for entry in page.entries if wish.takes(entry)], page.before)
        if taken.entries or page.before is None or window.after is not None:
            return taken
        page = await _page(context, sight, [actor], replace(window, before=page.before))
    return Page([], page.before)


async def timeline_public(
    context: Context, window: Window = NEWEST, *, viewer: Viewer = NOBODY, local: bool = False, remote: bool = False
) -> Page:
    """What was posted to everybody and is kept here, newest first; of this server or of others alone where asked."""
    sight = await open_sight_of(context, viewer)
    conditions = [col(Post.audience) == Audience.PUBLIC, sight.condition()]
    if local != remote:
        conditions.append(col(Post.local).is_(local))
    posts = await _posts(context, window, *conditions)
    entries = [Entry(post.row.number, post) for post in sight.shown(posts)]
    return Page(entries, _next(window, [post.row.number for post in posts]))


async def timeline_tag(
    context: Context,
    tag: str,
    window: Window = NEWEST,
    *,
    viewer: Viewer = NOBODY,
    local: bool = False,
    remote: bool = False,
) -> Page:
    """What bears a hashtag and was posted to everybody; of this server or of others alone where asked."""
    sight, tags = await open_sight_of(context, viewer), frozenset({tag.lower()})
    conditions = [is_tagged(tags), sight.condition()]
    if local != remote:
        conditions.append(col(Post.local).is_(local))
    posts = await _posts(context, window, *conditions)
    entries = [Entry(post.row.number, post) for post in sight.shown(posts) if bears(post, tags)]
    return Page(entries, _next(window, [post.row.number for post in posts]))


async def posts_by(
    context: Context, sight: Sight, authors: Collection[str], window: Window, *, tags: frozenset[str] = frozenset()
) -> list[StoredPost]:
    """What these actors posted, or anybody to everybody with one of these tags, and `sight` shows, newest first."""
    chosen = col(Post.author_index).in_(author_indexes(context, authors))
    return await _posts(context, window, or_(chosen, is_tagged(tags)) if tags else chosen, sight.condition())


async def boosts_by(
    context: Context, sight: Sight, boosters: Collection[str], window: Window
) -> list[tuple[Reaction, StoredPost]]:
    """What these actors boosted and `sight` shows, newest boost first."""
    chosen = col(Reaction.actor_index).in_([actor_index(context, booster) for booster in boosters])
    statement = (
        select(Reaction, Post)
        .join(Post, col(Post.id) == col(Reaction.post_id))
        .where(col(Reaction.kind) == BOOST, chosen, sight.condition(), col(Post.deleted_at).is_(None))
    )
    rows = (await context.session.execute(window.of(statement, col(Reaction.number)))).all()
    pairs = window.newest_first([(row[0], row[1]) for row in rows])
    posts = await opened(context, [post for _, post in pairs])
    return [(reaction, post) for (reaction, _), post in zip(pairs, posts, strict=True)]


async def boost_entry(context: Context, boost: Reaction, viewer: Viewer) -> Entry | None:
    """A boost as an entry, if the viewer may see it: the post, and that this actor passed it on."""
    row = await context.session.get_one(Post, boost.post_id)
    sight = await sight_of(context, viewer)
    if row.deleted_at is not None:
        return None
    (post,) = await opened(context, [row])
    (record,) = await reaction_records.opened(context, row, [boost])
    told = PUBLIC in (*record.to, *record.cc) or record.actor in (*sight.sources, sight.viewer)
    told = told and not sight.silence.covers(record.actor)
    return Entry(boost.number, post, record.actor, boost.published_at) if told and sight.shows(post) else None


async def _posts(context: Context, window: Window, *conditions: ColumnElement[bool]) -> list[StoredPost]:
    statement = window.of(select(Post).where(*conditions, col(Post.deleted_at).is_(None)), col(Post.number))
    return await opened(context, window.newest_first((await context.session.execute(statement)).scalars().all()))


async def _page(
    context: Context,
    sight: Sight,
    sources: Collection[str],
    window: Window,
    *,
    boosters: Collection[str] | None = None,
    tags: frozenset[str] = frozenset(),
) -> Page:
    """The newest of what sources posted and boosted, each post once; what is older comes on the next page."""
    heard = {source for source in (sources if boosters is None else boosters) if not sight.silence.covers(source)}
    posts = await posts_by(context, sight, sources, window, tags=tags)
    boosts = await boosts_by(context, sight, heard, window)
    by_index = {actor_index(context, source): source for source in heard}
    entries = [Entry(post.row.number, post) for post in posts]
    for reaction, post in boosts:
        entry = Entry(reaction.number, post, by_index[reaction.actor_index], reaction.published_at)
        if entry.boosted_by in (*sight.sources, sight.viewer) or await is_for_all(context, reaction, post):
            entries.append(entry)
    newest = window.cut(sorted(entries, key=lambda entry: entry.number, reverse=True))
    once: dict[str, Entry] = {}
    for entry in newest:
        if sight.shows(entry.post) and _is_from(context, entry, sources, tags):
            once.setdefault(entry.post.id, entry)
    more = window.size in (len(newest), len(posts), len(boosts))
    return Page(list(once.values()), newest[-1].number if newest and more else None)


def _is_from(context: Context, entry: Entry, sources: Collection[str], tags: frozenset[str]) -> bool:
    return not tags or entry.boosted_by is not None or entry.post.content.author in sources or bears(entry.post, tags)


async def _answering(context: Context, entries: Sequence[Entry], answered: Collection[str]) -> list[Entry]:
    """Entries that are boosts, answer nothing, themselves, or one of these actors: one query."""
    parents = {entry.post.row.parent_index for entry in entries if entry.post.row.parent_index is not None}
    asked = select(col(Post.uri_index), col(Post.author_index)).where(col(Post.uri_index).in_(parents))
    authors = {index: author for index, author in (await context.session.execute(asked)).all()}
    fitting = set(author_indexes(context, answered))

    def fits(entry: Entry) -> bool:
        author = authors.get(entry.post.row.parent_index or b"")
        own = author_indexes(context, [entry.post.content.author])
        return entry.boosted_by is not None or entry.post.row.parent_index is None or author in {*fitting, *own}

    return [entry for entry in entries if fits(entry)]


def _next(window: Window, numbers: Sequence[int]) -> int | None:
    return numbers[-1] if len(numbers) == window.size else None


async def is_for_all(context: Context, reaction: Reaction, post: StoredPost) -> bool:
    """Whether a boost went to everybody: a circle's tells that there is a circle, and is for its members."""
    (record,) = await reaction_records.opened(context, post.row, [reaction])
    return PUBLIC in (*record.to, *record.cc)
