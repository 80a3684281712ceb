"""Keeps what came in until it is dealt with, sealed; then only enough to recognise it again. Nothing is done twice."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, bindparam, delete, func, or_, select, update
from sqlmodel import SQLModel, col

from crypto.sealing import Cell
from crypto.tokens import random_id
from federation.context import Context
from federation.domains import registrable
from federation.memory import Gauge
from federation.origin import host_of, origin_of
from federation.upserts import insert_into
from models import ActivityTally, InboxItem, Tombstone

_items = SQLModel.metadata.tables[str(InboxItem.__tablename__)]
_tallies = SQLModel.metadata.tables[str(ActivityTally.__tablename__)]

KEEP = {"done": timedelta(days=30), "dead": timedelta(days=7)}
"""How long a row outlives its end. Done rows hold no body, only what recognises a repeat."""

KEEP_TALLIES = timedelta(days=30)
"""How long it is known how many activities of a day ended how."""

MOST_REMEMBERED = 1_000_000
"""Done rows that are kept at most. A request repeated later than its signature's window fails without them; an
activity with a proof of its own (FEP-8b32) could come a second time if so many others were dealt with in between."""

LEASE = timedelta(minutes=10)
"""How long a claimed item is left to its claimant before others may take it for lost."""

MAX_ATTEMPTS = 8

BACKOFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720))
"""Waits after the first attempt, the second, and so on: about a day in all."""


class LeaseLost(Exception):
    """Somebody else took the item over, or ended it. What was done for it must be rolled back."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sender is told. Errors name no actor, key or address."""

    status: int
    error: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """An activity as it came in. `signer` is the verified owner of the key; `recipient_id` the owner of the inbox.

    `forwarded`: the signer handed on somebody else's activity, and vouches for nothing in it. `synchronization`:
    the Collection-Synchronization header, where the actor's signature covers it (FEP-8fcf).
    """

    body: bytes
    signer: str
    recipient_id: str | None = None
    forwarded: bool = False
    synchronization: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """An authenticated activity about to be stored. `content` is all of it that will be sealed."""

    signer: str
    activity_id: str
    verb: str
    content: bytes

    @property
    def host(self) -> str:
        """The host of its signer."""
        return host_of(self.signer)

    @property
    def domain(self) -> str:
        """The registrable domain of its signer, by which limits count."""
        return registrable(self.host)


@dataclass(slots=True)
class Load:
    """What waits, or waited in vain and is kept: how many items, and how many bytes."""

    items: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """An item leased for one attempt. The number of the attempt is the fence against a slower claimant."""

    id: str
    host: str
    attempt: int
    received_at: datetime
    sealed_body: bytes


def pack(incoming: Incoming, *, activity_id: str, verb: str) -> Arrival:
    """Makes an arrival of what came in."""
    content = {
        "body": incoming.body.decode(),
        "signer": incoming.signer,
        "recipient": incoming.recipient_id,
        "forwarded": incoming.forwarded,
        "synchronization": incoming.synchronization,
    }
    return Arrival(incoming.signer, activity_id, verb, json.dumps(content).encode())


async def put(context: Context, arrivals: Sequence[Arrival]) -> int:
    """Stores authenticated activities, and returns how many were new.

    One that the same signer's origin has sent before is passed over (HOSTILE A7, A8).
    """
    if not arrivals:
        return 0
    rows = [await _row(context, arrival) for arrival in arrivals]
    statement = insert_into(context, _items).on_conflict_do_nothing(index_elements=["activity_index"])
    return len((await context.session.execute(statement.returning(_items.c.id), rows)).all())


async def _row(context: Context, arrival: Arrival) -> dict[str, Any]:
    item_id = random_id()
    sealed = await context.vault.seal(_cell(item_id), arrival.content)
    key = f"{origin_of(arrival.signer)}\n{arrival.activity_id}"
    return {
        "id": item_id,
        "activity_index": context.vault.index("inbox_items.activity", key),
        "host": arrival.host,
        "domain": arrival.domain,
        "size": len(sealed),
        "sealed_body": sealed,
        "state": "waiting",
        "attempts": 0,
        "due": context.now,
        "received_at": context.now,
    }


async def loads_of(context: Context, domains: Collection[str]) -> dict[str, Load]:
    """What is kept of each of these registrable domains, read from an index alone."""
    domain = col(InboxItem.domain)
    statement = (
        select(domain, func.count(), func.sum(col(InboxItem.size)))
        .where(domain.in_(domains), col(InboxItem.state).in_(("waiting", "dead")))
        .group_by(domain)
    )
    found = {name: Load(items, int(size)) for name, items, size in await context.session.execute(statement)}
    return {name: found.get(name) or Load() for name in domains}


async def measure(context: Context, gauge: Gauge) -> None:
    """Counts what is kept of all domains, if that was not done within the last second."""
    if gauge.is_stale(context.now):
        # What is done belongs to no domain: the index leads past it.
        statement = select(func.count(), func.sum(col(InboxItem.size))).where(col(InboxItem.domain) > "")
        items, size = (await context.session.execute(statement)).one()
        gauge.set(items, int(size or 0), context.now)


async def claim(context: Context, limit: int, *, but: Collection[str] = ()) -> list[Claim]:
    """Leases the items that are due, oldest first, `but` those of some hosts.

    Moves their due time on, so that a crash loses nothing.
    """
    columns = (_items.c.id, _items.c.host, _items.c.attempts, _items.c.received_at, _items.c.sealed_body)
    due = (
        select(*columns)
        .where(_items.c.state == "waiting", _items.c.due <= context.now)
        .where(_items.c.host.not_in(but))
        .order_by(_items.c.due, _items.c.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await context.session.execute(due)).all()
    if rows:
        leased = update(_items).where(_items.c.id.in_([row.id for row in rows]))
        await context.session.execute(leased.values(attempts=_items.c.attempts + 1, due=context.now + LEASE))
    return [
        Claim(row.id, row.host, row.attempts + 1, row.received_at, row.sealed_body)
        for row in rows
        if row.sealed_body is not None
    ]


async def open_body(context: Context, claim: Claim) -> Incoming:
    """Opens what was stored. Raises `crypto.sealing.CannotOpen`."""
    content = json.loads(await context.vault.open(_cell(claim.id), claim.sealed_body))
    return Incoming(
        body=content["body"].encode(),
        signer=content["signer"],
        recipient_id=content["recipient"],
        forwarded=content["forwarded"],
        synchronization=content["synchronization"],
    )


async def hold(context: Context, claims: Sequence[Claim]) -> set[str]:
    """Locks claimed items until the unit of work ends, and returns the ids of those that are still this claimant's."""
    asked = (
        select(_items.c.id, _items.c.attempts)
        .where(_items.c.id.in_([claim.id for claim in claims]), _items.c.state == "waiting")
        .order_by(_items.c.id)
        .with_for_update()
    )
    attempts = {row.id: row.attempts for row in (await context.session.execute(asked)).all()}
    return {claim.id for claim in claims if attempts.get(claim.id) == claim.attempt}


async def finish(context: Context, ended: Sequence[tuple[Claim, str]]) -> None:
    """Ends items that are held, each with its outcome.

    Of a done item nothing stays that tells from whom it came, or more than the day.
    """
    if not ended:
        return
    emptied = update(_items).where(_items.c.id == bindparam("row"))
    values: dict[str, Any] = {
        "state": "done",
        **{"sealed_body": None, "size": 0, "host": "", "domain": ""},
        "outcome": bindparam("ended"),
        "received_at": bindparam("day"),
        "due": _midnight(context.now),
        "delete_after": _midnight(context.now + KEEP["done"] + timedelta(days=1)),
    }
    rows = [{"row": claim.id, "ended": outcome, "day": _midnight(claim.received_at)} for claim, outcome in ended]
    await context.session.execute(emptied.values(**values), rows)


async def put_off(context: Context, claim: Claim, *, last: bool) -> None:
    """Puts a claimed item back to wait (growing intervals) for its next attempt; with `last` there is none.

    A dead one is kept whole for a week. Raises `LeaseLost` when the claim is no longer the newest one.
    """
    if last:
        changes: dict[str, Any] = {"state": "dead", "delete_after": context.now + KEEP["dead"]}
    else:
        changes = {"due": context.now + BACKOFF[min(claim.attempt, len(BACKOFF)) - 1]}
    if not await _change(context, claim, changes):
        raise LeaseLost


async def hand_back(context: Context, claims: Sequence[Claim], *, until: datetime) -> None:
    """Gives claims back untried; they do not count as attempts."""
    for claim in claims:
        await _change(context, claim, {"due": until, "attempts": claim.attempt - 1})


async def tally(context: Context, counts: Mapping[tuple[str, str], int]) -> None:
    """Counts activities that ended today, by verb and outcome."""
    for (verb, outcome), count in sorted(counts.items()):
        row = {"day": context.now.date(), "verb": verb[:32], "outcome": outcome, "count": count}
        counted = insert_into(context, _tallies).values(row)
        more = counted.on_conflict_do_update(
            index_elements=["day", "verb", "outcome"], set_={"count": _tallies.c.count + counted.excluded.count}
        )
        await context.session.execute(more)


async def release_all(context: Context) -> None:
    """Makes due what a claimant that crashed may have held, for whoever knows itself to be the only one there is."""
    held = (_items.c.state == "waiting") & (_items.c.attempts > 0) & (_items.c.due <= context.now + LEASE)
    await context.session.execute(update(_items).where(held).values(due=context.now))


async def mend_times(context: Context) -> int:
    """Makes due at once what lies further ahead than anything is put off: the clock was ahead, and went back since."""
    waits = [max(LEASE, wait) for wait in (LEASE, *BACKOFF)]
    too_far = or_(*((_items.c.attempts == n) & (_items.c.due > context.now + most) for n, most in enumerate(waits)))
    mended = update(_items).where(_items.c.state == "waiting", too_far).values(due=context.now)
    context.wake("inbox")
    return _changed(await context.session.execute(mended))


async def sweep(context: Context) -> int:
    """Deletes what is kept no longer: ended items, notes of what was deleted before it came, old counts.

    Beyond `MOST_REMEMBERED`, the done items go that would expire first. Returns how many rows went.
    """
    expired: list[tuple[type[InboxItem] | type[Tombstone] | type[ActivityTally], ColumnElement[bool]]] = [
        (InboxItem, col(InboxItem.delete_after) <= context.now),
        (Tombstone, col(Tombstone.expires_at) <= context.now),
        (ActivityTally, col(ActivityTally.day) < (context.now - KEEP_TALLIES).date()),
    ]
    swept = [_changed(await context.session.execute(delete(model).where(old))) for model, old in expired]
    return sum(swept) + await _forget_most(context)


async def _forget_most(context: Context) -> int:
    is_done = col(InboxItem.state) == "done"
    count = (await context.session.execute(select(func.count()).select_from(InboxItem).where(is_done))).scalar_one()
    if count <= MOST_REMEMBERED:
        return 0
    first = select(col(InboxItem.id)).where(is_done).order_by(col(InboxItem.delete_after))
    statement = delete(InboxItem).where(col(InboxItem.id).in_(first.limit(count - MOST_REMEMBERED)))
    return _changed(await context.session.execute(statement, execution_options={"synchronize_session": False}))


async def _change(context: Context, claim: Claim, changes: dict[str, Any]) -> bool:
    statement = update(InboxItem).where(*_held(claim)).values(**changes)
    return _changed(await context.session.execute(statement)) == 1


def _held(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        col(InboxItem.id) == claim.id,
        col(InboxItem.state) == "waiting",
        col(InboxItem.attempts) == claim.attempt,
    )


def _changed(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC), time(), UTC)


def _cell(item_id: str) -> Cell:
    return Cell("inbox_items", "sealed_body", item_id, "server")
