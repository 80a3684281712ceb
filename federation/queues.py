"""Measures what waits, in and out, by its age. Numbers for whoever watches the server: no host, no person."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import col

from federation.context import Context
from federation.pauses import paused_since
from federation.schedule import BREAKER_FAILURES
from models import ActivityTally, Delivery, InboxItem, OutboxItem, RemoteHost


@dataclass(frozen=True, slots=True)
class Queue:
    """One direction. `oldest`: when the oldest that waits came into being.

    `overdue_since`: since when something could have been done and nobody took it up; None when all that waits, waits
    for its time, or for a server that does not answer.
    """

    waiting: int
    dead: int
    oldest: datetime | None
    overdue_since: datetime | None
    paused_since: datetime | None


@dataclass(frozen=True, slots=True)
class Queues:
    """Both directions, and how the servers are doing that we deliver to."""

    inbound: Queue
    outbound: Queue
    breakers_open: int
    hosts_paused: int
    lanes: int


async def measure(context: Context) -> Queues:
    """Counts everything at this moment. Reads whole indexes: not for every request."""
    now, host = context.now, RemoteHost
    is_paused = col(host.paused_until) > now
    leased = col(host.lease_until) > now
    return Queues(
        inbound=await _inbound(context),
        outbound=await _outbound(context),
        breakers_open=await _count(context, col(host.failures) >= BREAKER_FAILURES),
        hosts_paused=await _count(context, is_paused),
        lanes=await _count(context, leased),
    )


async def activities_today(context: Context) -> list[tuple[str, str, int]]:
    """How many activities that came in ended how since midnight UTC, by verb and outcome, in all processes."""
    row = ActivityTally
    statement = select(col(row.verb), col(row.outcome), col(row.count)).where(col(row.day) == context.now.date())
    return [(verb, outcome, count) for verb, outcome, count in (await context.session.execute(statement)).all()]


async def overdue(context: Context) -> tuple[datetime | None, datetime | None]:
    """Since when something waits, in and out, that could have been done. Cheap: one look at an index each."""
    item, host = InboxItem, RemoteHost
    inbound = select(func.min(col(item.due))).where(col(item.state) == "waiting", col(item.due) <= context.now)
    awake = or_(col(host.paused_until).is_(None), col(host.paused_until) <= context.now)
    free = or_(col(host.lease_until).is_(None), col(host.lease_until) <= context.now)
    outbound = select(func.min(col(host.due))).where(col(host.due) <= context.now, awake, free)
    return (
        (await context.session.execute(inbound)).scalar_one(),
        (await context.session.execute(outbound)).scalar_one(),
    )


async def _inbound(context: Context) -> Queue:
    item = InboxItem
    waits = col(item.state) == "waiting"
    oldest = (await context.session.execute(select(func.min(col(item.received_at))).where(waits))).scalar_one()
    waiting, dead = await _states(context, item)
    return Queue(
        waiting=waiting,
        dead=dead,
        oldest=oldest,
        overdue_since=(await overdue(context))[0],
        paused_since=await paused_since(context, "in"),
    )


async def _outbound(context: Context) -> Queue:
    delivery = Delivery
    # Rows are numbered as they come: the first that waits belongs to the oldest activity.
    first = select(col(delivery.item_id)).where(col(delivery.state) == "waiting").order_by(col(delivery.number))
    created = select(col(OutboxItem.created_at)).where(col(OutboxItem.id) == first.limit(1).scalar_subquery())
    waiting, dead = await _states(context, delivery)
    return Queue(
        waiting=waiting,
        dead=dead,
        oldest=(await context.session.execute(created)).scalar_one_or_none(),
        overdue_since=(await overdue(context))[1],
        paused_since=await paused_since(context, "out"),
    )


async def _states(context: Context, model: type[Delivery | InboxItem]) -> tuple[int, int]:
    """How many wait and how many are dead, in one walk along an index."""
    states = select(col(model.state), func.count()).where(col(model.state).in_(("waiting", "dead")))
    found = {state: count for state, count in (await context.session.execute(states.group_by(col(model.state)))).all()}
    return found.get("waiting", 0), found.get("dead", 0)


async def _count(context: Context, which: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(RemoteHost).where(which)
    return int((await context.session.execute(counted)).scalar_one())
