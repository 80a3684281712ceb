"""What people write whom nobody here knows: taken in measure, and let go of when nobody came to need it."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlmodel import col

from crypto.sealing import CannotOpen
from federation.context import Context
from federation.domains import registrable
from federation.origin import host_of
from models import Post, Reaction
from server.organizing import budgets
from server.organizing.membership import records as memberships
from server.organizing.notifications import records as notifications
from server.organizing.posts import marks, records, votes
from server.organizing.posts.arrivals import is_followed_here
from server.organizing.posts.content import PostContent
from server.organizing.posts.queries import LONGEST_THREAD
from server.organizing.posts.records import Stranger

KEEP_UNASKED = timedelta(days=180)
"""How long a stranger's post is kept, if nobody here comes to need it."""

MOST_KEPT = 100_000
"""Posts by strangers kept at a time; beyond, the oldest go of the domain that has most."""

BATCH = 200
"""Posts looked at in one unit of work: some hundred milliseconds."""


async def take(context: Context, content: PostContent, *, followed: bool) -> Stranger | None:
    """What to note of a stranger's post that is about to be stored, counted against what its domain may send.

    None for an author who is followed here, belongs to a circle or was invited to one. Not counted is the answer of
    somebody whom the post it answers named. Raises `budgets.OverBudget`.
    """
    if followed or await memberships.is_welcome(context, content.author):
        return None
    if not await _was_asked(context, content):
        await budgets.spend(context, budgets.STRANGERS_POSTS, host=host_of(content.author))
    return stranger(context, content.author)


def stranger(context: Context, author: str) -> Stranger:
    """What to note of a post by somebody whom nobody here knows."""
    return Stranger(domain=registrable(host_of(author)), review_on=context.now.date() + KEEP_UNASKED)


async def review(context: Context) -> int:
    """Looks at some of the posts whose day has come, and forgets those nobody needs; how many it looked at.

    Needed are those that somebody here answered, directly or further down, boosted, liked, bookmarked or voted in, and
    those whose author is followed here or belongs to a circle. What was deleted meanwhile, or cannot be opened, is
    not. Call until it returns 0.
    """
    rows = await _due(context)
    if not rows:
        return 0
    needed = await _needed(context, [row for row in rows if row.deleted_at is None])
    unneeded = {row.id for row in rows} - needed
    await notifications.forget_posts(context, unneeded)
    await context.session.execute(delete(Post).where(col(Post.id).in_(unneeded)))
    later = context.now.date() + KEEP_UNASKED
    await context.session.execute(update(Post).where(col(Post.id).in_(needed)).values(review_on=later))
    return len(rows)


async def authors_among(context: Context, actors: Collection[str]) -> set[str]:
    """Those of the actors that wrote something kept here."""
    by_index = {index: actor for actor in actors for index in records.author_indexes(context, [actor])}
    wrote = select(col(Post.author_index)).where(col(Post.author_index).in_(by_index)).distinct()
    return {by_index[index] for index in (await context.session.execute(wrote)).scalars()}


async def _was_asked(context: Context, content: PostContent) -> bool:
    if content.in_reply_to is None or not context.origin.owns(content.in_reply_to):
        return False
    parent = await records.find_stored(context, content.in_reply_to)
    return parent is not None and content.author in parent.content.named


async def _due(context: Context) -> Sequence[Post]:
    kept = col(Post.review_on).is_not(None)
    surplus = (await context.session.execute(select(func.count()).where(kept))).scalar_one() - MOST_KEPT
    ordered = select(Post).where(kept).order_by(col(Post.review_on), col(Post.number))
    if surplus > 0:
        heaviest = await _heaviest(context, kept)
        return (await context.session.execute(ordered.where(heaviest).limit(min(surplus, BATCH)))).scalars().all()
    due = ordered.where(col(Post.review_on) <= context.now.date()).limit(BATCH)
    return (await context.session.execute(due)).scalars().all()


async def _heaviest(context: Context, kept: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that a post is of the domain that has most of them here."""
    domain = col(Post.domain_index)
    most = select(domain).where(kept).group_by(domain).order_by(func.count().desc()).limit(1)
    found = (await context.session.execute(most)).scalar_one()
    return domain.is_(None) if found is None else domain == found


async def _needed(context: Context, rows: Sequence[Post]) -> set[str]:
    ids = [row.id for row in rows]
    needed = await _liked(context, rows) | await _led_to_our_words(context, rows)
    needed |= await marks.marked_by_anybody(context, ids) | await votes.are_in(context, ids)
    for row in rows:
        if row.id not in needed and await _is_of_somebody_known(context, row):
            needed.add(row.id)
    return needed


async def _liked(context: Context, rows: Sequence[Post]) -> set[str]:
    ids = [row.id for row in rows]
    likes = select(col(Reaction.post_id)).where(col(Reaction.post_id).in_(ids), col(Reaction.local)).distinct()
    return set((await context.session.execute(likes)).scalars())


async def _led_to_our_words(context: Context, rows: Sequence[Post]) -> set[str]:
    """Those above something that was written here: without them it would hang in the air."""
    roots = {row.root_index for row in rows if row.root_index is not None}
    ours = col(Post.local) & col(Post.parent_index).is_not(None)
    spoken = select(col(Post.root_index)).where(col(Post.root_index).in_(roots), ours).distinct()
    above: set[bytes] = set()
    for root in (await context.session.execute(spoken)).scalars().all():
        columns = select(col(Post.uri_index), col(Post.parent_index), col(Post.local))
        thread = (
            await context.session.execute(columns.where(col(Post.root_index) == root).limit(LONGEST_THREAD))
        ).all()
        parents = {row.uri_index: row.parent_index for row in thread}
        for post in thread:
            index = post.parent_index if post.local else None
            while index is not None and index not in above:
                above.add(index)
                index = parents.get(index)
    return {row.id for row in rows if row.uri_index in above}


async def _is_of_somebody_known(context: Context, row: Post) -> bool:
    try:
        author = (await records.opened_one(context, row)).content.author
    except CannotOpen:  # nobody will ever read it again
        return False
    return await is_followed_here(context, author) or await memberships.is_welcome(context, author)
