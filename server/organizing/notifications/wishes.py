"""Keeps what somebody wants to be told of, sealed. Whoever said nothing wants everything."""

import json

from sqlalchemy import delete
from sqlmodel import SQLModel, col

from crypto.sealing import Cell
from federation.context import Context
from federation.upserts import insert_into
from models import LocalActor, NotificationPolicy
from server.organizing.notifications.policy import Wishes
from server.organizing.notifications.records import scope_of_receiver

_policies = SQLModel.metadata.tables[str(NotificationPolicy.__tablename__)]


async def wishes_of(context: Context, receiver: LocalActor) -> Wishes:
    """What a receiver wants."""
    index = _index(context, receiver)
    row = await context.session.get(NotificationPolicy, index, populate_existing=True)
    if row is None:
        return Wishes()
    cell = _cell(index, await scope_of_receiver(context, receiver))
    return Wishes.from_fields(json.loads(await context.vault.open(cell, row.sealed_record)))


async def put(context: Context, receiver: LocalActor, wishes: Wishes) -> None:
    """Writes what a receiver wants from now on."""
    index = _index(context, receiver)
    cell = _cell(index, await scope_of_receiver(context, receiver))
    sealed = await context.vault.seal(cell, json.dumps(wishes.to_fields()).encode())
    row = insert_into(context, _policies).values(receiver_index=index, sealed_record=sealed)
    written = row.on_conflict_do_update(index_elements=["receiver_index"], set_={"sealed_record": sealed})
    await context.session.execute(written)


async def forget(context: Context, receiver: LocalActor) -> None:
    """Forgets what a receiver wanted."""
    mine = col(NotificationPolicy.receiver_index) == _index(context, receiver)
    await context.session.execute(delete(NotificationPolicy).where(mine))


def _index(context: Context, receiver: LocalActor) -> bytes:
    return context.vault.index("notification_policies.receiver", receiver.id)


def _cell(index: bytes, scope: str) -> Cell:
    return Cell("notification_policies", "sealed_record", index.hex(), scope)
