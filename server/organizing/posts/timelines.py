"""Timelines, newest first, paged by number. Every post in them passed the viewer's sight."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from federation.context import Context, Viewer
from federation.vocabulary.activities import PUBLIC
from models import LocalActor, Post, Reaction
from server.organizing.posts import reaction_records
from server.organizing.posts.content import Audience
from server.organizing.posts.reaction_records import BOOST, actor_index
from server.organizing.posts.records import StoredPost, author_indexes, opened
from server.organizing.posts.sight import Sight, as_viewer, sight_of
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
    """What an actor's followed authors and circles posted or boosted, and what it posted itself.

    Direct posts of others are in no timeline.
    """
    sight = await sight_of(context, as_viewer(context, actor))
    sources = sight.sources | {context.origin.actor(actor.id)}
    return await _page(context, sight, sources, window)


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
    context: Context, window: Window = NEWEST, *, local: bool = False, remote: bool = False
) -> Page:
    """What was posted to everybody and is kept here, newest first; of this server or of others alone where asked."""
    conditions = [col(Post.audience) == Audience.PUBLIC]
    if local != remote:
        conditions.append(col(Post.local).is_(local))
    posts = await _posts(context, window, *conditions)
    return Page([Entry(post.row.number, post) for post in posts], _next(window, [post.row.number for post in posts]))


async def posts_by(context: Context, sight: Sight, authors: Collection[str], window: Window) -> list[StoredPost]:
    """What these actors posted and `sight` shows, newest first."""
    chosen = col(Post.author_index).in_(author_indexes(context, authors))
    return await _posts(context, window, chosen, sight.condition())


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
    return Entry(boost.number, post, record.actor, boost.published_at) if told and sight.shows(post) else None


async def _posts(context: Context, window: Window, *conditions: ColumnElement[bool]) -> list[StoredPost]:
    statement = window.of(select(Post).where(*conditions, col(Post.deleted_at).is_(None)), col(Post.number))
    return await opened(context, window.newest_first((await context.session.execute(statement)).scalars().all()))


async def _page(context: Context, sight: Sight, sources: Collection[str], window: Window) -> Page:
    """The newest of what sources posted and boosted, each post once; what is older comes on the next page."""
    posts = await posts_by(context, sight, sources, window)
    boosts = await boosts_by(context, sight, sources, window)
    boosters = {actor_index(context, source): source for source in sources}
    entries = [Entry(post.row.number, post) for post in posts]
    for reaction, post in boosts:
        entry = Entry(reaction.number, post, boosters[reaction.actor_index], reaction.published_at)
        if entry.boosted_by in (*sight.sources, sight.viewer) or await is_for_all(context, reaction, post):
            entries.append(entry)
    newest = window.cut(sorted(entries, key=lambda entry: entry.number, reverse=True))
    once: dict[str, Entry] = {}
    for entry in newest:
        if sight.shows(entry.post):
            once.setdefault(entry.post.id, entry)
    more = window.size in (len(newest), len(posts), len(boosts))
    return Page(list(once.values()), newest[-1].number if newest and more else None)


def _next(window: Window, numbers: Sequence[int]) -> int | None:
    return numbers[-1] if len(numbers) == window.size else None


async def is_for_all(context: Context, reaction: Reaction, post: StoredPost) -> bool:
    """Whether a boost went to everybody: a circle's tells that there is a circle, and is for its members."""
    (record,) = await reaction_records.opened(context, post.row, [reaction])
    return PUBLIC in (*record.to, *record.cc)
