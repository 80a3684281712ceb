"""Reads lists, for their owner's own eyes."""

from dataclasses import dataclass

from federation.context import Context
from models import LocalActor
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind


@dataclass(frozen=True, slots=True)
class OwnList:
    """A list. `members` are the ids of actors, the newest last; an `exclusive` one takes them out of home."""

    id: str
    number: int
    title: str
    replies: str = "list"
    exclusive: bool = False
    members: tuple[str, ...] = ()


def read(kept: Kept) -> OwnList:
    """The list that a record holds."""
    values = kept.values
    return OwnList(
        kept.id, kept.number, values["title"], values["replies"], values["exclusive"], tuple(values["members"])
    )


async def lists_of(context: Context, owner: LocalActor) -> list[OwnList]:
    """All lists of an actor, by title."""
    found = [read(kept) for kept in await records.all_of(context, context.origin.actor(owner.id), Kind.LIST)]
    return sorted(found, key=lambda made: (made.title.casefold(), made.number))


async def find_list(context: Context, owner: LocalActor, list_id: str) -> OwnList | None:
    """One of an actor's own lists."""
    kept = await records.find_by_id(context, Kind.LIST, context.origin.actor(owner.id), list_id)
    return read(kept) if kept is not None else None
