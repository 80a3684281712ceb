"""Sends to followers, however many there are: to a few at once, to many a part at a time, and in the order decided.

Who posts to a hundred thousand followers waits for one row. Its deliveries are written by the worker, server by
server; who unfollows before its turn gets nothing, and a crash goes on where the last part ended.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlmodel import SQLModel

from crypto.sealing import CannotOpen, Cell
from federation import follows, outbox
from federation.addressing import Recipient, narrow_inboxes, on_other_servers, shared_inboxes
from federation.context import Context
from federation.follows import Edge
from federation.outbox import SERVER_SCOPE, UNSENT_KINDS
from federation.runtime import Federation
from federation.vocabulary import Document
from models import Fanout, LocalActor

AT_ONCE = 500
"""Followers up to whom the deliveries are written with the deed itself."""

PART = 1_000
"""Followers of one part: some hundred milliseconds of work, and some ten of the one writer's time."""

LEASE = timedelta(minutes=1)
"""How long a part may take before another process takes the work for abandoned."""

_fanouts = SQLModel.metadata.tables[str(Fanout.__tablename__)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """`sent` are the inboxes that have their delivery already; `narrow` reaches whoever is alone on a server alone."""

    followee: str
    narrow: bool
    about: str
    scope: str
    synchronize_followers: bool
    sent: tuple[str, ...]


async def enqueue(
    context: Context,
    *,
    sender: LocalActor,
    activity: Document,
    narrow: bool,
    about: str,
    scope: str = SERVER_SCOPE,
    besides: Sequence[str] = (),
    elsewhere: Sequence[str] = (),
    synchronize_followers: bool = False,
    with_former_key: bool = False,
) -> None:
    """Queues an activity for the followers of its sender, and for the inboxes `besides`. Never commits.

    Inboxes `elsewhere` are on servers that need to hear it once, if nobody there is reached already. With `narrow`, for
    what is said to followers only, whoever is alone on a server receives at the own inbox (WIRE 6.2). All else is as
    `outbox.enqueue` promises. A Delete also calls off what is still to be sent of its object.
    """
    followee = context.origin.actor(sender.id)
    index = context.vault.index("fanouts.about", f"{sender.id}\n{about}")
    if activity.get("type") == "Delete":
        await _call_off(context, index)
    are_few = not await follows.more_follow_than(context, followee, AT_ONCE)
    now = [*(await _few(context, followee, narrow=narrow) if are_few else []), *besides]
    now += on_other_servers(elsewhere, than=now)
    job = _Job(
        followee=followee,
        narrow=narrow,
        about=about,
        scope=scope,
        synchronize_followers=synchronize_followers,
        sent=tuple(now),
    )
    item_id = await outbox.keep(context, sender, activity, scope, with_former_key=with_former_key)
    await _deliver(context, item_id, sender.id, activity, job, now)
    if are_few:
        await outbox.discard_finished(context, {item_id})  # there may have been nobody to send it to
    else:
        await _go_on_later(context, item_id, index, job)


async def _few(context: Context, followee: str, *, narrow: bool) -> list[str]:
    return _inboxes(await follows.followers_of(context, followee), narrow=narrow)


async def _go_on_later(context: Context, item_id: str, index: bytes, job: _Job) -> None:
    sealed = await context.vault.seal(_cell(item_id), json.dumps(asdict(job)).encode())
    await context.session.execute(insert(_fanouts).values(item_id=item_id, about_index=index, sealed_job=sealed))
    context.wake("fanouts")


async def work(federation: Federation) -> int:
    """Writes what deliveries are still to be written, until there are none; how many parts it wrote."""
    parts = 0
    while await _part(federation):
        parts += 1
    return parts


async def release_all(context: Context) -> None:
    """Takes back every lease: for a process that knows it is alone."""
    await context.session.execute(update(_fanouts).values(lease_until=None))


async def _part(federation: Federation) -> bool:
    async with federation.writing() as context:
        row = await _take(context)
    if row is None:
        return False
    async with federation.reading() as context:
        part = await _read(context, row)
    async with federation.writing() as context:
        if await _is_mine(context, row):
            await _write(context, row, part)
    return True


@dataclass(frozen=True, slots=True)
class _Part:
    """The next followers' inboxes, and the host index up to which they are all; None for the last part."""

    job: _Job
    activity: Document
    sender_id: str
    inboxes: Sequence[str]
    up_to: bytes | None


async def _read(context: Context, row: Row[Any]) -> _Part | None:
    """Opens many edges: without the writer's turn. None when a key was shredded, so that it never leaves."""
    try:
        job, activity, sender_id = await _open(context, row)
        edges, up_to = await follows.part_by_host(context, job.followee, after=row.done_up_to or b"", limit=PART)
    except CannotOpen:
        return None
    inboxes = [inbox for inbox in _inboxes(edges, narrow=job.narrow) if inbox not in job.sent]
    return _Part(job, activity, sender_id, inboxes, up_to)


async def _write(context: Context, row: Row[Any], part: _Part | None) -> None:
    this = _fanouts.c.number == row.number
    if part is not None:
        await _deliver(context, row.item_id, part.sender_id, part.activity, part.job, part.inboxes)
    if part is not None and part.up_to is not None:
        await context.session.execute(update(_fanouts).where(this).values(done_up_to=part.up_to, lease_until=None))
    else:
        await context.session.execute(delete(_fanouts).where(this))
        await outbox.discard_finished(context, {row.item_id})


async def _take(context: Context) -> Row[Any] | None:
    """The first that is to be worked on: one at a time, so that two about the same object keep their order."""
    first = select(_fanouts).order_by(_fanouts.c.number).limit(1).with_for_update()
    row = (await context.session.execute(first)).first()
    if row is None or (row.lease_until is not None and row.lease_until > context.now):
        return None
    leased = update(_fanouts).where(_fanouts.c.number == row.number).values(lease_until=context.now + LEASE)
    return (await context.session.execute(leased.returning(*_fanouts.c))).first()


async def _is_mine(context: Context, row: Row[Any]) -> bool:
    """Whether it was neither called off nor taken over meanwhile."""
    held = select(_fanouts.c.lease_until).where(_fanouts.c.number == row.number).with_for_update()
    return bool((await context.session.execute(held)).scalar_one_or_none() == row.lease_until)


async def _open(context: Context, row: Row[Any]) -> tuple[_Job, Document, str]:
    fields = json.loads(await context.vault.open(_cell(row.item_id), row.sealed_job))
    job = _Job(**(fields | {"sent": tuple(fields["sent"])}))
    sender_id, activity = await outbox.open_item(context, row.item_id, job.scope)
    return job, activity, sender_id


async def _deliver(
    context: Context, item_id: str, sender_id: str, activity: Document, job: _Job, inboxes: Sequence[str]
) -> None:
    await outbox.deliver(
        context,
        item_id,
        sender_id=sender_id,
        activity=activity,
        inboxes=inboxes,
        about=job.about,
        scope=job.scope,
        synchronize_followers=job.synchronize_followers,
    )


async def _call_off(context: Context, index: bytes) -> None:
    """Drops what is still to be sent to create or update an object that is deleted. What left has left."""
    pending = (await context.session.execute(select(_fanouts).where(_fanouts.c.about_index == index))).all()
    for row in pending:
        try:
            _, activity, _ = await _open(context, row)
        except CannotOpen:
            continue
        if activity.get("type") in UNSENT_KINDS:
            await context.session.execute(delete(_fanouts).where(_fanouts.c.number == row.number))
            await outbox.discard_finished(context, {row.item_id})


def _inboxes(edges: Iterable[Edge], *, narrow: bool) -> list[str]:
    recipients = [Recipient(edge.follower, edge.inbox, edge.shared_inbox) for edge in edges]
    return narrow_inboxes(recipients) if narrow else shared_inboxes(recipients)


def _cell(item_id: str) -> Cell:
    return Cell("fanouts", "sealed_job", item_id, SERVER_SCOPE)
