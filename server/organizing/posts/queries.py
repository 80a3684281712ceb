"""Finds posts and threads for a viewer. What is hidden and what is missing are the same answer."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context, Viewer
from federation.vocabulary.showing import options_list
from models import LocalActor, Post, Reaction
from server.organizing.posts.records import StoredPost, author_indexes, find_row, find_stored, opened
from server.organizing.posts.sight import as_viewer, server_has_copy, sight_of
from server.organizing.posts.timelines import Entry, Page, timeline_home, timeline_of
from server.organizing.relations.silence import Where, silence_of

__all__ = [
    "Entry",
    "Page",
    "PageView",
    "Thread",
    "find_numbered",
    "find_post",
    "object_type",
    "page_view",
    "thread",
    "timeline_home",
    "timeline_of",
]

LONGEST_THREAD = 1_000
"""Posts of one thread that are looked at; strangers can make it grow."""


@dataclass(frozen=True, slots=True)
class PageView:
    """A post as a page shows it. `content` is HTML that may be shown as it is; all else is text."""

    content: str
    summary: str | None
    url: str
    published: str
    day: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A post in its thread, as one viewer sees it: what it answers, first to last, and what answers it, in order."""

    post: StoredPost
    ancestors: Sequence[StoredPost] = ()
    descendants: Sequence[StoredPost] = ()


async def find_post(context: Context, reference: str, viewer: Viewer | LocalActor) -> StoredPost | None:
    """A post by its id or the id of its row, local or remote, if this viewer may see it; None otherwise."""
    post = await find_stored(context, reference)
    if post is None:
        return None
    who = as_viewer(context, viewer) if isinstance(viewer, LocalActor) else viewer
    if await _is_shown(context, post, who):
        return post
    return post if post.row.local and await server_has_copy(context, who, post) else None


async def _is_shown(context: Context, post: StoredPost, viewer: Viewer) -> bool:
    """An open post is shown to anybody who asks; but among people here, not to whom its author blocked, nor back."""
    if not post.audience.is_open:
        return (await sight_of(context, viewer)).shows(post)
    if viewer.actor is None or not context.origin.owns(viewer.actor):
        return True
    return not (await silence_of(context, viewer.actor)).covers(post.content.author)


async def find_numbered(
    context: Context, author: LocalActor, number: int, viewer: Viewer | LocalActor
) -> StoredPost | None:
    """A local author's post by the number that clients and pages know it by."""
    if not 0 < number < 2**63:
        return None
    by_author = col(Post.author_index).in_(author_indexes(context, [context.origin.actor(author.id)]))
    found = await context.session.execute(select(col(Post.id)).where(col(Post.number) == number, by_author))
    post_id = found.scalar_one_or_none()
    return await find_post(context, post_id, viewer) if post_id else None


async def thread(context: Context, reference: str, viewer: Viewer | LocalActor) -> Thread | None:
    """A post with all of its thread that the viewer may see, gaps included; None when the post itself is hidden."""
    post = await find_post(context, reference, viewer)
    if post is None:
        return None
    statement = select(Post).where(col(Post.root_index) == post.row.root_index, col(Post.deleted_at).is_(None))
    rows = await context.session.execute(statement.order_by(col(Post.number)).limit(LONGEST_THREAD))
    who = as_viewer(context, viewer) if isinstance(viewer, LocalActor) else viewer
    sight = await sight_of(context, who, Where.TIMELINES)
    seen = sight.shown(await opened(context, rows.scalars().all()))
    return Thread(post, _ancestors(post, seen), _descendants(post, seen))


async def object_type(context: Context, uri: str) -> str | None:
    """The ActivityStreams type of what is stored under an id: a post, a tombstone, or a reaction. For no viewer."""
    row = await find_row(context, uri)
    if row is not None:
        return row.kind if row.deleted_at is None else "Tombstone"
    index = context.vault.index("reactions.activity", uri)
    kinds = await context.session.execute(select(col(Reaction.kind)).where(col(Reaction.activity_index) == index))
    kind = kinds.scalars().first()
    return None if kind is None else {"boost": "Announce", "like": "Like"}[kind]


def page_view(post: StoredPost | Entry) -> PageView:
    """What a page shows of a post that was found for its viewer."""
    content = post.post.content if isinstance(post, Entry) else post.content
    published = content.published.astimezone(UTC)
    return PageView(
        content=content.html + options_list(content.poll.options if content.poll else ()),
        summary=content.summary,
        url=content.url or content.uri,
        published=published.isoformat(),
        day=f"{published:%Y-%m-%d}",
    )


def _ancestors(post: StoredPost, seen: Iterable[StoredPost]) -> list[StoredPost]:
    by_index = {other.row.uri_index: other for other in seen}
    chain: list[StoredPost] = []
    passed = {post.row.uri_index}
    parent = by_index.get(post.row.parent_index or b"")
    while parent is not None and parent.row.uri_index not in passed:
        passed.add(parent.row.uri_index)
        chain.append(parent)
        parent = by_index.get(parent.row.parent_index or b"")
    return chain[::-1]


def _descendants(post: StoredPost, seen: Iterable[StoredPost]) -> list[StoredPost]:
    children: dict[bytes, list[StoredPost]] = defaultdict(list)
    for other in seen:
        if other.row.parent_index is not None:
            children[other.row.parent_index].append(other)
    found: list[StoredPost] = []
    passed = {post.row.uri_index}
    waiting = children[post.row.uri_index][::-1]
    while waiting:
        reply = waiting.pop()
        if reply.row.uri_index in passed:
            continue
        passed.add(reply.row.uri_index)
        found.append(reply)
        waiting.extend(children[reply.row.uri_index][::-1])
    return found
