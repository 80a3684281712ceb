"""Finds the servers that hold something of ours besides those that follow: they too hear when it is deleted.

Unknown stay servers that fetched an open post without being sent it, and those whose boost or like was taken back.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from federation import departures
from federation.addressing import Recipient, shared_inboxes
from federation.context import Context
from federation.remote import known_actor
from models import LocalActor, Post
from server.organizing.movements.queries import is_circle
from server.organizing.posts import reaction_records, records
from server.organizing.posts.audiences import inboxes_by_audience
from server.organizing.posts.content import Audience
from server.organizing.posts.reaction_records import BOOST
from server.organizing.posts.records import StoredPost


async def inboxes_of_post(context: Context, post: StoredPost) -> list[str]:
    """Where servers receive that came by one of our posts through a boost or like, or that were left since.

    A server that was left before the post was published, or for whom it was not, is not among them.
    """
    found = await _through_reactions(context, [post])
    if post.audience is not Audience.DIRECT:
        found += await departures.inboxes_since(context, post.content.author, post.content.published)
    return found


async def inboxes_of_author(context: Context, author: str) -> list[str]:
    """Where servers receive that hold anything a local actor ever said to others than those who follow now.

    Opens all its posts. Shared inboxes come first, where they are known.
    """
    posts = await _all_by(context, author)
    named = {uri for post in posts for uri in post.content.named}
    for record in await reaction_records.all_by(context, author):
        named |= {*record.to, *record.cc}
    return [
        *await departures.inboxes_since(context, author),
        *await _shared_inboxes_of(context, named),
        *await _through_reactions(context, posts),
        *[inbox for post in posts for inbox in post.content.inboxes],
    ]


async def _all_by(context: Context, author: str) -> list[StoredPost]:
    mine = col(Post.author_index).in_(records.author_indexes(context, [author]))
    rows = (await context.session.execute(select(Post).where(mine, col(Post.deleted_at).is_(None)))).scalars().all()
    return await records.opened(context, rows)


async def _shared_inboxes_of(context: Context, uris: set[str]) -> list[str]:
    actors = [await known_actor(context, uri) for uri in sorted(uris) if not context.origin.owns(uri)]
    return shared_inboxes(Recipient(actor.id, actor.inbox, actor.shared_inbox) for actor in actors if actor is not None)


async def _through_reactions(context: Context, posts: Sequence[StoredPost]) -> list[str]:
    """Of those who reacted elsewhere, and of everybody to whom an actor here passed the posts on."""
    inboxes: list[str] = []
    boosted: dict[str, datetime] = {}
    for row, record in await reaction_records.all_on(context, [post.row for post in posts]):
        if not row.local:
            inboxes += [record.inbox] if record.inbox else []
        elif row.kind == BOOST:
            boosted[record.actor] = min(row.published_at, boosted.get(record.actor, row.published_at))
    for booster, since in boosted.items():
        inboxes += await _passed_on_to(context, booster, since)
    return inboxes


async def _passed_on_to(context: Context, booster: str, since: datetime) -> list[str]:
    located = context.origin.locate(booster)
    actor = await context.session.get(LocalActor, located.id) if located is not None else None
    if actor is None:
        return []
    audience = Audience.CIRCLE if await is_circle(context, actor) else Audience.PUBLIC
    present = await inboxes_by_audience(context, actor, audience)
    return [*present, *await departures.inboxes_since(context, booster, since)]
