"""Queues pushes in the transaction of what they are about, hands them out, and books what came of them.

Whoever crashes loses what it had taken: it is sent again after a while.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import SQLModel, col

from crypto.sealing import CannotOpen, Cell
from crypto.tokens import random_id
from federation import follows
from federation.context import Context
from models import LocalActor, PushMessage
from server.organizing.notifications.records import Record
from server.push import subscriptions
from server.push.subscriptions import Subscription
from server.vault import SERVER_SCOPE

LANE = "pushes"

KEEP = timedelta(days=1)
"""After that nobody wants to be woken any more."""

MOST_WAITING = 100
"""Pushes on their way to one subscription; beyond, nothing is added."""

RETRIES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
_LEASE = timedelta(minutes=3)
"""Longer than a push may take."""

_messages = SQLModel.metadata.tables[str(PushMessage.__tablename__)]


@dataclass(frozen=True, slots=True)
class Message:
    """A push to be sent now: about which notification, to which subscription, for the how-manieth time."""

    id: str
    subscription: str
    notification: str
    attempts: int


async def enqueue(context: Context, receiver: LocalActor, about: Record) -> None:
    """Queues a push to every device of a receiver that wants one for this."""
    wanted = [
        each for each in await subscriptions.of_owner(context, receiver) if await _wants(context, each, receiver, about)
    ]
    for subscription in wanted:
        waiting = select(func.count()).where(col(PushMessage.subscription_id) == subscription.id)
        if (await context.session.execute(waiting)).scalar_one() >= MOST_WAITING:
            continue
        row_id = random_id()
        sealed = await context.vault.seal(_cell(row_id), json.dumps({"notification": about.id}).encode())
        await context.session.execute(
            insert(_messages).values(
                id=row_id,
                subscription_id=subscription.id,
                sealed_record=sealed,
                attempts=0,
                due=context.now,
                expires_at=context.now + KEEP,
            )
        )
        context.wake(LANE)


async def is_due(context: Context) -> bool:
    """Whether there is anything to send now."""
    is_due = col(PushMessage.due) <= context.now, col(PushMessage.expires_at) > context.now
    return (await context.session.execute(select(col(PushMessage.id)).where(*is_due).limit(1))).first() is not None


async def take(context: Context, limit: int) -> list[Message]:
    """Takes pushes that are due, so that nobody else does meanwhile."""
    due = select(_messages).where(_messages.c.due <= context.now, _messages.c.expires_at > context.now)
    chosen = due.order_by(_messages.c.due).limit(limit).with_for_update(skip_locked=True)
    rows = (await context.session.execute(chosen)).all()
    taken = update(_messages).where(_messages.c.id.in_([row.id for row in rows]))
    await context.session.execute(taken.values(due=context.now + _LEASE, attempts=_messages.c.attempts + 1))
    found = []
    for row in rows:
        try:
            fields = json.loads(await context.vault.open(_cell(row.id), row.sealed_record))
        except CannotOpen:
            await finish(context, [row.id])
            continue
        found.append(Message(row.id, row.subscription_id, fields["notification"], row.attempts + 1))
    return found


async def finish(context: Context, ids: Iterable[str]) -> None:
    """Forgets what was sent, or never will be."""
    await context.session.execute(delete(PushMessage).where(col(PushMessage.id).in_(list(ids))))


async def put_off(context: Context, message: Message, retry_after: timedelta | None) -> None:
    """Tries again later, as the push service wishes; after the last time never."""
    if message.attempts > len(RETRIES):
        await finish(context, [message.id])
        return
    later = max(RETRIES[message.attempts - 1], min(retry_after or timedelta(), KEEP))
    again = update(PushMessage).where(col(PushMessage.id) == message.id)
    await context.session.execute(again.values(due=context.now + later))


async def forget_owner(context: Context, owner: LocalActor) -> None:
    """Ends all subscriptions to what an actor is told, and what is on its way to them."""
    await subscriptions.forget_owner(context, owner)


async def mend_times(context: Context) -> int:
    """After the clock was set back, what waits for a time that was never meant is due now; how many."""
    too_far = update(PushMessage).where(col(PushMessage.due) > context.now + KEEP).values(due=context.now)
    return len((await context.session.execute(too_far.returning(col(PushMessage.id)))).all())


async def sweep(context: Context) -> None:
    """Drops what nobody wants to be woken for any more."""
    await context.session.execute(delete(PushMessage).where(col(PushMessage.expires_at) <= context.now))


async def _wants(context: Context, subscription: Subscription, receiver: LocalActor, about: Record) -> bool:
    if not subscription.alerts.get(about.kind, False) or subscription.of_whom == "none":
        return False
    if subscription.of_whom == "all":
        return True
    own = context.origin.actor(receiver.id)
    pair = (own, about.sender) if subscription.of_whom == "followed" else (about.sender, own)
    edge = await follows.find(context, follower=pair[0], followee=pair[1])
    return edge is not None and edge.state == "accepted"


def _cell(row: str) -> Cell:
    return Cell("push_messages", "sealed_record", row, SERVER_SCOPE)
