"""Keeps what belongs to one actor alone, sealed, kind and owner included. Decides nothing."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlmodel import SQLModel, col

from crypto.sealing import Cell
from crypto.tokens import random_id
from federation.context import Context
from federation.upserts import insert_into
from models import PersonalRecord
from server.organizing.numbers import draw_number
from server.organizing.refusal import Refusal, Refused
from server.vault import SERVER_SCOPE

_records = SQLModel.metadata.tables[str(PersonalRecord.__tablename__)]


class Kind(StrEnum):
    """What is kept, and with it what it is about."""

    BLOCK = "block"
    """An actor, by its id."""
    MUTE = "mute"
    """An actor, by its id."""
    NOTE = "note"
    """An actor, by its id."""
    ENDORSEMENT = "endorsement"
    """An actor, by its id."""
    FOLLOWING = "following"
    """How an actor is followed, by its id."""
    DOMAIN = "domain"
    """A domain."""
    LIST = "list"
    """A random id."""
    FILTER = "filter"
    """A random id."""
    FOLLOWED_TAG = "followed tag"
    """A hashtag in lower case."""
    FEATURED_TAG = "featured tag"
    """A hashtag in lower case."""
    MARKER = "marker"
    """The name of a timeline."""
    DEFAULTS = "defaults"
    """Nothing: there is one."""


ABOUT_ACTORS = (Kind.BLOCK, Kind.MUTE, Kind.NOTE, Kind.ENDORSEMENT, Kind.FOLLOWING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One record, opened. `owner` is the id of an actor; `number` orders records by when they were first kept."""

    kind: Kind
    owner: str
    about: str
    number: int = 0
    id: str = ""
    until: datetime | None = None
    values: dict[str, Any] = field(default_factory=dict)


async def put(context: Context, kept: Kept) -> Kept:
    """Writes a record in place of any other of its kind, owner and subject, whose id and number it keeps."""
    known = await find(context, kept.kind, kept.owner, kept.about)
    stored = Kept(
        kind=kept.kind,
        owner=kept.owner,
        about=kept.about,
        number=known.number if known else draw_number(context.now),
        id=known.id if known else random_id(),
        until=kept.until,
        values=kept.values,
    )
    row = insert_into(context, _records).values(
        id=stored.id,
        shelf_index=_shelf(context, kept.kind, kept.owner),
        about_index=_about(context, kept.kind, kept.about),
        sealed_record=await context.vault.seal(_cell(stored.id), _pack(stored)),
        expires_on=(kept.until + timedelta(days=1)).date() if kept.until else None,
    )
    anew = {name: row.excluded[name] for name in ("id", "sealed_record", "expires_on")}
    await context.session.execute(row.on_conflict_do_update(index_elements=["shelf_index", "about_index"], set_=anew))
    return stored


async def require_room(context: Context, kind: Kind, owner: str, *, most: int) -> None:
    """Raises `Refused` when an actor keeps as many of a kind as it may."""
    counted = select(func.count()).where(_on_shelf(context, kind, owner))
    if (await context.session.execute(counted)).scalar_one() >= most:
        raise Refused(Refusal(f"There are {most:,} already, which is the most that can be kept."))


async def find(context: Context, kind: Kind, owner: str, about: str) -> Kept | None:
    """The record of one kind that an actor keeps about something."""
    found = await _load(context, _on_shelf(context, kind, owner), _is_about(context, kind, about))
    return found[0] if found else None


async def find_by_id(context: Context, kind: Kind, owner: str, record_id: str) -> Kept | None:
    """The record with an id, if it is of this kind and owner."""
    found = await _load(context, _on_shelf(context, kind, owner), col(PersonalRecord.id) == record_id)
    return found[0] if found else None


async def all_of(context: Context, owner: str, *kinds: Kind) -> list[Kept]:
    """All records of some kinds that an actor keeps, newest first: one query."""
    shelves = [_shelf(context, kind, owner) for kind in kinds]
    return await _load(context, col(PersonalRecord.shelf_index).in_(shelves))


async def about(context: Context, kind: Kind, subject: str) -> list[Kept]:
    """What anybody keeps of one kind about something. For what has to be known of it, never to be shown."""
    return await _load(context, _is_about(context, kind, subject))


async def around(
    context: Context, owner: str, *, kinds: Collection[Kind] = (), aimed: Collection[Kind] = ()
) -> list[Kept]:
    """What an actor keeps of some kinds, and what others keep of the `aimed` kinds about it: one query."""
    shelves = [_shelf(context, kind, owner) for kind in kinds]
    subjects = [_about(context, kind, owner) for kind in aimed]
    return await _load(
        context,
        or_(col(PersonalRecord.shelf_index).in_(shelves), col(PersonalRecord.about_index).in_(subjects)),
    )


async def between(context: Context, owner: str, others: Sequence[str]) -> list[Kept]:
    """What an actor keeps about some others, and whether they block it: one query."""
    shelves = [_shelf(context, kind, owner) for kind in ABOUT_ACTORS]
    subjects = [_about(context, kind, other) for kind in ABOUT_ACTORS for other in others]
    theirs = [_shelf(context, Kind.BLOCK, other) for other in others]
    mine = col(PersonalRecord.shelf_index).in_(shelves) & col(PersonalRecord.about_index).in_(subjects)
    against = col(PersonalRecord.shelf_index).in_(theirs) & _is_about(context, Kind.BLOCK, owner)
    return await _load(context, or_(mine, against))


async def with_records(context: Context, actors: Collection[str]) -> set[str]:
    """Those of the actors about whom somebody keeps something; nothing is opened."""
    by_index = {_about(context, kind, actor): actor for actor in actors for kind in ABOUT_ACTORS}
    asked = select(col(PersonalRecord.about_index)).where(col(PersonalRecord.about_index).in_(by_index)).distinct()
    return {by_index[index] for index in (await context.session.execute(asked)).scalars()}


async def remove(context: Context, kind: Kind, owner: str, about: str) -> Kept | None:
    """Forgets a record; what it was, if there was one."""
    gone = await find(context, kind, owner, about)
    if gone is not None:
        await _delete(context, _on_shelf(context, kind, owner), _is_about(context, kind, about))
    return gone


async def remove_all_of(context: Context, owner: str) -> None:
    """Forgets all that an actor keeps, and what others keep about it."""
    shelves = [_shelf(context, kind, owner) for kind in Kind]
    subjects = [_about(context, kind, owner) for kind in ABOUT_ACTORS]
    await _delete(
        context,
        or_(col(PersonalRecord.shelf_index).in_(shelves), col(PersonalRecord.about_index).in_(subjects)),
    )


async def sweep(context: Context) -> None:
    """Deletes what has expired. Run now and then."""
    await _delete(context, col(PersonalRecord.expires_on) <= context.now.date())


async def _delete(context: Context, *conditions: ColumnElement[bool]) -> None:
    await context.session.execute(delete(PersonalRecord).where(*conditions))
    context.wake("log")


async def _load(context: Context, *conditions: ColumnElement[bool]) -> list[Kept]:
    """What is found and has not expired, newest first."""
    chosen = select(_records.c.id, _records.c.sealed_record).where(*conditions)
    rows = (await context.session.execute(chosen)).all()
    found = [_unpack(row.id, await context.vault.open(_cell(row.id), row.sealed_record)) for row in rows]
    lasting = [kept for kept in found if kept.until is None or kept.until > context.now]
    return sorted(lasting, key=lambda kept: kept.number, reverse=True)


def _shelf(context: Context, kind: Kind, owner: str) -> bytes:
    return context.vault.index("personal_records.shelf", f"{kind}\n{owner}")


def _about(context: Context, kind: Kind, subject: str) -> bytes:
    return context.vault.index("personal_records.about", f"{kind}\n{subject}")


def _on_shelf(context: Context, kind: Kind, owner: str) -> ColumnElement[bool]:
    return col(PersonalRecord.shelf_index) == _shelf(context, kind, owner)


def _is_about(context: Context, kind: Kind, subject: str) -> ColumnElement[bool]:
    return col(PersonalRecord.about_index) == _about(context, kind, subject)


def _pack(kept: Kept) -> bytes:
    until = kept.until.isoformat() if kept.until else None
    return json.dumps([kept.kind, kept.owner, kept.about, kept.number, until, kept.values]).encode()


def _unpack(record_id: str, plain: bytes) -> Kept:
    kind, owner, about, number, until, values = json.loads(plain)
    return Kept(
        kind=Kind(kind),
        owner=owner,
        about=about,
        number=number,
        id=record_id,
        until=datetime.fromisoformat(until) if until else None,
        values=values,
    )


def _cell(record_id: str) -> Cell:
    return Cell("personal_records", "sealed_record", record_id, SERVER_SCOPE)
