"""Takes back what was queued and has not left yet. Never touches what another sender queued."""

from sqlalchemy import delete, select
from sqlmodel import col

from crypto.sealing import CannotOpen
from federation.context import Context
from federation.origin import BadUri, host_of
from federation.outbox import discard_finished, open_address
from models import Delivery, OutboxItem


async def withdraw(context: Context, *, sender_id: str, inbox: str) -> int:
    """Drops all that one sender still has waiting for one inbox, and returns how much that was (HOSTILE B17).

    Opens every waiting delivery of the sender to that host. What is being posted at this moment is not stopped.
    """
    try:
        host = host_of(inbox)
    except BadUri:
        return 0
    statement = (
        select(Delivery.__table__)  # type: ignore[attr-defined]
        .join(OutboxItem, col(OutboxItem.id) == col(Delivery.item_id))
        .where(col(OutboxItem.sender_id) == sender_id, col(Delivery.host) == host, col(Delivery.state) == "waiting")
    )
    dropped: dict[int, str] = {}
    for row in (await context.session.execute(statement)).all():
        try:
            address, _ = await open_address(context, row)
        except CannotOpen:
            continue
        if address == inbox:
            dropped[row.number] = row.item_id
    if dropped:
        context.wake("log")
        await context.session.execute(delete(Delivery).where(col(Delivery.number).in_(dropped)))
        await discard_finished(context, set(dropped.values()))
    return len(dropped)
