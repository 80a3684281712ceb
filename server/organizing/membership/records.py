"""Keeps memberships sealed, and finds them by blind index. Decides nothing."""

import asyncio
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from crypto.sealing import CannotOpen, Cell
from crypto.tokens import random_id
from federation import departures
from federation.addressing import Recipient
from federation.context import Context
from federation.origin import BadUri, host_of
from models import Circle, Membership
from server.organizing.membership.states import State, Step, advance
from server.organizing.movements.queries import scope_of, scope_of_group
from server.vault import SERVER_SCOPE

_BREATH = 1_000
"""Rows opened before others get a turn."""


class Role(StrEnum):
    """What a member may do in a circle."""

    ORGANIZER = "organizer"
    MODERATOR = "moderator"
    MEMBER = "member"


class Way(StrEnum):
    """How a membership came about; it decides in which words it is answered and ended."""

    LOCAL = "local"
    FOLLOW = "follow"
    JOIN = "join"
    INVITE = "invite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One membership, opened. `state` is None before it began and after it ended.

    `activity` is the id of the Follow, Join or Invite that began it. `member` receives at `inbox`. Of a group
    elsewhere, `answer_to` is where its server hears us, `inviter` who sent the Invite, and `remote_id` the address
    that server gave to the membership.
    """

    id: str = field(default_factory=random_id)
    group: str
    member: str
    state: State | None = None
    way: Way
    since: date
    inbox: str
    shared_inbox: str | None = None
    role: Role = Role.MEMBER
    activity: str | None = None
    answer_to: str | None = None
    inviter: str | None = None
    remote_id: str | None = None

    @property
    def recipient(self) -> Recipient:
        """Where the member receives."""
        return Recipient(actor=self.member, inbox=self.inbox, shared_inbox=self.shared_inbox)

    @property
    def host(self) -> str:
        """The member's host, with its port."""
        try:
            return host_of(self.member)
        except BadUri:  # kept by an older version that was less strict
            return ""

    def after(self, step: Step) -> Self:
        """The same one step later. Raises `NotPossible`."""
        return replace(self, state=advance(self.state, step))

    def but(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return replace(self, **changes)


async def find(context: Context, *, group: str, member: str) -> Record | None:
    """The membership of one person in one group, whatever its state."""
    found = await _load(context, _group_is(context, group), _member_is(context, member))
    return found[0] if found else None


async def find_by_activity(context: Context, activity: str) -> Record | None:
    """The membership begun by the Follow, Join or Invite with this id."""
    found = await _load(context, col(Membership.activity_index) == _index(context, "activity", activity))
    return found[0] if found else None


async def of_group(context: Context, group: str, *, state: State | None = None) -> list[Record]:
    """All memberships in a group, or those in one state, oldest first."""
    return await _load(context, _group_is(context, group), *_state_is(state))


async def on_host(context: Context, group: str, host: str) -> list[Record]:
    """The memberships in a group from one host (with its port), whatever their state. Opens no others."""
    return await _load(context, col(Membership.host_index) == _host_index(context, group, host))


async def any_active(context: Context, group: str) -> bool:
    """Whether a group has an active member that is known here; nothing is opened."""
    statement = select(col(Membership.id)).where(_group_is(context, group), *_state_is(State.ACTIVE)).limit(1)
    return (await context.session.execute(statement)).first() is not None


async def active_among(context: Context, group: str, actors: Collection[str]) -> set[str]:
    """Those of the actors who are active members of a group. One query, however many they are; nothing is opened."""
    by_index = {_index(context, "member", actor): actor for actor in actors}
    active = _group_is(context, group), col(Membership.state) == State.ACTIVE
    among = select(col(Membership.member_index)).where(*active, col(Membership.member_index).in_(by_index))
    return {by_index[index] for index in (await context.session.execute(among)).scalars()}


async def is_welcome(context: Context, member: str) -> bool:
    """Whether somebody belongs to a group, or was invited to one; nothing is opened. Whoever only asked is not."""
    statement = select(col(Membership.id)).where(
        _member_is(context, member), col(Membership.state).in_((State.ACTIVE, State.INVITED))
    )
    return (await context.session.execute(statement.limit(1))).first() is not None


async def with_places(context: Context, actors: Collection[str]) -> set[str]:
    """Those of the actors that belong, or ask to belong, somewhere, or are a group of somebody here."""
    found: set[str] = set()
    for end in ("member", "group"):
        by_index = {_index(context, end, actor): actor for actor in actors}
        column = col(Membership.member_index if end == "member" else Membership.group_index)
        rows = await context.session.execute(select(column).where(column.in_(by_index)).distinct())
        found |= {by_index[index] for index in rows.scalars()}
    return found


async def of_member(context: Context, member: str, *, state: State | None = None) -> list[Record]:
    """All memberships of a person, or those in one state, oldest first."""
    return await _load(context, _member_is(context, member), *_state_is(state))


async def undecided_since(context: Context, day: date) -> list[Record]:
    """All applications and invitations, of any group, that began before a day."""
    return await _load(context, col(Membership.state) != State.ACTIVE, col(Membership.since) < day)


async def put(context: Context, record: Record) -> None:
    """Adds or replaces a membership; of one that ended, nothing remains but a note of the server it was on."""
    row = await context.session.get(Membership, record.id)
    if record.state is None:
        if row is not None:
            was_active = row.state == State.ACTIVE
            await context.session.delete(row)
            await context.session.flush()
            context.wake("log")
            if was_active:
                await departures.note(context, actor=record.group, leaver=record.recipient, since=row.since)
        return
    since = record.since if row is None or row.state == record.state else context.now.date()
    contents = asdict(record)
    for plain in ("id", "state", "since"):
        del contents[plain]
    cell = _cell(record.id, await scope_of_group(context, record.group))
    row = row or Membership(
        id=record.id,
        group_index=_index(context, "group", record.group),
        member_index=_index(context, "member", record.member),
        state=record.state,
        since=since,
    )
    row.state, row.since = record.state, since
    row.host_index = _host_index(context, record.group, record.host)
    row.activity_index = _index(context, "activity", record.activity) if record.activity else None
    row.sealed_record = await context.vault.seal(cell, json.dumps(contents).encode())
    context.session.add(row)
    await context.session.flush()


async def index_hosts(context: Context, limit: int = _BREATH) -> int:
    """Fills the host index of rows from before there was one; how many, none when all have it. Call until then."""
    statement = select(Membership).where(col(Membership.host_index).is_(None)).limit(limit)
    rows = (await context.session.execute(statement)).scalars().all()
    for row in rows:
        try:
            (record,) = await _open_all(context, [row])
        except CannotOpen:  # it stays unreadable, and nobody is found by it
            row.host_index = _index(context, "host", row.id)
        else:
            row.host_index = _host_index(context, record.group, record.host)
    await context.session.flush()
    return len(rows)


async def _load(context: Context, *conditions: ColumnElement[bool]) -> list[Record]:
    statement = select(Membership).where(*conditions).order_by(col(Membership.since), col(Membership.id))
    return await _open_all(context, (await context.session.execute(statement)).scalars().all())


async def _open_all(context: Context, rows: Sequence[Membership]) -> list[Record]:
    scopes = await _scopes(context) if rows else {}
    found = []
    for number, row in enumerate(rows, start=1):
        found.append(await _opened(context, row, scopes.get(row.group_index, SERVER_SCOPE)))
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    return found


async def _opened(context: Context, row: Membership, scope: str) -> Record:
    contents = json.loads(await context.vault.open(_cell(row.id, scope), row.sealed_record))
    contents |= {"way": Way(contents["way"]), "role": Role(contents["role"])}
    return Record(id=row.id, state=State(row.state), since=row.since, **contents)


async def _scopes(context: Context) -> dict[bytes, str]:
    """Under which scope a row is sealed, by its group's index: the group's name is inside what is to be opened."""
    circles = (await context.session.execute(select(Circle))).scalars()
    origin = context.origin
    return {_index(context, "group", origin.actor(c.actor_id)): scope_of(c.movement_id) for c in circles}


def _cell(row: str, scope: str) -> Cell:
    return Cell("memberships", "sealed_record", row, scope)


def _index(context: Context, column: str, value: str) -> bytes:
    return context.vault.index(f"memberships.{column}", value)


def _host_index(context: Context, group: str, host: str) -> bytes:
    return _index(context, "host", f"{group}\n{host}")


def _group_is(context: Context, group: str) -> ColumnElement[bool]:
    return col(Membership.group_index) == _index(context, "group", group)


def _member_is(context: Context, member: str) -> ColumnElement[bool]:
    return col(Membership.member_index) == _index(context, "member", member)


def _state_is(state: State | None) -> list[ColumnElement[bool]]:
    return [] if state is None else [col(Membership.state) == state]
