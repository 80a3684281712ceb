"""Remembers who follows whom. Whoever lacks the key cannot tell either end of an edge.

One row for each pair of follower and followee, in either direction and between any two actors, local or remote.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, bindparam, delete, func, or_, select, update
from sqlmodel import SQLModel

from crypto import tokens
from crypto.sealing import CannotOpen, Cell
from federation import departures
from federation.addressing import Recipient
from federation.context import Context
from federation.origin import BadUri, host_of
from federation.upserts import insert_into
from models import Follow

State = Literal["requested", "accepted"]

_follows = SQLModel.metadata.tables[str(Follow.__tablename__)]
_SCOPE = "server"
_ANY = select(_follows.c.id).where(_follows.c.followee_index == bindparam("followee"), _follows.c.state == "accepted")
_ANY = _ANY.limit(1)
_BREATH = 1_000
"""Rows opened before others get a turn: about ten milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One follow. `activity` is the id of the Follow; `inbox` and `shared_inbox` are where the follower receives."""

    follower: str
    followee: str
    activity: str
    inbox: str
    state: State
    since: date
    shared_inbox: str | None = None
    id: str = ""


async def find(context: Context, *, follower: str, followee: str) -> Edge | None:
    """The edge between two actors, whatever its state."""
    edges = await _select(context, _pair(context, follower, followee))
    return edges[0] if edges else None


async def find_by_activity(context: Context, activity: str) -> Edge | None:
    """The edge that the Follow with this id made or renewed. The caller compares the actors."""
    edges = await _select(context, _follows.c.activity_index == context.vault.index("follows.activity", activity))
    return next((edge for edge in edges if edge.activity == activity), None)


async def put(context: Context, edge: Edge) -> Edge:
    """Writes the edge in place of any other between the same two actors, and gives it back with its id.

    A second Follow replaces the first, its id and its state included, so that Undo of the newer one works; whoever
    wants to keep a state looks it up first.
    """
    stored = replace(edge, id=tokens.random_id())
    index = context.vault.index
    row = insert_into(context, _follows).values(
        id=stored.id,
        follower_index=index("follows.follower", edge.follower),
        followee_index=index("follows.followee", edge.followee),
        activity_index=index("follows.activity", edge.activity),
        host_index=_host_index(context, edge.followee, _host(edge.follower)),
        sealed_edge=await _seal(context, stored),
        state=edge.state,
        since=edge.since,
    )
    anew = ("id", "activity_index", "host_index", "sealed_edge", "state", "since")
    replaced = {name: row.excluded[name] for name in anew}
    await context.session.execute(
        row.on_conflict_do_update(index_elements=["follower_index", "followee_index"], set_=replaced)
    )
    return stored


async def remove(context: Context, edge: Edge) -> bool:
    """Forgets what is between the edge's two actors; whether there was anything. A server left behind is noted."""
    ended = await _remove(context, _pair(context, edge.follower, edge.followee))
    await _note_departures(context, ended)
    return bool(ended)


async def remove_actor(context: Context, actor: str) -> int:
    """Forgets every edge of an actor that is no more, in both directions; how many there were.

    The servers of those who followed it are not noted: it says and takes back nothing more.
    """
    ended = await _remove(context, or_(_is_follower(context, actor), _is_followee(context, actor)))
    await _note_departures(context, [edge for edge in ended if edge.followee != actor])
    return len(ended)


async def followers_of(context: Context, followee: str, *, state: State | None = "accepted") -> list[Edge]:
    """All edges to an actor, oldest first to the day; any state with None. One query, linear in its answer."""
    return await _select(context, _is_followee(context, followee), state)


async def following_of(context: Context, follower: str, *, state: State | None = "accepted") -> list[Edge]:
    """All edges from an actor, oldest first to the day; any state with None. One query, linear in its answer."""
    return await _select(context, _is_follower(context, follower), state)


async def followers_on(context: Context, followee: str, host: str) -> list[Edge]:
    """Accepted edges to an actor from one host (with its port). Opens no others: how many there are tells nothing."""
    return await _select(context, _is_on(context, followee, host), "accepted")


async def followers_among(context: Context, followee: str, actors: Collection[str]) -> set[str]:
    """Those of the actors who follow another, accepted. One query, however many they are; nothing is opened."""
    by_index = {context.vault.index("follows.follower", actor): actor for actor in actors}
    accepted = _is_followee(context, followee) & (_follows.c.state == "accepted")
    among = select(_follows.c.follower_index).where(accepted, _follows.c.follower_index.in_(by_index))
    return {by_index[index] for index in (await context.session.execute(among)).scalars()}


async def part_by_host(context: Context, followee: str, *, after: bytes, limit: int) -> tuple[list[Edge], bytes | None]:
    """The next accepted edges to an actor, all of a server together, and after which index to go on; None at the end.

    Some `limit` of them; more where one server has more.
    """
    accepted = _is_followee(context, followee) & (_follows.c.state == "accepted")
    beyond = select(_follows).where(accepted, _follows.c.host_index > after).order_by(_follows.c.host_index)
    rows: Sequence[Row[Any]] = (await context.session.execute(beyond.limit(limit + 1))).all()
    if len(rows) <= limit:
        return await _open_all(context, rows), None
    cut = rows[-1].host_index
    whole = [row for row in rows if row.host_index != cut]
    if not whole:
        cut = rows[0].host_index
        whole = list(
            (await context.session.execute(select(_follows).where(accepted, _follows.c.host_index == cut))).all()
        )
    return await _open_all(context, whole), whole[-1].host_index


async def has_followers_on(context: Context, followee: str, host: str) -> bool:
    """Whether anybody on one host follows an actor; nothing is opened."""
    return await _count(context, _is_on(context, followee, host), "accepted") > 0


async def count_followers(context: Context, followee: str, *, state: State = "accepted") -> int:
    """How many follow an actor; nothing is opened."""
    return await _count(context, _is_followee(context, followee), state)


async def more_follow_than(context: Context, followee: str, most: int) -> bool:
    """Whether more than so many follow an actor; nothing is opened, and no more is looked at than that."""
    some = select(_follows.c.id).where(_is_followee(context, followee), _follows.c.state == "accepted").limit(most + 1)
    count = (await context.session.execute(select(func.count()).select_from(some.subquery()))).scalar_one()
    return bool(count > most)


async def has_followers(context: Context, followee: str) -> bool:
    """Whether anybody follows an actor; nothing is opened."""
    found = await context.session.execute(_ANY, {"followee": context.vault.index("follows.followee", followee)})
    return found.first() is not None


async def is_asked(context: Context, followee: str) -> bool:
    """Whether somebody waits for an actor's answer to a Follow; nothing is opened."""
    return await count_followers(context, followee, state="requested") > 0


async def count_following(context: Context, follower: str, *, state: State = "accepted") -> int:
    """How many an actor follows; nothing is opened."""
    return await _count(context, _is_follower(context, follower), state)


async def with_edges(context: Context, actors: Collection[str]) -> set[str]:
    """Those of the actors that follow or are followed, whatever the state; nothing is opened."""
    found: set[str] = set()
    for end in ("follower", "followee"):
        by_index = {context.vault.index(f"follows.{end}", actor): actor for actor in actors}
        column = _follows.c[f"{end}_index"]
        rows = await context.session.execute(select(column).where(column.in_(by_index)).distinct())
        found |= {by_index[index] for index in rows.scalars()}
    return found


async def states_between(
    context: Context, actor: str, others: Collection[str]
) -> dict[str, tuple[State | None, State | None]]:
    """How an actor follows each of the others, and each of them the actor, where there is anything: one query.

    Nothing is opened.
    """
    index = context.vault.index
    followees = {index("follows.followee", other): other for other in others}
    followers = {index("follows.follower", other): other for other in others}
    ours = _is_follower(context, actor) & _follows.c.followee_index.in_(followees)
    theirs = _is_followee(context, actor) & _follows.c.follower_index.in_(followers)
    asked = select(_follows.c.follower_index, _follows.c.followee_index, _follows.c.state).where(or_(ours, theirs))
    found: dict[str, tuple[State | None, State | None]] = {}
    for follower, followee, state in (await context.session.execute(asked)).all():
        if follower == index("follows.follower", actor):
            other = followees[followee]
            found[other] = (state, found.get(other, (None, None))[1])
        else:
            other = followers[follower]
            found[other] = (found.get(other, (None, None))[0], state)
    return found


async def relocate(context: Context, follower: str, inbox: str, shared_inbox: str | None) -> None:
    """Writes where an actor receives now into all its edges."""
    edges = await _select(context, _is_follower(context, follower))
    moved = [replace(edge, inbox=inbox, shared_inbox=shared_inbox) for edge in edges]
    changed = [new for new, old in zip(moved, edges, strict=True) if new != old]
    if changed:
        await context.session.execute(
            update(_follows).where(_follows.c.id == bindparam("row")).values(sealed_edge=bindparam("sealed")),
            [{"row": edge.id, "sealed": await _seal(context, edge)} for edge in changed],
        )


async def receiving_at(context: Context, inboxes: Iterable[str]) -> list[Edge]:
    """All edges whose follower has one of these as its own inbox. Opens every edge there is: for rare events."""
    wanted = frozenset(inboxes)
    return [edge async for edge in every_edge(context) if edge.inbox in wanted]


async def every_edge(context: Context) -> AsyncIterator[Edge]:
    """All edges, in batches and in no particular order: linear in the whole table."""
    last = ""
    while rows := (
        await context.session.execute(
            select(_follows).where(_follows.c.id > last).order_by(_follows.c.id).limit(_BREATH)
        )
    ).all():
        for row in rows:
            yield await _open(context, row)
        last = rows[-1].id
        await asyncio.sleep(0)


async def index_hosts(context: Context, limit: int = _BREATH) -> int:
    """Fills the host index of edges from before there was one; how many, none when all have it. Call until then."""
    rows = (await context.session.execute(select(_follows).where(_follows.c.host_index.is_(None)).limit(limit))).all()
    if rows:
        await context.session.execute(
            update(_follows).where(_follows.c.id == bindparam("row")).values(host_index=bindparam("host")),
            [{"row": row.id, "host": await _host_index_of(context, row)} for row in rows],
        )
    return len(rows)


async def _host_index_of(context: Context, row: Row[Any]) -> bytes:
    try:
        edge = await _open(context, row)
    except CannotOpen:  # it stays unreadable, and nobody is found by it
        return _host_index(context, row.id, "")
    return _host_index(context, edge.followee, _host(edge.follower))


async def _remove(context: Context, condition: ColumnElement[bool]) -> list[Edge]:
    done = await context.session.execute(delete(_follows).where(condition).returning(*_follows.c))
    context.wake("log")
    return await _open_all(context, done.all())


async def _note_departures(context: Context, ended: Iterable[Edge]) -> None:
    for edge in ended:
        if edge.state == "accepted":
            leaver = Recipient(actor=edge.follower, inbox=edge.inbox, shared_inbox=edge.shared_inbox)
            await departures.note(context, actor=edge.followee, leaver=leaver, since=edge.since)


async def _select(context: Context, condition: ColumnElement[bool], state: State | None = None) -> list[Edge]:
    statement = select(_follows).where(condition).order_by(_follows.c.since, _follows.c.id)
    if state is not None:
        statement = statement.where(_follows.c.state == state)
    rows = (await context.session.execute(statement)).all()
    return await _open_all(context, rows)


async def _open_all(context: Context, rows: Sequence[Row[Any]]) -> list[Edge]:
    edges = []
    for number, row in enumerate(rows, start=1):
        edges.append(await _open(context, row))
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    return edges


async def _count(context: Context, condition: ColumnElement[bool], state: State) -> int:
    statement = select(func.count()).select_from(_follows).where(condition, _follows.c.state == state)
    return int((await context.session.execute(statement)).scalar_one())


def _is_follower(context: Context, actor: str) -> ColumnElement[bool]:
    return _follows.c.follower_index == context.vault.index("follows.follower", actor)


def _is_followee(context: Context, actor: str) -> ColumnElement[bool]:
    return _follows.c.followee_index == context.vault.index("follows.followee", actor)


def _pair(context: Context, follower: str, followee: str) -> ColumnElement[bool]:
    return _is_follower(context, follower) & _is_followee(context, followee)


def _is_on(context: Context, followee: str, host: str) -> ColumnElement[bool]:
    return _follows.c.host_index == _host_index(context, followee, host)


def _host_index(context: Context, followee: str, host: str) -> bytes:
    return context.vault.index("follows.host", f"{followee}\n{host}")


def _host(uri: str) -> str:
    try:
        return host_of(uri)
    except BadUri:  # kept by an older version that was less strict
        return ""


def _cell(row: str) -> Cell:
    return Cell("follows", "sealed_edge", row, _SCOPE)


async def _seal(context: Context, edge: Edge) -> bytes:
    ends = [edge.follower, edge.followee, edge.activity, edge.inbox, edge.shared_inbox]
    return await context.vault.seal(_cell(edge.id), json.dumps(ends).encode("ascii"))


async def _open(context: Context, row: Row[Any]) -> Edge:
    plain = await context.vault.open(_cell(row.id), row.sealed_edge)
    follower, followee, activity, inbox, shared_inbox = json.loads(plain)
    return Edge(
        id=row.id,
        follower=follower,
        followee=followee,
        activity=activity,
        inbox=inbox,
        shared_inbox=shared_inbox,
        state=row.state,
        since=row.since,
    )
