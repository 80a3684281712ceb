"""How far somebody has read, so that their other devices go on from there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from federation.context import Context
from models import LocalActor
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind

TIMELINES: Final = ("home", "notifications")
LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Marker:
    """The id of what was read last; `version` counts the changes."""

    last_read: str
    version: int
    updated: datetime


async def markers_of(context: Context, owner: LocalActor) -> dict[str, Marker]:
    """How far somebody has read in each timeline in which they have."""
    found = await records.all_of(context, context.origin.actor(owner.id), Kind.MARKER)
    return {kept.about: _read(kept) for kept in found}


async def mark(context: Context, *, owner: LocalActor, timeline: str, last_read: str) -> Marker:
    """Moves a marker, which may go back as well."""
    own = context.origin.actor(owner.id)
    known = await records.find(context, Kind.MARKER, own, timeline)
    values = {
        "last_read": last_read,
        "version": known.values["version"] + 1 if known is not None else 1,
        "updated": context.now.replace(microsecond=0).isoformat(),
    }
    return _read(await records.put(context, Kept(kind=Kind.MARKER, owner=own, about=timeline, values=values)))


def _read(kept: Kept) -> Marker:
    values = kept.values
    return Marker(values["last_read"], values["version"], datetime.fromisoformat(values["updated"]))
