"""Tries again, when the operator says so, what was given up or waits for its time."""

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlmodel import SQLModel

from federation.context import Context
from models import Delivery, InboxItem, OutboxItem, RemoteHost

_deliveries = SQLModel.metadata.tables[str(Delivery.__tablename__)]
_hosts = SQLModel.metadata.tables[str(RemoteHost.__tablename__)]
_inbox = SQLModel.metadata.tables[str(InboxItem.__tablename__)]
_items = SQLModel.metadata.tables[str(OutboxItem.__tablename__)]


@dataclass(frozen=True, slots=True)
class Retried:
    """How many deliveries are due now, and how many cannot be: their content went when they were given up."""

    due: int
    lost: int


async def retry_host(context: Context, host: str) -> Retried | None:
    """Makes all deliveries to a server due now, given up or not, with new attempts, and closes its breaker.

    What a blocked domain would get is given up again. None for a server to which nothing was ever queued.
    """
    known = await context.session.execute(select(_hosts.c.host).where(_hosts.c.host == host).with_for_update())
    if known.first() is None:
        return None
    to_it = (_deliveries.c.host == host) & _deliveries.c.state.in_(("waiting", "dead"))
    whole = _deliveries.c.item_id.in_(select(_items.c.id).where(func.length(_items.c.sealed_payload) > 0))
    lost = (await context.session.execute(select(func.count()).select_from(_deliveries).where(to_it, ~whole))).scalar()
    again = update(_deliveries).where(to_it, whole)
    fresh = {"state": "waiting", "due": context.now, "attempts": 0, "delete_after": None}
    due = len((await context.session.execute(again.values(**fresh).returning(_deliveries.c.number))).all())
    healed = {"failures": 0, "failing_since": None, "paused_until": None}
    await context.session.execute(
        update(_hosts).where(_hosts.c.host == host).values(**healed, **({"due": context.now} if due else {}))
    )
    context.wake("deliveries")
    return Retried(due, lost or 0)


async def retry_inbox(context: Context) -> int:
    """Puts received activities that were given up back to wait, with new attempts; how many."""
    dead = update(_inbox).where(_inbox.c.state == "dead", _inbox.c.sealed_body.is_not(None))
    fresh = {"state": "waiting", "due": context.now, "attempts": 0, "delete_after": None}
    revived = (await context.session.execute(dead.values(**fresh).returning(_inbox.c.id))).all()
    if revived:
        context.wake("inbox")
    return len(revived)
