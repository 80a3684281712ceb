"""What other servers may fetch of our posts. Whoever may not see a thing gets the same answer as for no such thing."""

from sqlalchemy import func, select
from sqlmodel import col

from federation.context import Collection, Context, Gone, Viewer
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.contexts import without_context
from models import LocalActor, Post, Reaction
from server.organizing.posts import pins, reaction_records, tallies, wire
from server.organizing.posts.content import Audience
from server.organizing.posts.queries import find_post
from server.organizing.posts.reaction_records import BOOST
from server.organizing.posts.records import StoredPost, author_index, opened
from server.organizing.posts.sight import Sight
from server.organizing.posts.timelines import boosts_by, posts_by
from server.organizing.window import Window

PAGE = 20


async def object_document(context: Context, object_id: str, viewer: Viewer) -> Document | None:
    """A post of ours by the id of its row. Raises `Gone` for a deleted one that anybody could read."""
    row = await context.session.get(Post, object_id)
    if row is None or not row.local:
        return None
    if row.deleted_at is not None:
        tombstone = wire.tombstone_of(context.origin, row)
        if tombstone is not None:
            raise Gone(tombstone)
        return None
    post = await find_post(context, object_id, viewer)
    if post is None:
        return None
    (counted,) = await tallies.with_counts(context, [post])
    return wire.note_of(context.origin, counted, context.now)


async def announce_document(context: Context, activity_id: str) -> Document | None:
    """A boost of ours by the id of its row, if it went to everybody; of likes and others' boosts nothing is shown."""
    reaction = await context.session.get(Reaction, activity_id)
    if reaction is None or not reaction.local or reaction.kind != BOOST:
        return None
    post = await find_post(context, reaction.post_id, Viewer())
    return None if post is None else await _public_announce(context, reaction, post)


async def outbox(context: Context, actor: LocalActor, cursor: str | None) -> Collection | None:
    """A page of an actor's open posts and public boosts, newest first, to whoever asks; None for a bad cursor.

    How many there are is told of movements only: a person's activity is nobody's business.
    """
    before = _number(cursor)
    if cursor is not None and before is None:
        return None
    sight, own = Sight(), context.origin.actor(actor.id)
    window = Window(PAGE, before)
    posts = await tallies.with_counts(context, await posts_by(context, sight, [own], window))
    boosts = await boosts_by(context, sight, [own], window)
    items: list[tuple[int, Document]] = [
        (post.row.number, without_context(wire.create_of(context.origin, post, context.now))) for post in posts
    ]
    for reaction, post in boosts:
        announce = await _public_announce(context, reaction, post)
        if announce is not None:
            items.append((reaction.number, without_context(announce)))
    newest = sorted(items, key=lambda item: item[0], reverse=True)[:PAGE]
    more = len(posts) == PAGE or len(boosts) == PAGE or len(items) > PAGE
    following = str(newest[-1][0]) if newest and more else None
    total = await _count_open(context, own) if actor.kind == "Group" else None
    return Collection([document for _, document in newest], total, following)


async def replies(context: Context, object_id: str, viewer: Viewer, cursor: str | None) -> Collection | None:
    """The ids of open replies to a post of ours that the viewer may see, oldest first; None for no such post."""
    after = _number(cursor)
    if cursor is not None and after is None:
        return None
    parent = await find_post(context, object_id, viewer)
    if parent is None or not parent.row.local:
        return None
    statement = (
        select(Post)
        .where(col(Post.parent_index) == parent.row.uri_index, col(Post.deleted_at).is_(None), Sight().condition())
        .where(col(Post.number) > (after or 0))
        .order_by(col(Post.number))
        .limit(PAGE)
    )
    found = await opened(context, (await context.session.execute(statement)).scalars().all())
    following = str(found[-1].row.number) if len(found) == PAGE else None
    return Collection([post.content.uri for post in found], None, following)


async def featured(context: Context, actor: LocalActor) -> Collection:
    """The posts that an actor pinned, newest pin first: anybody may read each."""
    posts = await tallies.with_counts(context, await pins.pinned_by(context, context.origin.actor(actor.id)))
    items = [without_context(wire.note_of(context.origin, post, context.now)) for post in posts]
    return Collection(items, len(items))


async def _public_announce(context: Context, reaction: Reaction, post: StoredPost) -> Document | None:
    (record,) = await reaction_records.opened(context, post.row, [reaction])
    if PUBLIC not in (*record.to, *record.cc):
        return None
    return wire.announce_of(record, post.content.uri, reaction.published_at)


async def _count_open(context: Context, actor: str) -> int:
    by_actor = col(Post.author_index) == author_index(context, actor, Audience.PUBLIC)
    statement = select(func.count()).select_from(Post).where(by_actor, col(Post.deleted_at).is_(None))
    return int((await context.session.execute(statement.where(Sight().condition()))).scalar_one())


def _number(cursor: str | None) -> int | None:
    if cursor is None or not cursor.isascii() or not cursor.isdecimal():
        return None
    number = int(cursor[:20])
    return number if number < 2**63 else None
