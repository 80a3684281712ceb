"""Drops what organizing keeps for a while only: undecided requests, old reports, spent budgets, keys of the deleted.

What strangers left here is looked at on its day, and goes unless somebody needs it.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy import delete
from sqlmodel import col

from federation import follows
from federation.context import Context
from federation.identities import drop_former_keys
from federation.review import review_actors
from federation.runtime import Federation
from models import Budget
from server.organizing.conversations import records as conversations
from server.organizing.media import records as media
from server.organizing.membership import records as memberships
from server.organizing.membership.service import forget_stale
from server.organizing.moderation import reports
from server.organizing.movements import audit
from server.organizing.notifications import records as notifications
from server.organizing.people.service import forget_keys
from server.organizing.personal import records as personal
from server.organizing.posts import strangers

MOST_ROUNDS = 50
"""Units of work of one review: 10,000 posts and as many actors; the rest waits for the next."""


async def sweep(context: Context) -> None:
    """Run now and then, in a unit of work of its own. Doing it twice does nothing more."""
    # Of rows that a process of an older version wrote meanwhile.
    await follows.index_hosts(context)
    await memberships.index_hosts(context)
    await forget_stale(context)
    await forget_keys(context)
    await drop_former_keys(context)
    await reports.sweep(context)
    await audit.sweep(context)
    await media.forget_unused(context)
    await personal.sweep(context)
    await notifications.sweep(context)
    await conversations.sweep(context)
    await context.session.execute(delete(Budget).where(col(Budget.ends_at) <= context.now))


async def review(federation: Federation) -> None:
    """Reviews posts by strangers, and then the actors whom nothing that is left refers to. Run now and then."""
    try:
        await _in_rounds(federation, strangers.review)
    finally:  # a post that cannot be reviewed does not keep the actors
        await _in_rounds(federation, partial(review_actors, application=federation.application))


async def _in_rounds(federation: Federation, look: Callable[[Context], Awaitable[int]]) -> None:
    for _ in range(MOST_ROUNDS):
        async with federation.writing() as context:
            if not await look(context):
                return
