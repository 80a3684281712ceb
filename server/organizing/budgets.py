"""Limits how much of one kind others may send in a while (HOSTILE B19). Counts registrable domains, never persons."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, or_, select
from sqlmodel import SQLModel

from federation.context import Context
from federation.domains import registrable
from federation.upserts import insert_into
from models import Budget

EVERYBODY = ""
"""In place of a domain: the count over all of them."""

_budgets = SQLModel.metadata.tables[str(Budget.__tablename__)]


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `limit` of a `kind` from one registrable domain in each window, and `in_all` from all together."""

    kind: str
    limit: int
    window: timedelta
    in_all: int | None = None


REQUESTS = Allowance("follow request", 30, timedelta(hours=1))
"""Follows that somebody has to answer."""

SUPPORTERS = Allowance("follow", 3_000, timedelta(hours=1), in_all=10_000)
"""Follows of an open movement: on the evening it becomes known, hundreds come from one large server."""

JOINS = Allowance("join", 30, timedelta(hours=1))
INVITATIONS = Allowance("invite", 20, timedelta(days=1))

STRANGERS_POSTS = Allowance("stranger's post", 1_000, timedelta(days=1), in_all=10_000)
"""Posts of people whom nobody here knows. A thread that the whole of a large server answers fits; whoever has many
domains still cannot have more stored in a day than a small disk holds."""

REACTIONS = Allowance("reaction", 2_000, timedelta(hours=1), in_all=10_000)
"""Boosts, likes and votes. What many like in one evening keeps its count; nobody fills the disk with them."""

REMEMBERED_DEEDS = Allowance("deed remembered", 200, timedelta(hours=1), in_all=2_000)
"""Deletes and Undos of what is not known here, kept lest it comes late. Large servers send each Delete to all they
know; most are of what never comes, so that forgetting one costs little. What all may leave in a month is some million
small rows."""

MOVES = Allowance("move", 100, timedelta(days=1), in_all=10_000)
"""Accounts that say they moved."""


class OverBudget(Exception):
    """The domain has sent its share; what came now is to be dropped. `for_now`: there is no room left for it, which
    has little to do with it, so that it may come again."""

    def __init__(self, kind: str, *, for_now: bool) -> None:
        super().__init__(kind)
        self.for_now = for_now


async def spend(context: Context, allowance: Allowance, *, host: str) -> None:
    """Counts one against the allowance of a host's registrable domain, and against that of all domains if it has one.

    No domain has more than what is left for all: as room runs out, those that sent most are refused first. Raises
    `OverBudget`, counting nothing.
    """
    limit, in_all = allowance.limit, allowance.in_all
    if in_all is not None:
        limit = min(limit, in_all - await _spent(context, allowance, EVERYBODY))
    async with context.session.begin_nested():  # both are counted, or neither
        if limit < 1 or not await _count(context, allowance, registrable(host), limit):
            raise OverBudget(allowance.kind, for_now=limit < allowance.limit)
        # Last: this row is waited for by everybody until the unit of work ends.
        if in_all is not None and not await _count(context, allowance, EVERYBODY, in_all):
            raise OverBudget(allowance.kind, for_now=True)


async def _spent(context: Context, allowance: Allowance, domain: str) -> int:
    running = select(_budgets.c.spent).where(
        _budgets.c.index == _index(context, allowance, domain), _budgets.c.ends_at > context.now
    )
    return (await context.session.execute(running)).scalar_one_or_none() or 0


def _index(context: Context, allowance: Allowance, domain: str) -> bytes:
    return context.vault.index("budgets.kind", f"{allowance.kind}\n{domain}")


async def _count(context: Context, allowance: Allowance, domain: str, limit: int) -> bool:
    """One statement, so that of two at the same moment the second sees what the first has counted."""
    over, ends_at = _budgets.c.ends_at <= context.now, context.now + allowance.window
    first = insert_into(context, _budgets).values(index=_index(context, allowance, domain), spent=1, ends_at=ends_at)
    counted = first.on_conflict_do_update(
        index_elements=["index"],
        set_={
            "spent": case((over, 1), else_=_budgets.c.spent + 1),
            "ends_at": case((over, ends_at), else_=_budgets.c.ends_at),
        },
        where=or_(over, _budgets.c.spent < limit),
    )
    return (await context.session.execute(counted.returning(_budgets.c.spent))).first() is not None
