"""Shares of what others may send: by registrable domain, of all together, and never one too many."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from federation.context import Context
from models import Budget
from server.db import Database
from server.organizing import budgets, upkeep
from server.organizing.budgets import Allowance, OverBudget, spend

FIVE = Allowance("five", 5, timedelta(hours=1))
SHARED = Allowance("shared", 5, timedelta(hours=1), in_all=8)


async def spent(context: Context, allowance: Allowance, *hosts: str) -> list[bool]:
    """Which of these were let through."""
    results = []
    for host in hosts:
        try:
            await spend(context, allowance, host=host)
            results.append(True)
        except OverBudget:
            results.append(False)
    return results


async def test_all_hosts_of_a_domain_share(context: Context) -> None:
    """B19: neither names below a domain nor ports make a new sender; names of a hoster's customers do."""
    evil = [f"n{number}.evil.example:{number}" for number in range(7)]
    assert await spent(context, FIVE, *evil) == [True] * 5 + [False] * 2
    assert await spent(context, FIVE, "other.example") == [True]
    assert await spent(context, FIVE, *(f"n{number}.github.io" for number in range(7))) == [True] * 7


async def test_all_together_have_a_share_as_well(context: Context) -> None:
    """None has more than what is left for all: who has sent little is heard until hardly anything is left."""
    hosts = [f"evil{number // 4}.example" for number in range(12)]
    heard = [True] * 4 + [True, True, False, False] + [True, False, False, False]
    assert await spent(context, SHARED, *hosts) == heard
    assert await spent(context, SHARED, "honest.example") == [True]
    with pytest.raises(OverBudget) as over:
        await spend(context, SHARED, host="late.example")
    assert over.value.for_now
    context.now += timedelta(hours=1)
    assert await spent(context, SHARED, "evil2.example") == [True]


async def test_what_is_refused_counts_for_nobody(context: Context) -> None:
    """Neither for the domain when all together are over, nor for all when the domain is."""
    assert await spent(context, SHARED, *["a.example"] * 9) == [True] * 4 + [False] * 5
    assert await spent(context, SHARED, *["b.example"] * 9) == [True] * 2 + [False] * 7
    rows = (await context.session.execute(select(Budget.spent))).scalars().all()  # type: ignore[call-overload]
    assert sorted(rows) == [2, 4, 6]


async def test_a_window_begins_with_what_is_first_in_it(context: Context) -> None:
    await spent(context, FIVE, *["a.example"] * 5)
    context.now += timedelta(minutes=59)
    assert await spent(context, FIVE, "a.example") == [False]
    context.now += timedelta(minutes=1)
    assert await spent(context, FIVE, *["a.example"] * 6) == [True] * 5 + [False]


async def test_no_row_says_who_sent_what(context: Context) -> None:
    await spent(context, SHARED, "secret.example")
    await spent(context, FIVE, "secret.example")
    rows = (await context.session.execute(select(Budget))).scalars().all()
    assert len({row.index for row in rows}) == 3
    assert all(len(row.index) == 16 for row in rows)
    context.now += timedelta(hours=1)
    await upkeep.sweep(context)
    assert (await context.session.execute(select(func.count()).select_from(Budget))).scalar_one() == 0


async def test_many_at_once_are_let_through_no_more_often(database: Database) -> None:
    async def one(number: int) -> bool:
        async with database.writing() as context:
            return (await spent(context, SHARED, f"n{number}.evil{number % 2}.example"))[0]

    results = await asyncio.gather(*(one(number) for number in range(24)))
    assert 5 <= sum(results) <= 8
    async with database.reading() as context:
        rows = (await context.session.execute(select(Budget.spent))).scalars().all()  # type: ignore[call-overload]
    assert max(rows) == sum(results)
    assert sum(rows) == 2 * sum(results)
    assert all(row <= 5 for row in rows if row != max(rows))


async def test_what_is_rolled_back_was_not_spent(database: Database) -> None:
    async def fail() -> None:
        async with database.writing() as context:
            await spend(context, FIVE, host="a.example")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with database.writing() as context:
        assert await spent(context, FIVE, *["a.example"] * 6) == [True] * 5 + [False]


async def test_over_its_own_share_a_domain_is_told_so(context: Context) -> None:
    await spent(context, FIVE, *["a.example"] * 5)
    with pytest.raises(OverBudget) as over:
        await spend(context, FIVE, host="a.example")
    assert not over.value.for_now


@pytest.mark.parametrize("allowance", [budgets.STRANGERS_POSTS, budgets.REMEMBERED_DEEDS, budgets.MOVES])
def test_no_domain_can_spend_the_share_of_all(allowance: Allowance) -> None:
    assert allowance.in_all is not None
    assert allowance.in_all >= 10 * allowance.limit
