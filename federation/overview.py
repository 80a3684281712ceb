"""Shows the state of the wire by server and by day, never by person."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Integer, func, select
from sqlmodel import col

from federation.context import Context
from models import ActivityTally, Delivery, DomainBlock, InboxItem, RemoteHost

TALLY_DAYS = 7


@dataclass(frozen=True, slots=True)
class HostState:
    """One server: what waits for it, what was given up, and how it is doing."""

    host: str
    waiting: int
    dead: int
    failures: int
    paused_until: datetime | None
    signature_spec: str | None
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole wire at one moment."""

    hosts: tuple[HostState, ...]
    inbox_waiting: int
    inbox_oldest: datetime | None
    tallies: tuple[tuple[str, str, int], ...]
    blocked: tuple[str, ...]


async def overview(context: Context) -> Overview:
    """Counts what waits in and out, and what came in during the last seven days, by verb and outcome."""
    waiting = func.sum((col(Delivery.state) == "waiting").cast(Integer))
    dead = func.sum((col(Delivery.state) == "dead").cast(Integer))
    rows = await context.session.execute(
        select(RemoteHost, func.coalesce(waiting, 0), func.coalesce(dead, 0), func.min(col(Delivery.due)))
        .outerjoin(Delivery, col(Delivery.host) == col(RemoteHost.host))
        .group_by(col(RemoteHost.host))
        .order_by(col(RemoteHost.host))
    )
    hosts = tuple(
        HostState(row.host, queued, given_up, row.failures, row.paused_until, row.signature_spec, oldest)
        for row, queued, given_up, oldest in rows
    )
    inbox = select(func.count(), func.min(col(InboxItem.received_at))).where(col(InboxItem.state) == "waiting")
    inbox_waiting, inbox_oldest = (await context.session.execute(inbox)).one()
    blocked = (
        await context.session.execute(select(col(DomainBlock.domain)).order_by(col(DomainBlock.domain)))
    ).scalars()
    return Overview(hosts, inbox_waiting, inbox_oldest, await _tallies(context, context.now.date()), tuple(blocked))


async def _tallies(context: Context, today: date) -> tuple[tuple[str, str, int], ...]:
    verb, outcome, count = col(ActivityTally.verb), col(ActivityTally.outcome), func.sum(col(ActivityTally.count))
    since = today - timedelta(days=TALLY_DAYS)
    statement = select(verb, outcome, count).where(col(ActivityTally.day) > since).group_by(verb, outcome)
    rows = await context.session.execute(statement.order_by(verb, outcome))
    return tuple((row[0], row[1], int(row[2])) for row in rows)
