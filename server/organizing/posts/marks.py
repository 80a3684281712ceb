"""Keeps what local actors note for themselves: bookmarks, and threads they want to hear no more of. Sealed, and shown
to nobody else; decides nothing."""

import json
import os
from collections.abc import Collection, Sequence
from typing import Literal

from sqlalchemy import delete, select
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import Random, random_id
from federation.context import Context
from federation.upserts import insert_into
from models import Mark
from server.organizing.numbers import draw_number
from server.organizing.window import Window
from server.vault import SERVER_SCOPE

Kind = Literal["bookmark", "mute"]
BOOKMARK: Kind = "bookmark"
MUTE: Kind = "mute"
KINDS: tuple[Kind, ...] = (BOOKMARK, MUTE)


async def put(context: Context, kind: Kind, owner: str, subject: str, *, random: Random = os.urandom) -> None:
    """Notes it. The subject of a bookmark is the id of a post's row, that of a mute names a thread. Again: nothing."""
    mark_id = random_id(random)
    record = {"kind": kind, "owner": owner, "subject": subject}
    values = {
        "id": mark_id,
        "number": draw_number(context.now, random),
        "owner_index": _owner_index(context, kind, owner),
        "mark_index": _mark_index(context, kind, owner, subject),
        "subject_index": _subject_index(context, subject),
        "sealed_record": await context.vault.seal(_cell(mark_id), json.dumps(record).encode()),
    }
    added = insert_into(context, Mark.__table__).values(values)  # type: ignore[attr-defined]
    await context.session.execute(added.on_conflict_do_nothing(index_elements=["mark_index"]))


async def remove(context: Context, kind: Kind, owner: str, subject: str) -> None:
    """Takes it back."""
    this = col(Mark.mark_index) == _mark_index(context, kind, owner, subject)
    await context.session.execute(delete(Mark).where(this))


async def marked(context: Context, kind: Kind, owner: str, subjects: Collection[str]) -> set[str]:
    """Those of the subjects that this owner marked: one query."""
    by_index = {_mark_index(context, kind, owner, subject): subject for subject in subjects}
    found = await context.session.execute(select(col(Mark.mark_index)).where(col(Mark.mark_index).in_(by_index)))
    return {by_index[index] for index in found.scalars()}


async def marked_by_anybody(context: Context, subjects: Collection[str]) -> set[str]:
    """Those of the subjects that somebody marked."""
    by_index = {_subject_index(context, subject): subject for subject in subjects}
    asked = select(col(Mark.subject_index)).where(col(Mark.subject_index).in_(by_index)).distinct()
    return {by_index[index] for index in (await context.session.execute(asked)).scalars()}


async def list_of(context: Context, kind: Kind, owner: str, window: Window) -> list[tuple[int, str]]:
    """What an owner marked, newest first: the number of the mark, and its subject."""
    owned = select(Mark).where(col(Mark.owner_index) == _owner_index(context, kind, owner))
    rows = (await context.session.execute(window.of(owned, col(Mark.number)))).scalars().all()
    found = [(row.number, await _subject(context, row)) for row in rows]
    return window.newest_first(found)


async def forget_subjects(context: Context, subjects: Sequence[str]) -> None:
    """Removes everybody's marks of what is no more."""
    indexes = [_subject_index(context, subject) for subject in subjects]
    await context.session.execute(delete(Mark).where(col(Mark.subject_index).in_(indexes)))


async def forget_owner(context: Context, owner: str) -> None:
    """Removes everything an owner marked."""
    indexes = [_owner_index(context, kind, owner) for kind in KINDS]
    await context.session.execute(delete(Mark).where(col(Mark.owner_index).in_(indexes)))


async def _subject(context: Context, row: Mark) -> str:
    return str(json.loads(await context.vault.open(_cell(row.id), row.sealed_record))["subject"])


def _owner_index(context: Context, kind: Kind, owner: str) -> bytes:
    return context.vault.index("marks.owner", f"{kind} {owner}")


def _mark_index(context: Context, kind: Kind, owner: str, subject: str) -> bytes:
    return context.vault.index("marks.mark", f"{kind} {owner} {subject}")


def _subject_index(context: Context, subject: str) -> bytes:
    return context.vault.index("marks.subject", subject)


def _cell(row: str) -> Cell:
    return Cell("marks", "sealed_record", row, SERVER_SCOPE)
