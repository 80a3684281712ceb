"""Shows somebody what they were told: one by one, put together, or waiting apart. Only to themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC

from federation.context import Context
from models import LocalActor
from server.organizing.notifications import records
from server.organizing.notifications.kinds import TOGETHER, Kind, kinds_for
from server.organizing.notifications.records import Record
from server.organizing.window import Window

MOST_SAMPLES = 8
"""Accounts that are shown of a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which notifications somebody asks for. `sender` is the id of an actor."""

    kinds: Collection[str] = ()
    without: Collection[str] = ()
    sender: str | None = None
    with_filtered: bool = False

    def takes(self, record: Record) -> bool:
        """Whether a notification is among them."""
        if record.filtered and not self.with_filtered:
            return False
        if self.sender is not None and record.sender != self.sender:
            return False
        return (not self.kinds or record.kind in self.kinds) and record.kind not in self.without


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Notifications that are shown as one. `page` are those of the part asked for, `samples` the newest of all."""

    key: str
    kind: Kind
    count: int
    page: Sequence[Record]
    samples: Sequence[Record]

    @property
    def newest(self) -> Record:
        """The newest in this part."""
        return self.page[0]


@dataclass(frozen=True, slots=True)
class Request:
    """What waits of one sender until the receiver accepts them, newest first."""

    sender: str
    waiting: Sequence[Record]


async def all_of(context: Context, receiver: LocalActor, chosen: Chosen) -> list[Record]:
    """Everything chosen, newest first."""
    kinds = kinds_for(receiver.kind)
    found = await records.of_receiver(context, receiver)
    return [record for record in found if record.kind in kinds and chosen.takes(record)]


async def page_of(context: Context, receiver: LocalActor, chosen: Chosen, window: Window) -> list[Record]:
    """One part of it, newest first."""
    within = _within(await all_of(context, receiver, chosen), window)
    return within[-window.size :] if window.after is not None else within[: window.size]


async def find(context: Context, receiver: LocalActor, number: str) -> Record | None:
    """One of somebody's own, by the id that clients know."""
    found = await all_of(context, receiver, Chosen(with_filtered=True))
    return next((record for record in found if str(record.number) == number), None)


async def groups_of(
    context: Context,
    receiver: LocalActor,
    chosen: Chosen,
    window: Window,
    *,
    together: Collection[str] = TOGETHER,
) -> list[Group]:
    """At most so many groups: a part without gaps, so that what follows it begins where it ends."""
    everything = await all_of(context, receiver, chosen)
    within = _within(everything, window)
    upwards = window.after is not None
    seen: set[str] = set()
    part: list[Record] = []
    for record in reversed(within) if upwards else within:
        key = group_key(record, together)
        if key not in seen and len(seen) == window.size:
            break
        seen.add(key)
        part.append(record)
    return _grouped(part[::-1] if upwards else part, everything, together)


async def group_of(context: Context, receiver: LocalActor, key: str) -> Group | None:
    """One group, whole."""
    everything = await all_of(context, receiver, Chosen(with_filtered=True))
    for together in (TOGETHER, frozenset[Kind]()):
        members = [record for record in everything if group_key(record, together) == key]
        if members:
            return _grouped(members, everything, together)[0]
    return None


async def requests_of(context: Context, receiver: LocalActor) -> list[Request]:
    """Whose notifications wait, by the newest of each, newest first."""
    waiting: dict[str, list[Record]] = {}
    for record in await all_of(context, receiver, Chosen(with_filtered=True)):
        if record.filtered:
            waiting.setdefault(record.sender, []).append(record)
    return [Request(sender, found) for sender, found in waiting.items()]


def group_key(record: Record, together: Collection[str] = TOGETHER) -> str:
    """What a notification is shown with: the same done to the same post, or to oneself, on the same day."""
    if record.kind not in together or record.kind not in TOGETHER:
        return f"ungrouped-{record.number}"
    day = record.moment.astimezone(UTC).date().toordinal()
    return f"{record.kind}-{record.post}-{day}" if record.post else f"{record.kind}-{day}"


def _grouped(part: Sequence[Record], everything: Sequence[Record], together: Collection[str]) -> list[Group]:
    pages: dict[str, list[Record]] = {}
    for record in part:
        pages.setdefault(group_key(record, together), []).append(record)
    members: dict[str, list[Record]] = {}
    for record in everything:
        key = group_key(record, together)
        if key in pages:
            members.setdefault(key, []).append(record)
    return [
        Group(key=key, kind=page[0].kind, count=len(members[key]), page=page, samples=members[key][:MOST_SAMPLES])
        for key, page in pages.items()
    ]


def _within(found: Sequence[Record], window: Window) -> list[Record]:
    low = max(window.since or 0, window.after or 0)
    return [record for record in found if record.number > low and (window.before or 2**63) > record.number]
