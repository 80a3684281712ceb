"""How much may wait, of one domain and of all; and what is left of it afterwards."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from federation import inbox_items
from federation.inbox import sweep
from federation.inbox_items import KEEP
from models import ActivityTally, InboxItem
from tests.conftest import Clock
from tests.federation.running import Running
from tests.federation.strangers import Stranger, strangers


@pytest.fixture
async def bob(clock: Clock) -> AsyncIterator[Stranger]:
    async with strangers("bob", clock=clock) as (made,):
        yield at(made, "bob", "good.localhost")


def at(stranger: Stranger, name: str, host: str) -> Stranger:
    """Another account on the stranger's server, under another name of that server."""
    other = replace(stranger, name=name, host=host)
    other.publish()
    return other


async def like(us: Running, sender: Stranger, number: int, **how: Any) -> int:
    activity = sender.activity("Like", sender.uri("n/1"), f"a/{sender.name}/{number}", **how)
    return (await us.post(sender, activity)).status_code


async def test_a_domain_has_one_share_under_all_its_names(
    us: Running, bob: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1, C13: a subdomain for each activity, and the same server under two ports, are one sender."""
    monkeypatch.setattr("federation.inbox.MOST_WAITING", 4)
    evils = [at(bob, f"evil{number}", f"n{number}.evil.localhost") for number in range(6)]
    assert [await like(us, evil, 1) for evil in evils] == [202] * 4 + [429] * 2
    assert await like(us, bob, 1) == 202
    async with strangers("port", clock=bob.clock) as (port,):
        assert await like(us, at(port, "port", "n9.evil.localhost"), 1) == 429
    await us.process()
    assert await like(us, evils[5], 1) == 202


async def test_of_many_at_once_no_more_are_taken(us: Running, bob: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    await like(us, bob, 0)
    monkeypatch.setattr("federation.inbox.MOST_WAITING", 4)
    statuses = await asyncio.gather(*(like(us, bob, number) for number in range(1, 21)))
    assert sorted(statuses) == [202] * 3 + [429] * 17
    assert len(await us.items()) == 4


async def test_bytes_count_as_well(us: Running, bob: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federation.inbox.LARGEST_WAITING", 100_000)
    assert [await like(us, bob, number, padding="x" * 40_000) for number in range(3)] == [202, 202, 429]
    assert await like(us, bob, 4) == 202
    async with us.database.reading() as context:
        sizes = (await context.session.execute(select(InboxItem))).scalars().all()
    assert all(item.size == len(item.sealed_body or b"") > 0 for item in sizes)


async def test_what_was_given_up_counts_until_it_goes(
    us: Running, bob: Stranger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead item keeps its body, its host and its domain for a week, for the operator."""
    monkeypatch.setattr("federation.inbox.MOST_WAITING", 2)
    for number in range(2):
        await like(us, bob, number)
    async with us.database.writing() as context:
        for claim in await inbox_items.claim(context, 10):
            await inbox_items.put_off(context, claim, last=True)
    for item in await us.items():
        assert (item.state, item.host, item.domain) == ("dead", f"good.localhost:{bob.peer.port}", "good.localhost")
        assert item.size == len(item.sealed_body or b"") > 0
        assert item.delete_after == clock.now + KEEP["dead"]
    assert await like(us, bob, 3) == 429
    clock.advance(days=7)
    async with us.database.writing() as context:
        await sweep(context)
    assert await like(us, bob, 3) == 202


@pytest.mark.parametrize(("limit", "most"), [("MOST_IN_ALL", 12), ("LARGEST_IN_ALL", 120_000)])
async def test_when_room_runs_out_the_heaviest_are_refused_first(
    us: Running, bob: Stranger, clock: Clock, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(f"federation.inbox.{limit}", most)
    evils = [at(bob, f"evil{number}", f"evil{number}.localhost") for number in range(3)]
    statuses = [[await like(us, evil, n, padding="x" * 9_000) for n in range(12)] for evil in evils]
    assert [row.count(202) for row in statuses] == [6, 3, 2], "each as much as is left free then"
    assert await like(us, bob, 1, padding="x" * 9_000) == 202, "who has nothing here is heard"
    assert await like(us, bob, 2, padding="x" * 9_000) == 429
    assert await like(us, at(bob, "last", "last.localhost"), 1, padding="x" * 9_000) == 429, "full for everybody"
    await us.process()
    clock.advance(seconds=1)
    assert await like(us, evils[0], 20, padding="x" * 9_000) == 202


async def test_nothing_at_rest_tells_from_whom_it_came(us: Running, bob: Stranger, clock: Clock) -> None:
    """A done item is a keyed hash, how it ended, and days."""
    await like(us, bob, 1)
    clock.advance(hours=5)
    await us.process()
    (item,) = await us.items()
    assert (item.state, item.outcome) == ("done", "done")
    assert (item.host, item.domain, item.size, item.sealed_body) == ("", "", 0, None)
    assert (item.received_at, item.due) == (datetime(2026, 6, 7, tzinfo=UTC), datetime(2026, 6, 8, tzinfo=UTC))
    assert item.delete_after == datetime(2026, 7, 9, tzinfo=UTC)
    assert await like(us, bob, 1) == 202
    assert len(await us.items()) == 1, "a repeat is known all the same"


async def test_what_is_done_has_a_cap(
    us: Running, bob: Stranger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_items, "MOST_REMEMBERED", 3)
    for number in range(5):
        await like(us, bob, number)
        await us.process()
        clock.advance(days=1)
    newest = {item.id for item in await us.items() if item.received_at > clock.now - timedelta(days=4)}
    await like(us, bob, 9)
    async with us.database.writing() as context:
        assert await sweep(context) == 2
    assert {item.id for item in await us.items() if item.state == "done"} == newest
    assert len(await us.items()) == 4, "what waits is not touched"


async def test_counts_of_days_go_in_time(us: Running, bob: Stranger, clock: Clock) -> None:
    """They hold verbs of ours only, whatever strangers invent, and a month of them."""
    for number in range(4):
        await us.post(bob, bob.activity(f"Verb{number}", bob.uri("n/1"), f"a/{number}"))
    await us.process()
    for days, left in ((30, 1), (1, 0)):
        clock.advance(days=days)
        async with us.database.writing() as context:
            await sweep(context)
            assert len((await context.session.execute(select(ActivityTally))).scalars().all()) == left


async def test_limits_are_read_from_an_index_alone(us: Running, bob: Stranger) -> None:
    """However much was done before: a million rows of it are passed over."""
    async with us.database.writing() as context:
        await like_rows(context.session, 3_000)
    async with us.database.reading() as context:
        seen = await inbox_items.loads_of(context, {"evil.example", "other.example", "none.example"})
        assert {name: (load.items, load.size) for name, load in seen.items()} == {
            "evil.example": (20, 200),
            "other.example": (20, 200),
            "none.example": (0, 0),
        }
        gauge = us.federation.memory.inbox
        await inbox_items.measure(context, gauge)
        assert (gauge.items, gauge.size) == (40, 400)
        per_domain = "SELECT domain, count(*), sum(size) FROM inbox_items WHERE domain IN ('a', 'b')"
        per_domain += " AND state IN ('waiting', 'dead') GROUP BY domain"
        for statement in (per_domain, "SELECT count(*), sum(size) FROM inbox_items WHERE domain > ''"):
            plan = await _plan(context.session, statement)
            assert "ix_inbox_items_domain_state" in plan
            assert "COVERING INDEX" in plan or "Index Only Scan" in plan, plan


async def like_rows(session: Any, done: int) -> None:
    """Rows of every state, most of them done."""
    common = {"attempts": 1, "due": datetime(2026, 6, 7, tzinfo=UTC), "received_at": datetime(2026, 6, 7, tzinfo=UTC)}
    rows = [
        {"id": f"d{n}", "activity_index": n.to_bytes(16), "host": "", "domain": "", "size": 0, "state": "done"}
        for n in range(done)
    ]
    for domain, state in (("evil.example", "waiting"), ("other.example", "dead")):
        rows += [
            {
                "id": f"{state}{n}",
                "activity_index": (len(rows) + n).to_bytes(16),
                "host": f"n{n}.{domain}",
                "domain": domain,
                "size": 10,
                "state": state,
            }
            for n in range(20)
        ]
    await session.execute(InboxItem.__table__.insert(), [row | common for row in rows])  # type: ignore[attr-defined]


async def _plan(session: Any, statement: str) -> str:
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        await session.execute(text("SET LOCAL enable_bitmapscan = off"))
        explained = await session.execute(text(f"EXPLAIN {statement}"))
        return "\n".join(row[0] for row in explained)
    explained = await session.execute(text(f"EXPLAIN QUERY PLAN {statement}"))
    return "\n".join(row[3] for row in explained)
