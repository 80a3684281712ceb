"""Queues activities in the caller's own transaction: what was done and what is sent stand or fall together."""

import asyncio
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from random import Random, SystemRandom
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, and_, case, delete, exists, insert, select
from sqlmodel import SQLModel

from crypto import tokens
from crypto.sealing import CannotOpen, Cell
from federation.blocks import blocked_among
from federation.context import Context
from federation.origin import BadUri, Origin, origin_of
from federation.schedule import spread as delay
from federation.upserts import insert_into
from federation.vocabulary import Document
from models import Delivery, Fanout, LocalActor, OutboxItem, RemoteHost

SERVER_SCOPE = "server"
UNSENT_KINDS = frozenset({"Create", "Update"})
"""What a Delete makes pointless as long as it never left."""

_deliveries = SQLModel.metadata.tables[str(Delivery.__tablename__)]
_fanouts = SQLModel.metadata.tables[str(Fanout.__tablename__)]
_hosts = SQLModel.metadata.tables[str(RemoteHost.__tablename__)]
_items = SQLModel.metadata.tables[str(OutboxItem.__tablename__)]
T = TypeVar("T")
_CHUNK = 500
_UNPREDICTABLE = SystemRandom()


async def enqueue(
    context: Context,
    *,
    sender: LocalActor,
    activity: Document,
    inboxes: Iterable[str],
    about: str,
    scope: str = SERVER_SCOPE,
    synchronize_followers: bool = False,
    with_former_key: bool = False,
    spread: timedelta = timedelta(),
    random: Random = _UNPREDICTABLE,
) -> int:
    """Queues one activity for some inboxes, once each, and returns for how many. Never commits.

    Skipped are our own inboxes, blocked domains, and what no server may have (plain http from https). Activities with
    the same `about` (an object's id) reach an inbox in the order queued. A Delete drops what was queued to create or
    update its object there and was never tried, and is sent all the same. `scope` names the data key that seals the
    activity: shred it and the activity never leaves. With a `spread` each server's delivery waits a while of its own,
    so long on average (`federation/schedule.py:spread`), so that order and timing of a fan-out say less.
    `with_former_key` is for the Update that brings new keys: those who know the former one believe it (WIRE 1.9).
    Whoever refuses that gets it signed with the current one at once.
    """
    addresses = await _reachable(context, inboxes)
    if not addresses:
        return 0
    item_id = await keep(context, sender, activity, scope, with_former_key=with_former_key)
    return await deliver(
        context,
        item_id,
        sender_id=sender.id,
        activity=activity,
        inboxes=addresses,
        about=about,
        scope=scope,
        synchronize_followers=synchronize_followers,
        spread=spread,
        random=random,
    )


async def deliver(
    context: Context,
    item_id: str,
    *,
    sender_id: str,
    activity: Document,
    inboxes: Iterable[str],
    about: str,
    scope: str,
    synchronize_followers: bool,
    spread: timedelta = timedelta(),
    random: Random = _UNPREDICTABLE,
) -> int:
    """Queues an activity that is kept already for some more inboxes, as `enqueue` promises; for how many."""
    addresses = await _reachable(context, inboxes)
    if not addresses:
        return 0
    starts = {host: context.now + delay(spread, random=random) for host in sorted(set(addresses.values()))}
    # Before any delivery, as lanes lock in this order too: a host that is being settled is then looked at once more.
    await _make_due(context, starts)
    rows: list[dict[str, Any]] = [
        {"host": host, "due": starts[host], "inbox": inbox, "order_index": order_index(context, about, inbox)}
        for inbox, host in addresses.items()
    ]
    if activity.get("type") == "Delete":
        await _drop_unsent(context, sender_id, [row["order_index"] for row in rows])
    await _queue(context, item_id, scope, rows, synchronize_followers=synchronize_followers)
    context.wake("deliveries")
    return len(rows)


def order_index(context: Context, about: str, inbox: str) -> bytes:
    """What rows share that must reach an inbox one after the other."""
    return context.vault.index("deliveries.order", f"{about}\n{inbox}")


def payload_cell(item_id: str, scope: str) -> Cell:
    """Where the bytes of an activity are sealed."""
    return Cell("outbox_items", "sealed_payload", item_id, scope)


async def open_address(context: Context, delivery: Row[Any]) -> tuple[str, str]:
    """The inbox of a delivery, and the scope of its activity. Raises `CannotOpen`."""
    cell = _address_cell(delivery.item_id, delivery.order_index)
    inbox, scope = json.loads(await context.vault.open(cell, delivery.sealed_inbox))
    return inbox, scope


async def discard_finished(context: Context, item_ids: Collection[str]) -> None:
    """Deletes those of the items that have no delivery left, and blanks those that have only dead ones."""
    if not item_ids:
        return
    for chunk in _chunks(sorted(item_ids)):
        chosen = _items.c.id.in_(chunk)
        await context.session.execute(delete(_items).where(chosen, is_finished()))
        await context.session.execute(_items.update().where(chosen, is_sent()).values(sealed_payload=b""))


def is_finished() -> ColumnElement[bool]:
    """The condition that nothing is left of an item's deliveries, and none is still to be written."""
    return ~_fans_out() & ~exists().where(_deliveries.c.item_id == _items.c.id)


def is_sent() -> ColumnElement[bool]:
    """The condition that no delivery of an item waits, and none is still to be written; dead ones may be left."""
    waiting = exists().where(_deliveries.c.item_id == _items.c.id, _deliveries.c.state == "waiting")
    return ~_fans_out() & ~waiting


def _fans_out() -> ColumnElement[bool]:
    return exists().where(_fanouts.c.item_id == _items.c.id)


async def _reachable(context: Context, inboxes: Iterable[str]) -> dict[str, str]:
    """The inboxes that may be sent to, each with its host, in the order given."""
    hosts = {inbox: host for inbox in inboxes if (host := _host(context.origin, inbox)) is not None}
    blocked = await blocked_among(context, set(hosts.values()))
    return {inbox: host for inbox, host in hosts.items() if host not in blocked}


def _host(own: Origin, inbox: str) -> str | None:
    try:
        origin = origin_of(inbox)
    except BadUri:
        return None
    if own.owns(inbox) or (origin.scheme != "https" and own.scheme == "https") or len(origin.authority) > 253:
        return None
    return origin.authority


async def keep(
    context: Context, sender: LocalActor, activity: Document, scope: str, *, with_former_key: bool = False
) -> str:
    """Keeps an activity that is to be sent, sealed; under which id."""
    item_id = tokens.random_id()
    payload = json.dumps(activity, ensure_ascii=False, separators=(",", ":")).encode()
    sealed = await context.vault.seal(payload_cell(item_id, scope), payload)
    await context.session.execute(
        insert(_items).values(
            id=item_id,
            sender_id=sender.id,
            sealed_payload=sealed,
            with_former_key=with_former_key,
            created_at=context.now,
        )
    )
    return item_id


async def _queue(
    context: Context, item_id: str, scope: str, rows: Iterable[dict[str, Any]], *, synchronize_followers: bool
) -> None:
    same = {"item_id": item_id, "synchronize_followers": synchronize_followers, "state": "waiting", "attempts": 0}
    for chunk in _chunks(rows):
        for row in chunk:
            cell = _address_cell(item_id, row["order_index"])
            row["sealed_inbox"] = await context.vault.seal(cell, json.dumps([row.pop("inbox"), scope]).encode())
        await context.session.execute(insert(_deliveries), [row | same for row in chunk])
        await asyncio.sleep(0)


async def _make_due(context: Context, starts: Mapping[str, datetime]) -> None:
    """Sets when to look at each host, unless it is sooner already. Hosts sorted: two writers never wait in a ring."""
    row = insert_into(context, _hosts)
    sooner = case(
        (and_(_hosts.c.due.is_not(None), _hosts.c.due <= row.excluded.due), _hosts.c.due), else_=row.excluded.due
    )
    await context.session.execute(
        row.on_conflict_do_update(index_elements=["host"], set_={"due": sooner}),
        [{"host": host, "due": due, "failures": 0, "speaks_groups": False} for host, due in sorted(starts.items())],
    )


async def _drop_unsent(context: Context, sender_id: str, orders: Iterable[bytes]) -> None:
    """Drops deliveries never tried of what this sender created or updated."""
    pointless: dict[str, bool] = {}
    numbers: list[int] = []
    for chunk in _chunks(orders):
        untried = select(_deliveries).where(
            _deliveries.c.order_index.in_(chunk), _deliveries.c.state == "waiting", _deliveries.c.attempts == 0
        )
        for row in (await context.session.execute(untried)).all():
            if row.item_id not in pointless:
                pointless[row.item_id] = await _creates_or_updates(context, sender_id, row)
            if pointless[row.item_id]:
                numbers.append(row.number)
    for some in _chunks(numbers):
        await context.session.execute(delete(_deliveries).where(_deliveries.c.number.in_(some)))
    await discard_finished(context, [item_id for item_id, is_pointless in pointless.items() if is_pointless])


async def open_item(context: Context, item_id: str, scope: str) -> tuple[str, Document]:
    """Who sends an activity that is kept, and the activity. Raises `CannotOpen`."""
    item = (await context.session.execute(select(_items).where(_items.c.id == item_id))).one()
    activity: Document = json.loads(await context.vault.open(payload_cell(item.id, scope), item.sealed_payload))
    return item.sender_id, activity


async def _creates_or_updates(context: Context, sender_id: str, delivery: Row[Any]) -> bool:
    try:
        _, scope = await open_address(context, delivery)
        sent_by, activity = await open_item(context, delivery.item_id, scope)
    except CannotOpen:
        # Its key was shredded: it can never leave, and is given up when its turn comes.
        return False
    return sent_by == sender_id and activity.get("type") in UNSENT_KINDS


def _address_cell(item_id: str, order: bytes) -> Cell:
    # The row's number is not known before it is written; an item has one delivery for each order index.
    return Cell("deliveries", "sealed_inbox", f"{item_id}/{order.hex()}", SERVER_SCOPE)


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
