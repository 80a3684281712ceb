"""Keeps conversations sealed, one for each owner, thread and circle of people. Decides nothing."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, delete, func, select
from sqlmodel import SQLModel, col

from crypto.sealing import CannotOpen, Cell
from crypto.tokens import random_id
from federation.context import Context
from federation.upserts import insert_into
from models import Conversation, LocalActor
from server.organizing.notifications.records import scope_of_receiver
from server.organizing.numbering import next_number
from server.organizing.window import Window

MOST_KEPT = 1_000
"""Conversations of one owner; beyond, the one that is quiet for longest goes."""

KEEP_QUIET = timedelta(days=180)
"""How long a conversation is kept in which nobody says anything."""

MOST_POSTS = 200
"""Posts of one conversation that are known to belong to it: the newest."""

_conversations = SQLModel.metadata.tables[str(Conversation.__tablename__)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A conversation, opened. `people` are ids of actors, the owner among them, `posts` ids of rows, oldest first."""

    people: tuple[str, ...]
    posts: tuple[str, ...] = ()
    unread: bool = False
    number: int = 0
    id: str = field(default_factory=random_id)

    def but(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return replace(self, **changes)


def thread_index(context: Context, owner: LocalActor, root: bytes, people: Collection[str]) -> bytes:
    """The index of a conversation: an owner's, of one thread, among the same people."""
    return context.vault.index("conversations.thread", "\n".join((owner.id, root.hex(), *sorted(people))))


async def find(context: Context, owner: LocalActor, thread: bytes) -> Record | None:
    """The conversation of a thread."""
    found = await _load(context, owner, col(Conversation.thread_index) == thread)
    return found[0] if found else None


async def find_own(context: Context, owner: LocalActor, row_id: str) -> Record | None:
    """One of the owner's, by its id."""
    found = await _load(context, owner, _is_of(context, owner), col(Conversation.id) == row_id)
    return found[0] if found else None


async def owner_among(context: Context, row_id: str, actors: Collection[LocalActor]) -> LocalActor | None:
    """Which of these actors a conversation belongs to."""
    row = await context.session.execute(select(col(Conversation.owner_index)).where(col(Conversation.id) == row_id))
    index = row.scalar_one_or_none()
    return next((actor for actor in actors if owner_index(context, actor) == index), None)


async def page(context: Context, owner: LocalActor, window: Window) -> list[Record]:
    """A part of the owner's, in which something was said last first."""
    statement = window.of(select(Conversation).where(_is_of(context, owner)), col(Conversation.number))
    rows = (await context.session.execute(statement)).scalars().all()
    return await _opened(context, owner, window.newest_first(rows))


async def put(context: Context, owner: LocalActor, thread: bytes, record: Record) -> Record:
    """Writes a conversation in which something was just said; it becomes the owner's newest."""
    mine = _is_of(context, owner)
    counted = select(func.max(col(Conversation.number)), func.count()).where(mine)
    newest, count = (await context.session.execute(counted)).one()
    stored = record.but(number=next_number(newest, context.now.date()), posts=record.posts[-MOST_POSTS:])
    values = {
        "number": stored.number,
        "sealed_record": await _seal(context, owner, stored),
        "quiet_since": context.now.date(),
    }
    row = insert_into(context, _conversations).values(
        id=stored.id, owner_index=owner_index(context, owner), thread_index=thread, **values
    )
    # Nobody else has the id of a row for this thread: of two that are made at once, the second keeps the first's.
    written = row.on_conflict_do_update(
        index_elements=["thread_index"], set_=values, where=_conversations.c.id == stored.id
    )
    await context.session.execute(written)
    if count >= MOST_KEPT:
        edge = select(col(Conversation.number)).where(mine).order_by(col(Conversation.number).desc())
        oldest = (await context.session.execute(edge.offset(MOST_KEPT - 1).limit(1))).scalar_one_or_none()
        if oldest is not None:
            await context.session.execute(delete(Conversation).where(mine, col(Conversation.number) < oldest))
    return stored


async def change(context: Context, owner: LocalActor, record: Record) -> None:
    """Writes what is known of a conversation, in its place."""
    row = await context.session.get_one(Conversation, record.id)
    row.sealed_record = await _seal(context, owner, record)
    context.session.add(row)
    await context.session.flush()


async def remove(context: Context, owner: LocalActor, record: Record) -> None:
    """Removes a conversation; what is said in it next begins it anew."""
    await context.session.execute(delete(Conversation).where(_is_of(context, owner), col(Conversation.id) == record.id))
    context.wake("log")


async def forget_owner(context: Context, owner: LocalActor) -> None:
    """Removes all of an owner's."""
    await context.session.execute(delete(Conversation).where(_is_of(context, owner)))


async def sweep(context: Context) -> None:
    """Removes those in which nobody said anything for long."""
    quiet = col(Conversation.quiet_since) < context.now.date() - KEEP_QUIET
    await context.session.execute(delete(Conversation).where(quiet))


def owner_index(context: Context, owner: LocalActor) -> bytes:
    """The index of whoever sees a conversation."""
    return context.vault.index("conversations.owner", owner.id)


def _is_of(context: Context, owner: LocalActor) -> ColumnElement[bool]:
    return col(Conversation.owner_index) == owner_index(context, owner)


async def _load(context: Context, owner: LocalActor, *conditions: ColumnElement[bool]) -> list[Record]:
    return await _opened(
        context, owner, (await context.session.execute(select(Conversation).where(*conditions))).scalars().all()
    )


async def _opened(context: Context, owner: LocalActor, rows: Sequence[Conversation]) -> list[Record]:
    scope = await scope_of_receiver(context, owner) if rows else ""
    found = []
    for row in rows:
        try:
            fields = json.loads(await context.vault.open(_cell(row.id, scope), row.sealed_record))
        except CannotOpen:  # nobody will ever read it again
            continue
        lists = {name: tuple(fields[name]) for name in ("people", "posts")}
        found.append(Record(**(fields | lists), number=row.number, id=row.id))
    return found


async def _seal(context: Context, owner: LocalActor, record: Record) -> bytes:
    fields = {"people": record.people, "posts": record.posts, "unread": record.unread}
    cell = _cell(record.id, await scope_of_receiver(context, owner))
    return await context.vault.seal(cell, json.dumps(fields).encode())


def _cell(row: str, scope: str) -> Cell:
    return Cell("conversations", "sealed_record", row, scope)
