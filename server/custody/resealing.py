"""Seals what a retired data key sealed with the current one, in small steps that may be cut off and gone on with.

Which cells are left is read from the cells themselves: each names its key. No list of work is kept.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from crypto.sealing import KEY_ID_BYTES, CannotOpen, Cell
from federation.context import Context
from server.custody.data_keys import KeyRow, drop_keys, keys_of
from server.db import Database

STEP = 200
"""Cells that are sealed in one unit of work: the server beside it waits for some ten milliseconds at most."""

_RETRIES = 3
_CONFLICTS = ("40001", "40P01")
"""SQLSTATEs of a transaction that met another one, and may be done again."""

_By = Callable[[Any], str]


def _by_id(row: Any) -> str:
    return str(row.id)


CELLS: Mapping[tuple[str, str], tuple[tuple[str, ...], _By]] = {
    ("audit_entries", "sealed_record"): (("id",), _by_id),
    ("conversations", "sealed_record"): (("id",), _by_id),
    ("departures", "sealed_record"): (("place_index",), lambda row: row.place_index.hex()),
    ("deliveries", "sealed_inbox"): (
        ("number", "item_id", "order_index"),
        lambda row: f"{row.item_id}/{row.order_index.hex()}",
    ),
    ("fanouts", "sealed_job"): (("number", "item_id"), lambda row: str(row.item_id)),
    ("follows", "sealed_edge"): (("id",), _by_id),
    ("idempotency_keys", "sealed_answer"): (("key_index",), lambda row: row.key_index.hex()),
    ("inbox_items", "sealed_body"): (("id",), _by_id),
    ("local_actors", "sealed_keys"): (("id",), _by_id),
    ("media", "sealed_record"): (("id",), _by_id),
    ("marks", "sealed_record"): (("id",), _by_id),
    ("memberships", "sealed_record"): (("id",), _by_id),
    ("notification_policies", "sealed_record"): (("receiver_index",), lambda row: row.receiver_index.hex()),
    ("notifications", "sealed_record"): (("id",), _by_id),
    ("oauth_codes", "sealed_grant"): (("code_hash",), lambda row: row.code_hash.hex()),
    ("oauth_tokens", "sealed_grant"): (("token_hash",), lambda row: row.token_hash.hex()),
    ("outbox_items", "sealed_payload"): (("id",), _by_id),
    ("personal_records", "sealed_record"): (("id",), _by_id),
    ("polls", "sealed_tally"): (("post_id",), lambda row: str(row.post_id)),
    ("post_edits", "sealed_document"): (("id",), _by_id),
    ("posts", "sealed_document"): (("id",), _by_id),
    ("push_messages", "sealed_record"): (("id",), _by_id),
    ("push_subscriptions", "sealed_record"): (("id",), _by_id),
    ("reactions", "sealed_record"): (("id",), _by_id),
    ("remote_actors", "sealed_document"): (("uri_index",), lambda row: row.uri_index.hex()),
    ("reports", "sealed_record"): (("id",), _by_id),
    ("vapid_keys", "sealed_key"): (("id",), _by_id),
    ("scheduled_posts", "sealed_record"): (("id",), _by_id),
    ("votes", "sealed_record"): (("id",), _by_id),
}
"""Every sealed column: the columns that name its row, the first one its primary key, and how they name it."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """How far it came: cells sealed anew, cells that do not open, old keys dropped, and old keys that stay."""

    cells: int
    damaged: int
    dropped: int
    kept: int


async def reseal(database: Database, *, sole: bool) -> Resealed:
    """Seals all that retired keys sealed with the current keys, and drops the keys that nothing needs any more.

    A key retired today is kept where others may have the data open (not `sole`), as they may just be sealing with it:
    run it again tomorrow. Cut off, it goes on where it was. Raises `DBAPIError`.
    """
    done = damaged = 0
    while True:
        cells, damaged = await _pass(database)
        done += cells
        if not cells:
            break
    async with database.writing() as context:
        retired = [key for key in await keys_of(context) if key.retired_on is not None]
        today = context.now.date()
        needed = await count_sealed(context)
        unneeded = [
            key
            for key in retired
            if (sole or (key.retired_on is not None and key.retired_on < today)) and not needed[key.id]
        ]
        if unneeded:
            await drop_keys(context, unneeded)
    return Resealed(done, damaged, len(unneeded), len(retired) - len(unneeded))


async def count_sealed(context: Context) -> Counter[bytes]:
    """How many cells each data key has sealed, by its id. Reads every sealed column once."""
    counts = Counter[bytes]()
    for table, column in CELLS:
        sealed = SQLModel.metadata.tables[table].c[column]
        counted = select(_key_id(sealed).label("sealed_by"), func.count()).where(sealed.is_not(None))
        by_key = counted.group_by("sealed_by")
        for key_id, count in (await context.session.execute(by_key)).all():
            counts[bytes(key_id)] += count
    return counts


async def _pass(database: Database) -> tuple[int, int]:
    """One walk over all columns: cells sealed anew, and cells that do not open."""
    async with database.reading() as context:
        retired = [key for key in await keys_of(context) if key.retired_on is not None]
    done = damaged = 0
    if retired:
        for place in CELLS:
            async for cells, broken in _column(database, place, retired):
                done, damaged = done + cells, damaged + broken
    return done, damaged


async def _column(
    database: Database, place: tuple[str, str], retired: Sequence[KeyRow]
) -> AsyncIterator[tuple[int, int]]:
    """One column, step after step, in the order of the primary key."""
    last: Any = None
    while True:
        found, last, broken = await _patiently(database, place, retired, last)
        if last is None:
            return
        yield found, broken


async def _patiently(
    database: Database, place: tuple[str, str], retired: Sequence[KeyRow], last: Any
) -> tuple[int, Any, int]:
    """A step in a unit of work of its own, done again where it met another transaction."""
    for _ in range(_RETRIES):
        try:
            async with database.writing() as context:
                return await _step(context, place, retired, last)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _CONFLICTS:
                raise
    async with database.writing() as context:
        return await _step(context, place, retired, last)


async def _step(context: Context, place: tuple[str, str], retired: Sequence[KeyRow], last: Any) -> tuple[int, Any, int]:
    """Seals some cells anew: how many, the primary key of the last one (None when none is left), how many broken."""
    (name, column), (naming, row_name) = place, CELLS[place]
    table, scopes = SQLModel.metadata.tables[name], {key.id: key.scope for key in retired}
    primary, sealed = table.c[naming[0]], table.c[column]
    left = _needs(sealed, retired) if last is None else and_(primary > last, _needs(sealed, retired))
    chosen = select(*(table.c[each] for each in naming), sealed.label("sealed")).where(left)
    rows = (await context.session.execute(chosen.order_by(primary).limit(STEP))).all()
    done = broken = 0
    for row in rows:
        cell = Cell(name, column, row_name(row), scopes[bytes(row.sealed[1 : 1 + KEY_ID_BYTES])])
        try:
            anew = await context.vault.seal(cell, await context.vault.open(cell, row.sealed))
        except CannotOpen:
            broken += 1
            continue
        # Written over by somebody else meanwhile, it was sealed anew there, or is found at the next pass.
        unchanged = (primary == row[0]) & (sealed == row.sealed)
        await context.session.execute(update(table).where(unchanged).values({column: anew}))
        done += 1
    return done, rows[-1][0] if rows else None, broken


def _needs(sealed: Column[Any], keys: Sequence[KeyRow]) -> ColumnElement[bool]:
    return _key_id(sealed).in_([key.id for key in keys])


def _key_id(sealed: Column[Any]) -> ColumnElement[bytes]:
    return func.substr(sealed, 2, KEY_ID_BYTES)
