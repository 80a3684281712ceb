"""Looks after the queue of deliveries from outside: when is it due, who is alive again, what can be forgotten."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, exists, func, or_, select, update
from sqlmodel import SQLModel

from federation import departures
from federation.context import Context
from federation.outbox import is_finished, is_sent
from federation.schedule import (
    DELAYS,
    JITTER,
    KEEP_DEAD,
    LEASE,
    LIFETIME,
    LONGEST_PAUSE,
    LONGEST_RETRY_AFTER,
    LONGEST_SPREAD,
)
from models import Delivery, OutboxItem, RemoteHost

HOST_LIFETIME = timedelta(days=90)
"""How long a server is remembered that neither sent nor took anything (HOSTILE-PEERS C13)."""

_deliveries = SQLModel.metadata.tables[str(Delivery.__tablename__)]
_hosts = SQLModel.metadata.tables[str(RemoteHost.__tablename__)]
_items = SQLModel.metadata.tables[str(OutboxItem.__tablename__)]


async def next_due(context: Context) -> datetime | None:
    """When some server has to be looked at next, pauses and leases counted; None while nothing is queued."""
    moment = _later(_later(_hosts.c.due, _hosts.c.paused_until), _hosts.c.lease_until)
    statement = select(func.min(moment)).where(_hosts.c.due.is_not(None))
    earliest: datetime | None = (await context.session.execute(statement)).scalar_one()
    return earliest


async def note_alive(context: Context, hosts: Collection[str]) -> None:
    """Closes the breaker of servers that have just sent us something authenticated, and remembers the day.

    A pause that a server itself asked for is kept. Servers to which nothing was ever sent get no row.
    """
    today = context.now.date()
    unseen = or_(_hosts.c.last_seen_on.is_(None), _hosts.c.last_seen_on != today)
    columns = select(_hosts.c.host, _hosts.c.failures)
    changed = columns.where(_hosts.c.host.in_(hosts), or_(_hosts.c.failures > 0, unseen)).order_by(_hosts.c.host)
    # Locked in this order, as whoever queues deliveries does: two writers never wait in a ring.
    found = (await context.session.execute(changed.with_for_update())).all()
    if not found:
        return
    seen = update(_hosts).where(_hosts.c.host.in_([row.host for row in found])).values(last_seen_on=today)
    await context.session.execute(seen)
    failing = [row.host for row in found if row.failures]
    if failing:
        healed = update(_hosts).where(_hosts.c.host.in_(failing))
        await context.session.execute(healed.values(failures=0, failing_since=None, paused_until=None))
        context.wake("deliveries")


async def mend_times(context: Context, *, worker_id: str) -> int:
    """Makes due at once what lies further ahead than anything is ever put off; how many deliveries that were.

    So it is when the clock was ahead while they were queued or tried, and went back since. This worker's lanes keep
    their leases; those of others, who may have crashed, are cut to the usual length.
    """
    now = context.now
    # In the order in which whoever queues a delivery locks them: two who wait for each other end in an error.
    await context.session.execute(select(_hosts.c.host).order_by(_hosts.c.host).with_for_update())
    put_off = (LONGEST_SPREAD, *(max(delay * (1 + JITTER), LONGEST_RETRY_AFTER) for delay in DELAYS))
    too_far = or_(*((_deliveries.c.attempts == n) & (_deliveries.c.due > now + most) for n, most in enumerate(put_off)))
    mended = update(_deliveries).where(_deliveries.c.state == "waiting", too_far).values(due=now)
    count = len((await context.session.execute(mended.returning(_deliveries.c.number))).all())
    hosts = update(_hosts)
    too_long = (_hosts.c.lease_until > now + LEASE) & (_hosts.c.lease_holder != worker_id)
    await context.session.execute(hosts.where(too_long).values(lease_until=now + LEASE))
    await context.session.execute(hosts.where(_hosts.c.paused_until > now + LONGEST_PAUSE).values(paused_until=None))
    await context.session.execute(hosts.where(_hosts.c.due > now).values(due=now))
    context.wake("deliveries")
    return count


async def sweep(context: Context) -> int:
    """Gives up what is older than seven days and forgets what has ended; how many rows were deleted.

    Forgotten are dead deliveries after seven days, activities without deliveries, servers without deliveries that were
    not heard of for 90 days, or never, and servers that were left 180 days ago.
    """
    too_old = select(_items.c.id).where(_items.c.created_at <= context.now - LIFETIME)
    await context.session.execute(
        update(_deliveries)
        .where(_deliveries.c.state == "waiting", _deliveries.c.item_id.in_(too_old))
        .values(state="dead", delete_after=context.now + KEEP_DEAD)
    )
    forgotten = (
        delete(_deliveries).where(_deliveries.c.delete_after <= context.now).returning(_deliveries.c.item_id),
        delete(_items).where(is_finished()).returning(_items.c.id),
        delete(_hosts).where(_is_forgettable(context.now)).returning(_hosts.c.host),
    )
    count = sum([len((await context.session.execute(statement)).all()) for statement in forgotten])
    count += await departures.sweep(context)
    await context.session.execute(
        update(_items).where(is_sent(), func.length(_items.c.sealed_payload) > 0).values(sealed_payload=b"")
    )
    return count


def _is_forgettable(now: datetime) -> ColumnElement[bool]:
    idle = _hosts.c.due.is_(None) & or_(_hosts.c.lease_until.is_(None), _hosts.c.lease_until <= now)
    unseen = or_(_hosts.c.last_seen_on.is_(None), _hosts.c.last_seen_on < (now - HOST_LIFETIME).date())
    return idle & unseen & ~exists().where(_deliveries.c.host == _hosts.c.host)


def _later(one: ColumnElement[datetime], other: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return case((or_(other.is_(None), other <= one), one), else_=other)
