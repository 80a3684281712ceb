"""Remembers servers that were left behind: what they were sent is still to be deleted there (HOSTILE-PEERS F7).

Kept when somebody elsewhere stops following an actor here, or belonging to a circle here: one sealed row for each actor
and server, whoever it was. Only a Delete goes there. An edit carries what the post says, and whoever was removed is not
to get that again: their old copy stays as it was until it is deleted.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zlib import crc32

from sqlalchemy import Row, delete, func, select
from sqlmodel import SQLModel

from crypto.sealing import Cell
from federation.addressing import Recipient, shared_inboxes
from federation.context import Context
from federation.domains import registrable
from federation.origin import host_of
from federation.upserts import insert_into
from models import Departure

KEEP = timedelta(days=180)
"""How long a server is remembered: twice as long as posts of a circle are meant to live (90 days).

It is not for ever, because even sealed it is a record of who was here. What is deleted later stays there.
"""

MOST_OF_A_DOMAIN = 20
"""Servers below one registrable domain that are remembered for an actor: a domain's owner has any number of them."""

MOST = 10_000
"""Servers that are remembered for an actor, after a sweep; those left longest ago go first."""

MOST_STAYS = 10
"""Times that people of one server came and left which are told apart; beyond, the two earliest count as one."""

_departures = SQLModel.metadata.tables[str(Departure.__tablename__)]
_BREATH = 1_000
"""Rows opened before others get a turn."""


@dataclass(frozen=True, slots=True)
class _Stay:
    """From the day when somebody came to the moment when they left."""

    since: date
    left_at: datetime


@dataclass(frozen=True, slots=True)
class _Left:
    """An inbox on a server, and when it was that somebody there received."""

    inbox: str
    stays: tuple[_Stay, ...]

    def had(self, moment: datetime) -> bool:
        """Whether something sent at a moment reached the server then."""
        return any(stay.since <= moment.astimezone(UTC).date() and moment <= stay.left_at for stay in self.stays)

    def after(self, stay: _Stay) -> "_Left":
        """The same with one more time that somebody there received."""
        stays = (*self.stays, stay)
        if len(stays) > MOST_STAYS:
            stays = (_Stay(min(stays[0].since, stays[1].since), stays[1].left_at), *stays[2:])
        return _Left(self.inbox, stays)


async def note(context: Context, *, actor: str, leaver: Recipient, since: date) -> None:
    """Remembers the server of somebody who no longer follows, or belongs to, an actor, as they did since a day.

    Nothing unless the actor is ours and the leaver is not. The twenty-first server of a domain takes the place of the
    one left longest ago.
    """
    if not context.origin.owns(actor) or context.origin.owns(leaver.actor):
        return
    (inbox,) = shared_inboxes([leaver])
    place, known = await _place(context, actor, host_of(inbox))
    left = _Left(inbox, () if known is None else known.stays).after(_Stay(since, context.now))
    day = _end_of_day(context.now)
    row = insert_into(context, _departures).values(
        place_index=place,
        actor_index=_actor_index(context, actor),
        sealed_record=await context.vault.seal(_cell(place), _encoded(left)),
        left_at=day,
        delete_after=day + KEEP,
    )
    changed = {name: row.excluded[name] for name in ("sealed_record", "left_at", "delete_after")}
    await context.session.execute(row.on_conflict_do_update(index_elements=["place_index"], set_=changed))


async def inboxes_since(context: Context, actor: str, published: datetime | None = None) -> list[str]:
    """One inbox on each server that received from an actor at a moment and was left since, or that was ever left.

    In no telling order.
    """
    mine = (_departures.c.actor_index == _actor_index(context, actor)) & (_departures.c.delete_after > context.now)
    statement = select(_departures).where(mine).order_by(_departures.c.place_index)
    if published is not None:
        statement = statement.where(_departures.c.left_at >= published)
    inboxes = []
    for number, row in enumerate((await context.session.execute(statement)).all(), start=1):
        left = await _open(context, row)
        if published is None or left.had(published):
            inboxes.append(left.inbox)
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    return inboxes


async def forget(context: Context, actor: str) -> None:
    """Forgets all servers that were left behind by those around an actor that is no more."""
    await context.session.execute(delete(_departures).where(_departures.c.actor_index == _actor_index(context, actor)))


async def sweep(context: Context) -> int:
    """Forgets what was kept for 180 days, and what an actor has too much of; how many rows."""
    old = delete(_departures).where(_departures.c.delete_after <= context.now).returning(_departures.c.place_index)
    count = len((await context.session.execute(old)).all())
    by_actor = _departures.c.actor_index
    crowded = select(by_actor).group_by(by_actor).having(func.count() > MOST)
    for actor in (await context.session.execute(crowded)).scalars().all():
        newest_first = (_departures.c.left_at.desc(), _departures.c.place_index)
        surplus = select(_departures.c.place_index).where(by_actor == actor).order_by(*newest_first).offset(MOST)
        done = delete(_departures).where(_departures.c.place_index.in_(surplus)).returning(_departures.c.place_index)
        count += len((await context.session.execute(done)).all())
    return count


async def _place(context: Context, actor: str, host: str) -> tuple[bytes, _Left | None]:
    """The row for a server: its own, else a free one of its domain's, else that of the one left longest ago.

    With what is noted there about this very server.
    """
    domain, index = registrable(host), context.vault.index
    # Each server begins elsewhere, so that two that are noted at the same moment hardly want the same row.
    first = crc32(host.encode())
    numbers = [(first + step) % MOST_OF_A_DOMAIN for step in range(MOST_OF_A_DOMAIN)]
    places = [index("departures.place", f"{actor}\n{domain}\n{number}") for number in numbers]
    statement = select(_departures).where(_departures.c.place_index.in_(places))
    taken: dict[bytes, _Left] = {}
    for row in (await context.session.execute(statement)).all():
        taken[row.place_index] = await _open(context, row)
    for place, left in taken.items():
        if host_of(left.inbox) == host:
            return place, left
    free = (place for place in places if place not in taken)
    return next(free, None) or min(taken, key=lambda place: taken[place].stays[-1].left_at), None


def _actor_index(context: Context, actor: str) -> bytes:
    return context.vault.index("departures.actor", actor)


def _end_of_day(moment: datetime) -> datetime:
    """What is readable without the key. Never earlier than the moment itself, which is sealed."""
    return datetime.combine(moment.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)


def _cell(place: bytes) -> Cell:
    return Cell("departures", "sealed_record", place.hex(), "server")


def _encoded(left: _Left) -> bytes:
    stays = [[stay.since.isoformat(), stay.left_at.isoformat()] for stay in left.stays]
    return json.dumps([left.inbox, stays]).encode()


async def _open(context: Context, row: Row[Any]) -> _Left:
    inbox, stays = json.loads(await context.vault.open(_cell(row.place_index), row.sealed_record))
    return _Left(inbox, tuple(_Stay(date.fromisoformat(since), datetime.fromisoformat(left)) for since, left in stays))
