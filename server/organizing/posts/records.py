"""Keeps posts: plain when anyone may read them, sealed otherwise. Decides nothing about who may."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import Random, random_id
from federation.context import Context
from models import Circle, Medium, Movement, Poll, Post, PostEdit, Reaction
from server.organizing.movements.queries import scope_of, scope_of_group
from server.organizing.notifications import records as notifications
from server.organizing.posts import marks, votes
from server.organizing.posts.content import OPEN, Audience, PostContent
from server.vault import SERVER_SCOPE

_ADD = insert(Post.__table__)  # type: ignore[attr-defined]  # a class of SQLModel has it, its stubs do not
_BY_URI = select(Post).where(col(Post.uri_index) == bindparam("uri"))
KEEP_TOMBSTONES = timedelta(days=30)
_CHUNK = 500
_NOBODY = b"\0" * 16
"""Stands in a tombstone for its author, who is forgotten too."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Of which registrable domain somebody is whom nobody here knows, and when what they wrote is looked at again."""

    domain: str
    review_on: date


@dataclass(frozen=True, slots=True)
class StoredPost:
    """A row with its content, opened. Having one says nothing about who may see it."""

    row: Post
    content: PostContent

    @property
    def id(self) -> str:
        """The id of the row, and of our own posts' address."""
        return self.row.id

    @property
    def audience(self) -> Audience:
        """Who it is for."""
        return Audience(self.row.audience)


def uri_index(context: Context, uri: str) -> bytes:
    """The index of a post; of the parent and the root of a thread too."""
    return context.vault.index("posts.uri", uri)


def author_index(context: Context, actor: str, audience: Audience) -> bytes:
    """The index of an actor as author. Sealed posts have another one: the open ones would tell who wrote them."""
    if audience.is_open:
        return context.vault.index("posts.author", actor)
    return context.vault.index("posts.sealed_author", actor)


def author_indexes(context: Context, actors: Iterable[str]) -> list[bytes]:
    """Under which indexes all that these actors wrote is found, open or sealed."""
    return [
        author_index(context, actor, audience) for actor in actors for audience in (Audience.PUBLIC, Audience.DIRECT)
    ]


def group_index(context: Context, group: str) -> bytes:
    """The index of a circle or movement as the place of a post."""
    return context.vault.index("posts.group", group)


async def find_row(context: Context, uri: str) -> Post | None:
    """The row of a post or tombstone by its id."""
    found = await context.session.execute(_BY_URI, {"uri": uri_index(context, uri)})
    return found.scalar_one_or_none()


async def find_stored(context: Context, reference: str) -> StoredPost | None:
    """A post by its id, or by the id of its row; None for tombstones."""
    by_uri = ":" in reference
    row = await find_row(context, reference) if by_uri else await context.session.get(Post, reference)
    return await opened_one(context, row) if row is not None and row.deleted_at is None else None


async def opened_one(context: Context, row: Post) -> StoredPost:
    """One row with its content."""
    return (await opened(context, [row]))[0]


async def opened(context: Context, rows: Sequence[Post]) -> list[StoredPost]:
    """Rows with their content, in the same order; at most two queries. Tombstones must not be among them."""
    scopes = await scopes_by_group(context) if any(row.document is None and row.group_index for row in rows) else {}
    return [StoredPost(row, PostContent.from_json(await _text(context, row, scopes))) for row in rows]


async def scopes_by_group(context: Context) -> dict[bytes, str]:
    """Under which scope posts are sealed, by the index of their group: its name is inside what is to be opened."""
    movements = (await context.session.execute(select(col(Movement.actor_id)))).scalars()
    circles = (await context.session.execute(select(Circle))).scalars()
    pairs = [(actor_id, actor_id) for actor_id in movements] + [(c.actor_id, c.movement_id) for c in circles]
    origin = context.origin
    return {group_index(context, origin.actor(group)): scope_of(movement) for group, movement in pairs}


async def put(
    context: Context,
    content: PostContent,
    *,
    audience: Audience,
    group: str | None,
    number: int,
    post_id: str | None = None,
    by: Stranger | None = None,
    random: Random = os.urandom,
) -> Post:
    """Adds a post, `by` a stranger or not. `post_id` is given for our own, whose id is in its address. Flushes.

    Replies that came before what they answer are moved into the thread that this post is now seen to belong to.
    """
    index = uri_index(context, content.uri)
    parent_index, root_index = await _place_in_thread(context, content, index)
    row = Post(
        id=post_id or random_id(random),
        number=number,
        local=post_id is not None,
        uri_index=index,
        author_index=author_index(context, content.author, audience),
        group_index=group_index(context, group) if group else None,
        parent_index=parent_index,
        root_index=root_index,
        audience=audience,
        kind=content.type,
        published_at=content.published,
        review_on=by.review_on if by else None,
        domain_index=context.vault.index("posts.domain", by.domain) if by else None,
    )
    await _fill(context, row, content, await scope_of_group(context, group) if group else SERVER_SCOPE)
    await context.session.execute(_ADD, [row.model_dump()])
    if root_index != index:
        moved = update(Post).where(col(Post.root_index) == index).values(root_index=root_index)
        await context.session.execute(moved.execution_options(synchronize_session=False))
    return row


async def _place_in_thread(context: Context, content: PostContent, index: bytes) -> tuple[bytes | None, bytes]:
    """The index of what a post answers, and that of the thread's first post as far as it is known."""
    if content.in_reply_to is None:
        return None, index
    parent = await find_row(context, content.in_reply_to)
    parent_index = uri_index(context, content.in_reply_to)
    return parent_index, (parent.root_index if parent else None) or parent_index


async def replace_content(context: Context, post: StoredPost, content: PostContent) -> None:
    """Writes changed content into a row; author, audience, place and thread stay what they are."""
    await _fill(context, post.row, content, await scope_of_post(context, post.row))
    post.row.kind = content.type
    context.session.add(post.row)
    await context.session.flush()


async def blank(context: Context, row: Post) -> None:
    """Turns a row into a tombstone: its id stays, its content, author and place do not, nor what hangs on it.

    That of a post from elsewhere goes after 30 days, when no repeat of its Create can come unnoticed any more.
    """
    for hanging in (Reaction, PostEdit, Poll, Medium):
        await context.session.execute(delete(hanging).where(col(hanging.post_id) == row.id))
    await forget_beside(context, [row.id])
    await notifications.forget_posts(context, [row.id])
    row.document = row.sealed_document = None
    row.author_index = _NOBODY
    row.group_index = row.parent_index = row.root_index = None
    row.deleted_at, row.pinned_at = context.now, None
    row.review_on = None if row.local else context.now.date() + KEEP_TOMBSTONES
    context.session.add(row)
    await context.session.flush()
    context.wake("log")


async def remove_all_by(context: Context, author: str) -> int:
    """Deletes every row of an author, reactions included; how many there were."""
    condition = col(Post.author_index).in_(author_indexes(context, [author]))
    await notifications.forget_sender(context, author)
    context.wake("log")
    ids = (await context.session.execute(delete(Post).where(condition).returning(col(Post.id)))).scalars().all()
    await forget_beside(context, ids)
    return len(ids)


async def forget_beside(context: Context, posts: Sequence[str]) -> None:
    """Removes what no foreign key leads to, since nobody may read which post it is about: votes and bookmarks."""
    for start in range(0, len(posts), _CHUNK):
        chunk = posts[start : start + _CHUNK]
        await votes.forget_polls(context, chunk)
        await marks.forget_subjects(context, chunk)


async def scope_of_post(context: Context, row: Post) -> str:
    """The scope under which a post, and what belongs to it, is sealed."""
    if row.group_index is None or row.audience in OPEN:
        return SERVER_SCOPE
    return (await scopes_by_group(context)).get(row.group_index, SERVER_SCOPE)


async def scopes_of_posts(context: Context, rows: Sequence[Post]) -> dict[str, str]:
    """The same for many, by the ids of their rows; at most two queries."""
    grouped = [row for row in rows if row.group_index is not None and row.audience not in OPEN]
    scopes = await scopes_by_group(context) if grouped else {}
    named = {row.id: scopes.get(row.group_index or b"", SERVER_SCOPE) for row in grouped}
    return {row.id: named.get(row.id, SERVER_SCOPE) for row in rows}


async def _fill(context: Context, row: Post, content: PostContent, scope: str) -> None:
    text = content.to_json()
    if row.audience in OPEN:
        row.document, row.sealed_document = text, None
    else:
        row.document, row.sealed_document = None, await context.vault.seal(_cell(row.id, scope), text.encode())


async def _text(context: Context, row: Post, scopes: dict[bytes, str]) -> str | bytes:
    if row.document is not None:
        return row.document
    scope = scopes.get(row.group_index, SERVER_SCOPE) if row.group_index else SERVER_SCOPE
    return await context.vault.open(_cell(row.id, scope), row.sealed_document or b"")


def _cell(row: str, scope: str) -> Cell:
    return Cell("posts", "sealed_document", row, scope)
