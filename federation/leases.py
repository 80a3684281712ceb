"""Hands servers out to lanes and books what came back. No server is in two hands, and nothing queued gets lost.

A lease ends by itself: whoever crashed loses it, and what was posted but not yet booked is posted again (receivers
know a repeated activity by its id). Here are only rows; the network is in `federation/delivery.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Exists, Row, and_, bindparam, delete, exists, func, or_, select, update
from sqlmodel import SQLModel

from crypto.sealing import CannotOpen
from federation import identities, outbox
from federation.blocks import blocked_among
from federation.client import Spec
from federation.context import Context
from federation.identities import NoSuchKey, Signer
from federation.schedule import KEEP_DEAD, LEASE, Health, Verdict
from models import Delivery, OutboxItem, RemoteHost

LAST_START = timedelta(seconds=90)
"""No post starts closer to the lease's end: two knocks take 30 s each at most, and booking takes its time."""
ROUND = 64
"""Deliveries of one server that are handed out at a time."""
SPEC_LIFETIME = timedelta(days=30)

_deliveries = SQLModel.metadata.tables[str(Delivery.__tablename__)]
_hosts = SQLModel.metadata.tables[str(RemoteHost.__tablename__)]
_items = SQLModel.metadata.tables[str(OutboxItem.__tablename__)]
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery, opened. `attempts` are those before this one; with a `former_signer` that one knocks first."""

    number: int
    item_id: str
    inbox: str
    attempts: int
    synchronize_followers: bool
    sender_id: str
    scope: str
    payload: bytes = field(repr=False)
    signer: Signer = field(repr=False)
    former_signer: Signer | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Work:
    """A leased server and what is due for it, oldest first. Empty work is never handed out."""

    host: str
    lease_until: datetime
    health: Health
    spec: Spec
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How one delivery ended, or when to try again."""

    parcel: Parcel
    verdict: Verdict
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """Work done: its results, the server's health after them, and the signature form it took, if it took any.

    With `go_on` the lane asks for more; the lease is renewed when there is some.
    """

    work: Work
    results: tuple[Result, ...]
    health: Health
    accepted_spec: Spec | None
    go_on: bool


async def take(
    context: Context, *, worker_id: str, limit: int, doubtful: int | None = None, busy: Collection[str] = ()
) -> list[Work]:
    """Leases servers for which something is due, longest waiting first; of those that failed last `doubtful` at most.

    `busy` are those that this worker's lanes have in hand: a lease of its own beside these is one of which it was not
    told, as the database went away. What is queued for a domain blocked since then is given up.
    """
    free = or_(
        _hosts.c.lease_until.is_(None),
        _hosts.c.lease_until <= context.now,
        and_(_hosts.c.lease_holder == worker_id, _hosts.c.host.not_in(busy)),
    )
    rows = await _due_hosts(context, and_(free, _hosts.c.failures == 0), limit)
    left = limit - len(rows)
    most = left if doubtful is None else min(left, doubtful)
    rows |= await _due_hosts(context, and_(free, _hosts.c.failures > 0), most)
    if not rows:
        return []
    blocked = await blocked_among(context, set(rows))
    if blocked:
        await _give_up(context, _deliveries.c.host.in_(sorted(blocked)) & (_deliveries.c.state == "waiting"))
    return await _hand_out(context, rows, worker_id)


async def _due_hosts(context: Context, which: ColumnElement[bool], limit: int) -> dict[str, Row[Any]]:
    if limit <= 0:
        return {}
    awake = or_(_hosts.c.paused_until.is_(None), _hosts.c.paused_until <= context.now)
    statement = (
        select(_hosts)
        .where(_hosts.c.due <= context.now, awake, which)
        .order_by(_hosts.c.due)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return {row.host: row for row in (await context.session.execute(statement)).all()}


async def settle(context: Context, rounds: Sequence[Round], *, worker_id: str) -> list[Work | None]:
    """Books what some lanes did and gives each its next work, or None, its server released.

    Results are booked even when a lease was lost meanwhile; a server's health is then left to the new holder.
    """
    hosts = {done.work.host for done in rounds}
    # Locked before its deliveries are read: what is queued at this moment is either seen or looked at afterwards.
    locked = select(_hosts).where(_hosts.c.host.in_(hosts)).order_by(_hosts.c.host).with_for_update()
    held = {row.host: row for row in (await context.session.execute(locked)).all()}
    mine = [done for done in rounds if _still_holds(held.get(done.work.host), done, worker_id)]
    await _book(context, [result for done in rounds for result in done.results])
    await _note_health(context, mine, held)
    going_on = {done.work.host for done in mine if done.go_on}
    fresh = await context.session.execute(select(_hosts).where(_hosts.c.host.in_(going_on)))
    works = await _hand_out(context, {row.host: row for row in fresh.all()}, worker_id)
    await _release(context, {done.work.host for done in mine} - going_on)
    by_host = {work.host: work for work in works}
    lost = {done.work.host for done in rounds} - {done.work.host for done in mine}
    return [None if done.work.host in lost else by_host.get(done.work.host) for done in rounds]


async def release_all(context: Context) -> None:
    """Ends every lease, for whoever knows itself to be the only worker there is: all were a crashed one's."""
    held = update(_hosts).where(_hosts.c.lease_until.is_not(None))
    await context.session.execute(held.values(lease_holder=None, lease_until=None))


async def _hand_out(context: Context, rows: Mapping[str, Row[Any]], worker_id: str) -> list[Work]:
    """Leases those of the servers that have something to send, and releases the others."""
    until = context.now + LEASE
    parcels = await _parcels(context, rows)
    if parcels:
        await context.session.execute(
            update(_hosts).where(_hosts.c.host.in_(parcels)).values(lease_holder=worker_id, lease_until=until)
        )
    await _release(context, set(rows) - set(parcels))
    return [
        Work(host, until, _health(rows[host]), _spec(rows[host], context.now), tuple(found))
        for host, found in parcels.items()
    ]


async def _parcels(context: Context, hosts: Iterable[str]) -> dict[str, list[Parcel]]:
    """What is due, opened, at most a round of it for each server. What cannot be opened or signed is given up."""
    due = await _due(context, hosts)
    item_ids = sorted({row.item_id for row in due})
    items: dict[str, Row[Any]] = {}
    for start in range(0, len(item_ids), _CHUNK):
        chunk = select(_items).where(_items.c.id.in_(item_ids[start : start + _CHUNK]))
        items |= {row.id: row for row in (await context.session.execute(chunk)).all()}
    opened: dict[tuple[str, str], bytes] = {}
    signers: dict[tuple[str, bool], Signer] = {}
    parcels: dict[str, list[Parcel]] = {}
    broken: list[int] = []
    for row in due:
        try:
            parcel = await _open(context, row, items[row.item_id], opened, signers)
        except (CannotOpen, NoSuchKey):
            broken.append(row.number)
        else:
            parcels.setdefault(row.host, []).append(parcel)
    if broken:
        await _give_up(context, _deliveries.c.number.in_(broken))
    return parcels


async def _open(
    context: Context,
    row: Row[Any],
    item: Row[Any],
    opened: dict[tuple[str, str], bytes],
    signers: dict[tuple[str, bool], Signer],
) -> Parcel:
    inbox, scope = await outbox.open_address(context, row)
    if (item.id, scope) not in opened:
        cell = outbox.payload_cell(item.id, scope)
        opened[item.id, scope] = await context.vault.open(cell, item.sealed_payload)
    for former in (False, item.with_former_key):
        if (item.sender_id, former) not in signers:
            signers[item.sender_id, former] = await identities.signer_for(context, item.sender_id, former=former)
    return Parcel(
        number=row.number,
        item_id=item.id,
        inbox=inbox,
        attempts=row.attempts,
        synchronize_followers=row.synchronize_followers,
        sender_id=item.sender_id,
        scope=scope,
        payload=opened[item.id, scope],
        signer=signers[item.sender_id, False],
        former_signer=signers[item.sender_id, True] if item.with_former_key else None,
    )


def _held_back() -> Exists:
    """Whether something queued earlier about the same object, for the same inbox, still waits."""
    earlier = _deliveries.alias("earlier")
    return exists().where(
        earlier.c.order_index == _deliveries.c.order_index,
        earlier.c.state == "waiting",
        earlier.c.number < _deliveries.c.number,
    )


async def _due(context: Context, hosts: Iterable[str]) -> list[Row[Any]]:
    names = sorted(hosts)
    if not names:
        return []
    place = func.row_number().over(partition_by=_deliveries.c.host, order_by=_deliveries.c.number).label("place")
    heads = (
        select(_deliveries, place)
        .where(
            _deliveries.c.host.in_(names),
            _deliveries.c.state == "waiting",
            _deliveries.c.due <= context.now,
            ~_held_back(),
        )
        .subquery()
    )
    statement = select(heads).where(heads.c.place <= ROUND).order_by(heads.c.number)
    return list((await context.session.execute(statement)).all())


async def _release(context: Context, hosts: Collection[str]) -> None:
    """Gives servers back, each with the moment when it has to be looked at next."""
    if not hosts:
        return
    names = sorted(hosts)
    earliest = (
        select(_deliveries.c.host, func.min(_deliveries.c.due).label("due"))
        .where(_deliveries.c.host.in_(names), _deliveries.c.state == "waiting", ~_held_back())
        .group_by(_deliveries.c.host)
    )
    due = {row.host: row.due for row in (await context.session.execute(earliest)).all()}
    await context.session.execute(
        update(_hosts)
        .where(_hosts.c.host == bindparam("name"))
        .values(due=bindparam("next_due"), lease_holder=None, lease_until=None),
        [{"name": name, "next_due": due.get(name)} for name in names],
    )
    if any(moment <= context.now for moment in due.values()):
        context.wake("deliveries")


async def _book(context: Context, results: Sequence[Result]) -> None:
    # Matched by item as well: SQLite gives the number of a row that a Delete dropped meanwhile to the Delete itself.
    this = and_(_deliveries.c.number == bindparam("row"), _deliveries.c.item_id == bindparam("item"))
    delivered = [_key(result) for result in results if result.verdict is Verdict.DELIVERED]
    again = [
        _key(result) | {"next_due": result.due, "tried": result.parcel.attempts + 1}
        for result in results
        if result.verdict is Verdict.RETRY
    ]
    dead = [
        _key(result) | {"until": context.now + KEEP_DEAD, "tried": result.parcel.attempts + 1}
        for result in results
        if result.verdict in (Verdict.REJECTED, Verdict.GONE)
    ]
    if delivered:
        await context.session.execute(delete(_deliveries).where(this), delivered)
    if again:
        retried = update(_deliveries).where(this).values(due=bindparam("next_due"), attempts=bindparam("tried"))
        await context.session.execute(retried, again)
    if dead:
        buried = {"state": "dead", "delete_after": bindparam("until"), "attempts": bindparam("tried")}
        await context.session.execute(update(_deliveries).where(this).values(**buried), dead)
    await outbox.discard_finished(context, {key["item"] for key in (*delivered, *dead)})


def _key(result: Result) -> dict[str, Any]:
    return {"row": result.parcel.number, "item": result.parcel.item_id}


async def _give_up(context: Context, condition: Any) -> None:
    buried = update(_deliveries).where(condition).values(state="dead", delete_after=context.now + KEEP_DEAD)
    done = await context.session.execute(buried.returning(_deliveries.c.item_id))
    await outbox.discard_finished(context, {row.item_id for row in done.all()})


async def _note_health(context: Context, rounds: Sequence[Round], held: Mapping[str, Row[Any]]) -> None:
    for done in rounds:
        values: dict[str, Any] = {
            "failures": done.health.failures,
            "failing_since": done.health.failing_since,
            "paused_until": done.health.paused_until,
        }
        if done.accepted_spec is not None:
            values |= {"signature_spec": done.accepted_spec, "spec_learned_at": context.now}
            values["last_seen_on"] = context.now.date()
        row = held[done.work.host]
        if any(getattr(row, name) != value for name, value in values.items()):
            await context.session.execute(update(_hosts).where(_hosts.c.host == row.host).values(**values))


def _still_holds(row: Row[Any] | None, done: Round, worker_id: str) -> bool:
    return row is not None and row.lease_holder == worker_id and row.lease_until == done.work.lease_until


def _health(row: Row[Any]) -> Health:
    return Health(row.failures, row.failing_since, row.paused_until)


def _spec(row: Row[Any], now: datetime) -> Spec:
    """The signature form that the server took in the last 30 days, else draft-cavage (WIRE 2.3)."""
    if row.signature_spec is None or row.spec_learned_at is None or now - row.spec_learned_at > SPEC_LIFETIME:
        return "cavage"
    return cast(Spec, row.signature_spec)
