"""Who is not heard: the one place where blocks, mutes and personal domain blocks become what is left out."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from federation.context import Context
from federation.origin import BadUri, host_of
from server.organizing.moderation.policy import is_below
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind


class Where(StrEnum):
    """Where something would be shown. Blocks count everywhere, mutes and domains where nobody asked for the one."""

    EVERYWHERE = "everywhere"
    TIMELINES = "timelines"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class Silence:
    """Actors, by their ids, and domains with all below them, of which nothing is shown."""

    actors: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def covers(self, actor: str) -> bool:
        """Whether nothing of an actor is shown."""
        return actor in self.actors or (bool(self.domains) and self._is_shut_out(actor))

    def _is_shut_out(self, actor: str) -> bool:
        try:
            host = host_of(actor)
        except BadUri:
            return False
        return any(is_below(host, domain) for domain in self.domains)


NONE = Silence()


async def silence_of(context: Context, viewer: str | None, where: Where = Where.EVERYWHERE) -> Silence:
    """Of whom nothing is shown to a viewer, by its id: one query. Whoever blocked the viewer is among them."""
    if viewer is None:
        return NONE
    kinds = () if not context.origin.owns(viewer) else _KINDS[where]
    found = await records.around(context, viewer, kinds=kinds, aimed=[Kind.BLOCK])
    actors = {kept.owner if kept.about == viewer else kept.about for kept in found if _COUNTS[where](kept)}
    domains = {kept.about for kept in found if kept.kind is Kind.DOMAIN}
    return Silence(frozenset(actors - {viewer}), frozenset(domains))


async def are_apart(context: Context, one: str, other: str) -> bool:
    """Whether one of two actors blocked the other."""
    found = await records.between(context, one, [other])
    return any(kept.kind is Kind.BLOCK for kept in found)


_KINDS: dict[Where, tuple[Kind, ...]] = {
    Where.EVERYWHERE: (Kind.BLOCK,),
    Where.TIMELINES: (Kind.BLOCK, Kind.MUTE, Kind.DOMAIN),
    Where.NOTIFICATIONS: (Kind.BLOCK, Kind.MUTE, Kind.DOMAIN),
}
_COUNTS: dict[Where, Callable[[Kept], bool]] = {
    Where.EVERYWHERE: lambda kept: kept.kind is Kind.BLOCK,
    Where.TIMELINES: lambda kept: kept.kind in (Kind.BLOCK, Kind.MUTE),
    Where.NOTIFICATIONS: lambda kept: (
        kept.kind is Kind.BLOCK or (kept.kind is Kind.MUTE and kept.values.get("notifications") is True)
    ),
}
