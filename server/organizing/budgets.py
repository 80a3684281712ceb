"""Limits how much of one kind a server may send in a while (HOSTILE B19). Counts hosts, never persons."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from federation.context import Context
from models import Budget


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `limit` of a `kind` from one host in each window."""

    kind: str
    limit: int
    window: timedelta


REQUESTS = Allowance("follow request", 30, timedelta(hours=1))
"""Follows that somebody has to answer."""

SUPPORTERS = Allowance("follow", 3_000, timedelta(hours=1))
"""Follows of an open movement: on the evening it becomes known, hundreds come from one large server."""

JOINS = Allowance("join", 30, timedelta(hours=1))
INVITATIONS = Allowance("invite", 20, timedelta(days=1))


class OverBudget(Exception):
    """The host has sent its share; what came now is to be dropped."""


async def spend(context: Context, allowance: Allowance, *, host: str) -> None:
    """Counts one against a host's allowance. Raises `OverBudget`, counting nothing, when none is left."""
    budget = await _locked(context, allowance, host)
    if budget.ends_at <= context.now:
        budget.spent, budget.ends_at = 0, context.now + allowance.window
    if budget.spent >= allowance.limit:
        raise OverBudget(allowance.kind)
    budget.spent += 1
    await context.session.flush()


async def _locked(context: Context, allowance: Allowance, host: str) -> Budget:
    key = (host, allowance.kind)
    budget = await context.session.get(Budget, key, with_for_update=True)
    if budget is not None:
        return budget
    budget = Budget(host=host, kind=allowance.kind, spent=0, ends_at=context.now + allowance.window)
    try:
        async with context.session.begin_nested():
            context.session.add(budget)
    except IntegrityError:  # another worker counted the first of this host in the meantime
        return await context.session.get_one(Budget, key, with_for_update=True)
    return budget
