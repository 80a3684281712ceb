"""Drops what organizing keeps for a while only: undecided requests, spent budgets, keys of the deleted."""

from sqlalchemy import delete
from sqlmodel import col

from federation.context import Context
from models import Budget
from server.organizing.membership.service import forget_stale
from server.organizing.people.service import forget_keys


async def sweep(context: Context) -> None:
    """Run now and then, in a unit of work of its own. Doing it twice does nothing more."""
    await forget_stale(context)
    await forget_keys(context)
    await context.session.execute(delete(Budget).where(col(Budget.ends_at) <= context.now))
