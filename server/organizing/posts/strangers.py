"""What people write whom nobody here follows: taken in measure, and let go of when nobody came to need it."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from sqlalchemy import delete, func, select, update
from sqlmodel import col

from federation.context import Context
from federation.origin import host_of
from models import Post, Reaction
from server.organizing import budgets
from server.organizing.posts import records
from server.organizing.posts.arrivals import is_followed_here
from server.organizing.posts.reaction_records import actor_index
from server.organizing.posts.records import StoredPost

KEEP_UNASKED = timedelta(days=180)
"""How long a stranger's post is kept, if nobody here follows its author, answers it, boosts it or likes it."""

MOST_KEPT = 100_000
"""Posts by strangers kept at a time; beyond, those go first that would have gone first."""

BATCH = 200
"""Posts looked at in one unit of work."""


async def day_to_go(context: Context, author: str) -> date | None:
    """Until when a post by an actor elsewhere is kept unasked; None for ever, where the author is followed here."""
    return None if await is_followed_here(context, author) else context.now.date() + KEEP_UNASKED


async def spend(context: Context, author: str) -> None:
    """Counts a post by an actor whom nobody here follows.

    Raises `budgets.OverBudget` when strangers of that domain, or all together, have written enough for today.
    """
    await budgets.spend(context, budgets.STRANGERS_POSTS, host=host_of(author))


async def review(context: Context) -> int:
    """Looks at some of the posts whose day has come, and forgets those nobody needs; how many it looked at.

    Call until it returns 0.
    """
    rows = await _due(context)
    if not rows:
        return 0
    needed = await _answered_or_liked(context, rows)
    needed |= {post.id for post in await records.opened(context, rows) if await _is_needed(context, post)}
    unneeded = {row.id for row in rows} - needed
    await context.session.execute(delete(Post).where(col(Post.id).in_(unneeded)))
    later = context.now.date() + KEEP_UNASKED
    await context.session.execute(update(Post).where(col(Post.id).in_(needed)).values(review_on=later))
    return len(rows)


async def authors_among(context: Context, actors: Collection[str]) -> set[str]:
    """Those of the actors that wrote, boosted or liked something kept here."""
    by_index = {index: actor for actor in actors for index in records.author_indexes(context, [actor])}
    wrote = select(col(Post.author_index)).where(col(Post.author_index).in_(by_index)).distinct()
    reacting = {actor_index(context, actor): actor for actor in actors}
    reacted = select(col(Reaction.actor_index)).where(col(Reaction.actor_index).in_(reacting)).distinct()
    found = {by_index[index] for index in (await context.session.execute(wrote)).scalars()}
    return found | {reacting[index] for index in (await context.session.execute(reacted)).scalars()}


async def _due(context: Context) -> Sequence[Post]:
    kept = col(Post.review_on).is_not(None)
    surplus = (await context.session.execute(select(func.count()).where(kept))).scalar_one() - MOST_KEPT
    ordered = select(Post).where(kept).order_by(col(Post.review_on), col(Post.number))
    if surplus > 0:
        return (await context.session.execute(ordered.limit(min(surplus, BATCH)))).scalars().all()
    due = ordered.where(col(Post.review_on) <= context.now.date()).limit(BATCH)
    return (await context.session.execute(due)).scalars().all()


async def _answered_or_liked(context: Context, rows: Sequence[Post]) -> set[str]:
    by_index = {row.uri_index: row.id for row in rows}
    answers = select(col(Post.parent_index)).where(col(Post.parent_index).in_(by_index), col(Post.local)).distinct()
    likes = select(col(Reaction.post_id)).where(col(Reaction.post_id).in_(by_index.values()), col(Reaction.local))
    answered = {by_index[index] for index in (await context.session.execute(answers)).scalars() if index is not None}
    return answered | set((await context.session.execute(likes.distinct())).scalars())


async def _is_needed(context: Context, post: StoredPost) -> bool:
    return await is_followed_here(context, post.content.author)
