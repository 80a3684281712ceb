"""What an actor keeps of posts for itself: bookmarks, threads it hears no more of, and what it liked. Tells nobody."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import LocalActor, Post, Reaction
from server.organizing.posts import marks
from server.organizing.posts.marks import BOOKMARK, MUTE
from server.organizing.posts.reaction_records import LIKE, actor_index
from server.organizing.posts.records import StoredPost, opened
from server.organizing.posts.sight import as_viewer, sight_of
from server.organizing.posts.timelines import Entry, Page
from server.organizing.window import Window


async def bookmark(context: Context, actor: LocalActor, post: StoredPost) -> None:
    """Keeps a post that the actor sees. Again: nothing."""
    await marks.put(context, BOOKMARK, context.origin.actor(actor.id), post.id)


async def unbookmark(context: Context, actor: LocalActor, post: StoredPost) -> None:
    """Keeps it no more."""
    await marks.remove(context, BOOKMARK, context.origin.actor(actor.id), post.id)


async def mute_thread(context: Context, actor: LocalActor, post: StoredPost) -> None:
    """Wants to hear no more of the thread of a post. Again: nothing."""
    await marks.put(context, MUTE, context.origin.actor(actor.id), thread_of(post.row))


async def unmute_thread(context: Context, actor: LocalActor, post: StoredPost) -> None:
    """Wants to hear of it again."""
    await marks.remove(context, MUTE, context.origin.actor(actor.id), thread_of(post.row))


async def is_muted(context: Context, actor: str, post: Post) -> bool:
    """Whether an actor wants to hear no more of the thread of a post."""
    return bool(await marks.marked(context, MUTE, actor, [thread_of(post)]))


def thread_of(post: Post) -> str:
    """By what name a thread is muted."""
    return (post.root_index or post.uri_index).hex()


async def bookmarks_of(context: Context, actor: LocalActor, window: Window) -> Page:
    """What an actor keeps and still sees, the latest bookmark first."""
    found = await marks.list_of(context, BOOKMARK, context.origin.actor(actor.id), window)
    return await _page(context, actor, window, found)


async def favourites_of(context: Context, actor: LocalActor, window: Window) -> Page:
    """What an actor liked and still sees, the latest like first."""
    mine = col(Reaction.actor_index) == actor_index(context, context.origin.actor(actor.id))
    liked = select(col(Reaction.number), col(Reaction.post_id)).where(mine, col(Reaction.kind) == LIKE)
    rows = (await context.session.execute(window.of(liked, col(Reaction.number)))).all()
    return await _page(context, actor, window, window.newest_first([(row[0], row[1]) for row in rows]))


async def _page(context: Context, actor: LocalActor, window: Window, found: Sequence[tuple[int, str]]) -> Page:
    ids = [post_id for _, post_id in found]
    rows = await context.session.execute(select(Post).where(col(Post.id).in_(ids), col(Post.deleted_at).is_(None)))
    sight = await sight_of(context, as_viewer(context, actor))
    seen = {post.id: post for post in sight.shown(await opened(context, rows.scalars().all()))}
    entries = [Entry(number, seen[post_id]) for number, post_id in found if post_id in seen]
    return Page(entries, found[-1][0] if len(found) == window.size else None)
