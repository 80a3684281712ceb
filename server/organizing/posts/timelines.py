"""Timelines, newest first, paged by number. Every post in them passed the viewer's sight."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context, Viewer
from federation.vocabulary.activities import PUBLIC
from models import LocalActor, Post, Reaction
from server.organizing.posts import reaction_records
from server.organizing.posts.reaction_records import BOOST, actor_index
from server.organizing.posts.records import StoredPost, author_indexes, opened
from server.organizing.posts.sight import Sight, as_viewer, sight_of

LONGEST_PAGE = 80


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. `number` is the place in it: of the boost where there is one."""

    number: int
    post: StoredPost
    boosted_by: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first. `before` asks for the next page and is None where there is none."""

    entries: Sequence[Entry]
    before: int | None = None


async def timeline_home(context: Context, actor: LocalActor, *, limit: int = 20, before: int | None = None) -> Page:
    """What an actor's followed authors and circles posted or boosted, and what it posted itself.

    At most `limit` entries, 80 whatever is asked. Direct posts of others are in no timeline.
    """
    sight = await sight_of(context, as_viewer(context, actor))
    sources = sight.sources | {context.origin.actor(actor.id)}
    return await _page(context, sight, sources, limit=limit, before=before)


async def timeline_of(
    context: Context,
    author: LocalActor | str,
    viewer: Viewer | LocalActor,
    *,
    limit: int = 20,
    before: int | None = None,
) -> Page:
    """What one author, local or (by its id) remote, posted and boosted, as the viewer may see it."""
    sight = await sight_of(context, as_viewer(context, viewer) if isinstance(viewer, LocalActor) else viewer)
    actor = context.origin.actor(author.id) if isinstance(author, LocalActor) else author
    return await _page(context, sight, [actor], limit=limit, before=before)


async def posts_by(
    context: Context, sight: Sight, authors: Collection[str], *, limit: int, before: int | None
) -> list[StoredPost]:
    """What these actors posted and `sight` shows, newest first."""
    chosen = col(Post.author_index).in_(author_indexes(context, authors))
    statement = select(Post).where(chosen, sight.condition(), col(Post.deleted_at).is_(None))
    if before is not None:
        statement = statement.where(col(Post.number) < before)
    statement = statement.order_by(col(Post.number).desc()).limit(_capped(limit))
    return await opened(context, (await context.session.execute(statement)).scalars().all())


async def boosts_by(
    context: Context, sight: Sight, boosters: Collection[str], *, limit: int, before: int | None
) -> list[tuple[Reaction, StoredPost]]:
    """What these actors boosted and `sight` shows, newest boost first."""
    chosen = col(Reaction.actor_index).in_([actor_index(context, booster) for booster in boosters])
    statement = (
        select(Reaction, Post)
        .join(Post, col(Post.id) == col(Reaction.post_id))
        .where(col(Reaction.kind) == BOOST, chosen, sight.condition(), col(Post.deleted_at).is_(None))
    )
    if before is not None:
        statement = statement.where(col(Reaction.number) < before)
    statement = statement.order_by(col(Reaction.number).desc()).limit(_capped(limit))
    pairs = [(reaction, post) for reaction, post in await context.session.execute(statement)]
    posts = await opened(context, [post for _, post in pairs])
    return [(reaction, post) for (reaction, _), post in zip(pairs, posts, strict=True)]


async def _page(context: Context, sight: Sight, sources: Collection[str], *, limit: int, before: int | None) -> Page:
    """The newest of what sources posted and boosted, each post once; what is older comes on the next page."""
    posts = await posts_by(context, sight, sources, limit=limit, before=before)
    boosts = await boosts_by(context, sight, sources, limit=limit, before=before)
    boosters = {actor_index(context, source): source for source in sources}
    entries = [Entry(post.row.number, post) for post in posts]
    for reaction, post in boosts:
        entry = Entry(reaction.number, post, boosters[reaction.actor_index])
        if entry.boosted_by in (*sight.sources, sight.viewer) or await is_for_all(context, reaction, post):
            entries.append(entry)
    newest = sorted(entries, key=lambda entry: entry.number, reverse=True)[: _capped(limit)]
    once: dict[str, Entry] = {}
    for entry in newest:
        if sight.shows(entry.post):
            once.setdefault(entry.post.id, entry)
    more = _capped(limit) in (len(newest), len(posts), len(boosts))
    return Page(list(once.values()), newest[-1].number if newest and more else None)


async def is_for_all(context: Context, reaction: Reaction, post: StoredPost) -> bool:
    """Whether a boost went to everybody: a circle's tells that there is a circle, and is for its members."""
    (record,) = await reaction_records.opened(context, post.row, [reaction])
    return PUBLIC in (*record.to, *record.cc)


def _capped(limit: int) -> int:
    return max(1, min(limit, LONGEST_PAGE))
