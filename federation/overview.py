"""Shows the state of the wire by server and by day, never by person."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Integer, case, func, select
from sqlmodel import col

from federation.context import Context
from federation.queues import Queues, measure
from federation.schedule import Health
from models import ActivityTally, Delivery, DomainBlock, InboxItem, OutboxItem, RemoteHost

TALLY_DAYS = 7


@dataclass(frozen=True, slots=True)
class HostState:
    """One server: what waits for it, since when the oldest of that, what was given up, and how it is doing.

    `in_lane`: it is being delivered to at this moment. The breaker is open after enough failures in a row: then only
    a probe goes out, whenever a pause ends.
    """

    host: str
    waiting: int
    dead: int
    oldest: datetime | None
    in_lane: bool
    failures: int
    breaker_open: bool
    paused_until: datetime | None
    signature_spec: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """One server of which received activities wait, or were given up."""

    host: str
    waiting: int
    dead: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole wire at one moment. Servers with the oldest waiting first."""

    queues: Queues
    hosts: tuple[HostState, ...]
    sources: tuple[Source, ...]
    tallies: tuple[tuple[str, str, int], ...]
    blocked: tuple[str, ...]


async def overview(context: Context) -> Overview:
    """Counts what waits in and out, and what came in during the last seven days, by verb and outcome."""
    domains = select(col(DomainBlock.domain)).order_by(col(DomainBlock.domain))
    return Overview(
        queues=await measure(context),
        hosts=await _hosts(context),
        sources=await _sources(context),
        tallies=await _tallies(context, context.now.date()),
        blocked=tuple((await context.session.execute(domains)).scalars()),
    )


async def _hosts(context: Context) -> tuple[HostState, ...]:
    delivery, host = Delivery, RemoteHost
    waits = col(delivery.state) == "waiting"
    queued = (
        select(
            col(delivery.host).label("host"),
            func.sum(waits.cast(Integer)).label("waiting"),
            func.sum((col(delivery.state) == "dead").cast(Integer)).label("dead"),
            func.min(case((waits, col(delivery.number)))).label("first"),
        )
        .group_by(col(delivery.host))
        .subquery()
    )
    rows = await context.session.execute(
        select(host, queued.c.waiting, queued.c.dead, col(OutboxItem.created_at))
        .outerjoin(queued, queued.c.host == col(host.host))
        .outerjoin(delivery, col(delivery.number) == queued.c.first)
        .outerjoin(OutboxItem, col(OutboxItem.id) == col(delivery.item_id))
    )
    states = [_state(row, waiting or 0, dead or 0, oldest, context.now) for row, waiting, dead, oldest in rows]
    return tuple(sorted(states, key=lambda state: (state.oldest is None, state.oldest or context.now, state.host)))


def _state(row: RemoteHost, waiting: int, dead: int, oldest: datetime | None, now: datetime) -> HostState:
    health = Health(row.failures, row.failing_since, row.paused_until)
    return HostState(
        host=row.host,
        waiting=waiting,
        dead=dead,
        oldest=oldest,
        in_lane=row.lease_until is not None and row.lease_until > now,
        failures=row.failures,
        breaker_open=health.is_open,
        paused_until=row.paused_until if health.is_paused(now) else None,
        signature_spec=row.signature_spec,
    )


async def _sources(context: Context) -> tuple[Source, ...]:
    item = InboxItem
    waits = col(item.state) == "waiting"
    rows = await context.session.execute(
        select(
            col(item.host),
            func.sum(waits.cast(Integer)),
            func.sum((col(item.state) == "dead").cast(Integer)),
            func.min(case((waits, col(item.received_at)))),
        )
        .where(col(item.state).in_(("waiting", "dead")))
        .group_by(col(item.host))
    )
    found = [Source(host, int(waiting), int(dead), oldest) for host, waiting, dead, oldest in rows]
    return tuple(sorted(found, key=lambda source: (source.oldest is None, source.oldest or context.now, source.host)))


async def _tallies(context: Context, today: date) -> tuple[tuple[str, str, int], ...]:
    verb, outcome, count = col(ActivityTally.verb), col(ActivityTally.outcome), func.sum(col(ActivityTally.count))
    since = today - timedelta(days=TALLY_DAYS)
    statement = select(verb, outcome, count).where(col(ActivityTally.day) > since).group_by(verb, outcome)
    rows = await context.session.execute(statement.order_by(verb, outcome))
    return tuple((row[0], row[1], int(row[2])) for row in rows)
