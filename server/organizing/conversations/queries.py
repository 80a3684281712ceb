"""Shows somebody their conversations. Only to themselves, and only what they may see of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import LocalActor, Post
from server.organizing.conversations import records
from server.organizing.conversations.records import Record
from server.organizing.posts.records import StoredPost, opened
from server.organizing.posts.sight import Sight
from server.organizing.window import Window

_LOOKED_AT = 5
"""Of each conversation, the newest posts among which its last one is looked for."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation as its owner sees it: the others in it, and what was said last."""

    record: Record
    others: Sequence[str]
    last: StoredPost


async def page_of(context: Context, owner: LocalActor, window: Window) -> tuple[list[Conversation], list[int]]:
    """A part of the owner's, in which something was said last first; and the numbers of all that were looked at."""
    found = await records.page(context, owner, window)
    return await shown(context, owner, found), [record.number for record in found]


async def shown(context: Context, owner: LocalActor, found: Sequence[Record]) -> list[Conversation]:
    """These, in one query; those are left out of which there is nothing to see any more."""
    ids = [post for record in found for post in record.posts[-_LOOKED_AT:]]
    rows = (
        await context.session.execute(select(Post).where(col(Post.id).in_(ids), col(Post.deleted_at).is_(None)))
    ).scalars()
    own = context.origin.actor(owner.id)
    seen = {post.id: post for post in Sight(viewer=own).shown(await opened(context, rows.all()))}
    conversations = []
    for record in found:
        last = next((seen[post] for post in reversed(record.posts) if post in seen), None)
        if last is not None:
            others = [uri for uri in record.people if uri != own] or [own]
            conversations.append(Conversation(record, others, last))
    return conversations
