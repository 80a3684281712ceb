"""Keeps notifications sealed, and finds them by blind index. Decides nothing.

A number never comes twice: a row that is forgotten keeps it, blank, until newer ones stand on later days.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlmodel import SQLModel, col

from crypto.sealing import CannotOpen, Cell
from crypto.tokens import random_id
from federation.context import Context
from federation.upserts import insert_into
from models import LocalActor, Notification
from server.organizing.movements.queries import scope_of_group
from server.organizing.notifications.kinds import Kind
from server.organizing.numbering import first_of, next_number
from server.vault import SERVER_SCOPE

MOST_KEPT = 1_000
"""Notifications of one receiver; beyond, the oldest go."""

KEEP = timedelta(days=90)

_notifications = SQLModel.metadata.tables[str(Notification.__tablename__)]
_BLANK = {"sender_index": None, "post_index": None, "deed_index": None, "sealed_record": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One notification, opened. `sender` is the id of the actor who did it, `post` the id of a row.

    `filtered` ones wait apart until their receiver accepts the sender.
    """

    kind: Kind
    sender: str
    moment: datetime
    post: str | None = None
    filtered: bool = False
    number: int = 0
    id: str = field(default_factory=random_id)


async def put(context: Context, receiver: LocalActor, record: Record) -> Record | None:
    """Adds one, and gives it back with its number; None when the same deed is noted already."""
    index = receiver_index(context, receiver)
    counted = select(func.max(col(Notification.number)), func.count()).where(col(Notification.receiver_index) == index)
    newest, count = (await context.session.execute(counted)).one()
    stored = replace(record, number=next_number(newest, context.now.date()))
    row = insert_into(context, _notifications).values(
        id=stored.id,
        receiver_index=index,
        number=stored.number,
        sender_index=sender_index(context, record.sender),
        post_index=post_index(context, record.post) if record.post else None,
        deed_index=_deed_index(context, record.kind, record.sender, record.post),
        sealed_record=await _seal(context, receiver, stored),
    )
    once = row.on_conflict_do_nothing(index_elements=["receiver_index", "deed_index"])
    if (await context.session.execute(once.returning(_notifications.c.id))).first() is None:
        return None
    if count >= MOST_KEPT:
        await _trim(context, index)
    return stored


async def of_receiver(context: Context, receiver: LocalActor) -> list[Record]:
    """All of one receiver, newest first: at most `MOST_KEPT`, one query."""
    mine = col(Notification.receiver_index) == receiver_index(context, receiver)
    return await _load(context, receiver, mine)


async def find(context: Context, receiver: LocalActor, row_id: str) -> Record | None:
    """One of this receiver's, by the id of its row."""
    mine = col(Notification.receiver_index) == receiver_index(context, receiver)
    found = await _load(context, receiver, mine, col(Notification.id) == row_id)
    return found[0] if found else None


async def receiver_among(context: Context, row_id: str, actors: Collection[LocalActor]) -> LocalActor | None:
    """Which of these actors a notification is for."""
    row = await context.session.execute(select(col(Notification.receiver_index)).where(col(Notification.id) == row_id))
    index = row.scalar_one_or_none()
    return next((actor for actor in actors if receiver_index(context, actor) == index), None)


async def reveal(context: Context, receiver: LocalActor, sender: str) -> None:
    """Puts the filtered ones of a sender among the others."""
    for record in await of_receiver(context, receiver):
        if record.filtered and record.sender == sender:
            sealed = await _seal(context, receiver, replace(record, filtered=False))
            changed = update(Notification).where(col(Notification.id) == record.id)
            await context.session.execute(changed.values(sealed_record=sealed))


async def forget(context: Context, receiver: LocalActor, kind: Kind, sender: str, post: str | None = None) -> None:
    """Forgets what was taken back."""
    mine = col(Notification.receiver_index) == receiver_index(context, receiver)
    await _blank(context, mine, col(Notification.deed_index) == _deed_index(context, kind, sender, post))


async def forget_about(context: Context, kind: Kind, sender: str, post: str) -> None:
    """Forgets what was done to a post and taken back, whomever it was told to."""
    about = col(Notification.post_index) == post_index(context, post)
    await _blank(context, about, col(Notification.deed_index) == _deed_index(context, kind, sender, post))


async def forget_rows(context: Context, receiver: LocalActor, records: Collection[Record]) -> None:
    """Forgets these of a receiver's."""
    mine = col(Notification.receiver_index) == receiver_index(context, receiver)
    await _blank(context, mine, col(Notification.id).in_([record.id for record in records]))


async def clear(context: Context, receiver: LocalActor) -> None:
    """Forgets all of a receiver's."""
    await _blank(context, col(Notification.receiver_index) == receiver_index(context, receiver))


async def forget_posts(context: Context, posts: Collection[str]) -> None:
    """Forgets everything about posts that are no more, by the ids of their rows."""
    if posts:
        await _blank(context, col(Notification.post_index).in_([post_index(context, post) for post in posts]))


async def forget_sender(context: Context, sender: str) -> None:
    """Forgets all that an actor did, whomever it was told to."""
    await _blank(context, col(Notification.sender_index) == sender_index(context, sender))


async def forget_receiver(context: Context, receiver: LocalActor) -> None:
    """Removes every row of a receiver who is no more."""
    mine = col(Notification.receiver_index) == receiver_index(context, receiver)
    await context.session.execute(delete(Notification).where(mine))


async def sweep(context: Context) -> None:
    """Drops what is too old, and blank rows of days before."""
    old = col(Notification.number) < first_of(context.now.date() - KEEP)
    spent = col(Notification.sealed_record).is_(None) & (col(Notification.number) < first_of(context.now.date()))
    await context.session.execute(delete(Notification).where(old | spent))


def receiver_index(context: Context, receiver: LocalActor) -> bytes:
    """The index of whoever is told."""
    return context.vault.index("notifications.receiver", receiver.id)


def sender_index(context: Context, sender: str) -> bytes:
    """The index of whoever did it."""
    return context.vault.index("notifications.sender", sender)


def post_index(context: Context, post: str) -> bytes:
    """The index of the post that it is about, by the id of its row."""
    return context.vault.index("notifications.post", post)


async def scope_of_receiver(context: Context, receiver: LocalActor) -> str:
    """Under which scope what somebody is told is sealed."""
    if receiver.kind != "Group":
        return SERVER_SCOPE
    return await scope_of_group(context, context.origin.actor(receiver.id))


async def _trim(context: Context, index: bytes) -> None:
    """Removes all but the newest; the newest keeps its number, so that none comes twice."""
    mine = col(Notification.receiver_index) == index
    kept = select(col(Notification.number)).where(mine).order_by(col(Notification.number).desc())
    edge = (await context.session.execute(kept.offset(MOST_KEPT - 1).limit(1))).scalar_one_or_none()
    if edge is not None:
        await context.session.execute(delete(Notification).where(mine, col(Notification.number) < edge))


async def _blank(context: Context, *conditions: ColumnElement[bool]) -> None:
    done = update(Notification).where(*conditions, col(Notification.sealed_record).is_not(None)).values(**_BLANK)
    if (await context.session.execute(done.returning(col(Notification.id)))).first() is not None:
        context.wake("log")


async def _load(context: Context, receiver: LocalActor, *conditions: ColumnElement[bool]) -> list[Record]:
    statement = select(col(Notification.id), col(Notification.number), col(Notification.sealed_record)).where(
        *conditions, col(Notification.sealed_record).is_not(None)
    )
    rows = (await context.session.execute(statement.order_by(col(Notification.number).desc()))).all()
    return await _opened(context, receiver, rows)


async def _opened(context: Context, receiver: LocalActor, rows: Sequence[Any]) -> list[Record]:
    scope = await scope_of_receiver(context, receiver) if rows else ""
    found = []
    for row in rows:
        try:
            fields = json.loads(await context.vault.open(_cell(row.id, scope), row.sealed_record))
        except CannotOpen:  # nobody will ever read it again
            continue
        made = {"kind": Kind(fields["kind"]), "moment": datetime.fromisoformat(fields["moment"])}
        found.append(Record(**(fields | made), number=row.number, id=row.id))
    return found


async def _seal(context: Context, receiver: LocalActor, record: Record) -> bytes:
    fields = {
        "kind": record.kind,
        "sender": record.sender,
        "moment": record.moment.isoformat(),
        "post": record.post,
        "filtered": record.filtered,
    }
    scope = await scope_of_receiver(context, receiver)
    return await context.vault.seal(_cell(record.id, scope), json.dumps(fields).encode())


def _deed_index(context: Context, kind: Kind, sender: str, post: str | None) -> bytes:
    return context.vault.index("notifications.deed", f"{kind}\n{sender}\n{post or ''}")


def _cell(row: str, scope: str) -> Cell:
    return Cell("notifications", "sealed_record", row, scope)
