"""Keeps what came in until it is dealt with, sealed; then only enough to recognise it again. Nothing is done twice."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, CursorResult, delete, func, select, update
from sqlmodel import SQLModel, col

from crypto.sealing import Cell
from crypto.tokens import random_id
from federation.context import Context
from federation.origin import host_of, origin_of
from federation.upserts import insert_into
from models import ActivityTally, InboxItem, Tombstone

State = Literal["waiting", "done", "dead"]

_items = SQLModel.metadata.tables[str(InboxItem.__tablename__)]
_tallies = SQLModel.metadata.tables[str(ActivityTally.__tablename__)]

TRANSITIONS: dict[State, frozenset[State]] = {
    "waiting": frozenset({"waiting", "done", "dead"}),
    "done": frozenset(),
    "dead": frozenset(),
}
"""From which state to which; `waiting` to `waiting` is a later attempt."""

KEEP = {"done": timedelta(days=30), "dead": timedelta(days=7)}
"""How long a row outlives its end. Done rows hold no body, only what recognises a repeat."""

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
    """An authenticated activity about to be stored."""

    incoming: Incoming
    activity_id: str
    verb: str

    @property
    def host(self) -> str:
        """The host of its signer."""
        return host_of(self.incoming.signer)


@dataclass(frozen=True, slots=True)
class Claim:
    """An item leased for one attempt. The number of the attempt is the fence against a slower claimant."""

    id: str
    host: str
    attempt: int
    sealed_body: bytes


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
    item_id, incoming = random_id(), arrival.incoming
    content = {
        "body": incoming.body.decode(),
        "signer": incoming.signer,
        "recipient": incoming.recipient_id,
        "forwarded": incoming.forwarded,
        "synchronization": incoming.synchronization,
    }
    key = f"{origin_of(incoming.signer)}\n{arrival.activity_id}"
    return {
        "id": item_id,
        "activity_index": context.vault.index("inbox_items.activity", key),
        "host": arrival.host,
        "sealed_body": await context.vault.seal(_cell(item_id), json.dumps(content).encode()),
        "state": "waiting",
        "attempts": 0,
        "due": context.now,
        "received_at": context.now,
    }


async def crowded_among(context: Context, hosts: Collection[str], *, limit: int) -> frozenset[str]:
    """Those of the hosts of which `limit` items wait already."""
    statement = (
        select(col(InboxItem.host))
        .where(col(InboxItem.state) == "waiting", col(InboxItem.host).in_(hosts))
        .group_by(col(InboxItem.host))
        .having(func.count() >= limit)
    )
    return frozenset((await context.session.execute(statement)).scalars())


async def claim(context: Context, limit: int, *, but: Collection[str] = ()) -> list[Claim]:
    """Leases the items that are due, oldest first, `but` those of some hosts.

    Moves their due time on, so that a crash loses nothing.
    """
    due = (
        select(InboxItem)
        .where(col(InboxItem.state) == "waiting", col(InboxItem.due) <= context.now)
        .where(col(InboxItem.host).not_in(but))
        .order_by(col(InboxItem.due), col(InboxItem.received_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await context.session.execute(due)).scalars().all()
    for row in rows:
        row.attempts += 1
        row.due = context.now + LEASE
    await context.session.flush()
    return [Claim(row.id, row.host, row.attempts, row.sealed_body) for row in rows if row.sealed_body is not None]


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


async def hold(context: Context, claim: Claim) -> None:
    """Locks a claimed item until the unit of work ends: of two claimants one goes on. Raises `LeaseLost`."""
    statement = select(col(InboxItem.id)).where(*_held(claim)).with_for_update()
    if (await context.session.execute(statement)).first() is None:
        raise LeaseLost


async def advance(context: Context, claim: Claim, state: State, *, outcome: str | None = None) -> None:
    """Ends a claimed item, or puts it back to wait (growing intervals) for its next attempt.

    A done item's body is blanked. Raises `LeaseLost` when the claim is no longer the newest one, `ValueError` for a
    state that cannot follow.
    """
    if state not in TRANSITIONS["waiting"]:
        raise ValueError(f"waiting cannot become {state}")
    changes: dict[str, Any] = {"state": state, "outcome": outcome}
    if state == "waiting":
        changes["due"] = context.now + BACKOFF[min(claim.attempt, len(BACKOFF)) - 1]
    else:
        changes["delete_after"] = context.now + KEEP[state]
    if state == "done":
        changes["sealed_body"] = None
    if not await _change(context, claim, changes):
        raise LeaseLost


async def hand_back(context: Context, claims: Sequence[Claim], *, until: datetime) -> None:
    """Gives claims back untried; they do not count as attempts."""
    for claim in claims:
        await _change(context, claim, {"due": until, "attempts": claim.attempt - 1})


async def tally(context: Context, verb: str, outcome: str) -> None:
    """Counts one activity of a verb that ended so, today."""
    statement = insert_into(context, _tallies).values(day=context.now.date(), verb=verb[:32], outcome=outcome, count=1)
    counted = statement.on_conflict_do_update(
        index_elements=["day", "verb", "outcome"], set_={"count": col(ActivityTally.count) + 1}
    )
    await context.session.execute(counted)


async def sweep(context: Context) -> int:
    """Deletes what is kept no longer: ended items, and notes of what was deleted before it came. Returns how many."""
    expired: list[tuple[type[InboxItem] | type[Tombstone], ColumnElement[bool]]] = [
        (InboxItem, col(InboxItem.delete_after) <= context.now),
        (Tombstone, col(Tombstone.expires_at) <= context.now),
    ]
    return sum([_changed(await context.session.execute(delete(model).where(old))) for model, old in expired])


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


def _cell(item_id: str) -> Cell:
    return Cell("inbox_items", "sealed_body", item_id, "server")
