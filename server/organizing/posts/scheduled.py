"""Keeps what actors are going to say, sealed, until its time. Decides nothing."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlmodel import col

from crypto.sealing import CannotOpen, Cell
from crypto.tokens import Random, random_id
from federation.context import Context
from models import ScheduledPost
from server.organizing.numbers import draw_number
from server.organizing.window import Window
from server.vault import SERVER_SCOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody wrote: all that `service.publish` needs, and nothing that is found out only then.

    `audience` is a word of `service.AUDIENCES`, `reply_to` the id of a post's row, `poll_lasts` seconds; a
    draft without a poll has neither options nor that.
    """

    text: str = ""
    audience: str = "public"
    reply_to: str | None = None
    content_warning: str | None = None
    sensitive: bool = False
    language: str | None = None
    media: tuple[str, ...] = ()
    poll_options: tuple[str, ...] = ()
    poll_lasts: int = 0
    poll_multiple: bool = False
    poll_hides_totals: bool = False


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A draft with its time; `owner` is the id of the actor who is going to say it."""

    number: int
    due: datetime
    owner: str
    draft: Draft


async def put(context: Context, owner: str, draft: Draft, due: datetime, *, random: Random = os.urandom) -> Scheduled:
    """Keeps a draft until its time. Flushes."""
    row = ScheduledPost(
        id=random_id(random),
        number=draw_number(context.now, random),
        owner_index=_owner_index(context, owner),
        due_at=due,
    )
    plain = json.dumps({"owner": owner, "draft": asdict(draft)}).encode()
    row.sealed_record = await context.vault.seal(_cell(row.id), plain)
    context.session.add(row)
    await context.session.flush()
    return Scheduled(row.number, due, owner, draft)


async def list_of(context: Context, owner: str, window: Window) -> list[Scheduled]:
    """What an actor is going to say, what was scheduled last first."""
    owned = select(ScheduledPost).where(col(ScheduledPost.owner_index) == _owner_index(context, owner))
    rows = (await context.session.execute(window.of(owned, col(ScheduledPost.number)))).scalars().all()
    return window.newest_first([await _opened(context, row) for row in rows])


async def find(context: Context, owner: str, number: int) -> Scheduled | None:
    """One of an actor's own."""
    rows = await context.session.execute(select(ScheduledPost).where(*_this(context, owner, number)))
    row = rows.scalar_one_or_none()
    return await _opened(context, row) if row is not None else None


async def postpone(context: Context, owner: str, number: int, due: datetime) -> Scheduled | None:
    """Gives one of an actor's own another time; None where there is none, or its time has come."""
    chosen = select(ScheduledPost).where(*_this(context, owner, number)).with_for_update()
    row = (await context.session.execute(chosen)).scalar_one_or_none()
    if row is None:
        return None
    row.due_at = due
    context.session.add(row)
    await context.session.flush()
    return await _opened(context, row)


async def remove(context: Context, owner: str, number: int) -> bool:
    """Forgets one of an actor's own; whether there was one."""
    done = delete(ScheduledPost).where(*_this(context, owner, number)).returning(col(ScheduledPost.id))
    return bool((await context.session.execute(done)).all())


async def count(context: Context, owner: str) -> int:
    """How much an actor is going to say."""
    owned = col(ScheduledPost.owner_index) == _owner_index(context, owner)
    return int((await context.session.execute(select(func.count()).where(owned))).scalar_one())


async def any_due(context: Context) -> bool:
    """Whether the time of something has come."""
    due = select(col(ScheduledPost.id)).where(col(ScheduledPost.due_at) <= context.now).limit(1)
    return (await context.session.execute(due)).first() is not None


async def take_due(context: Context) -> Scheduled | None:
    """The first whose time has come, taken out; another process takes another one."""
    due = select(ScheduledPost).where(col(ScheduledPost.due_at) <= context.now).order_by(col(ScheduledPost.due_at))
    rows = await context.session.execute(due.limit(1).with_for_update(skip_locked=True))
    row = rows.scalar_one_or_none()
    if row is None:
        return None
    await context.session.delete(row)
    await context.session.flush()
    with suppress(CannotOpen):  # nobody will ever read it
        return await _opened(context, row)
    return None


async def forget_owner(context: Context, owner: str) -> None:
    """Forgets everything an actor was going to say."""
    owned = col(ScheduledPost.owner_index) == _owner_index(context, owner)
    await context.session.execute(delete(ScheduledPost).where(owned))


def _this(context: Context, owner: str, number: int) -> tuple[ColumnElement[bool], ...]:
    owned = col(ScheduledPost.owner_index) == _owner_index(context, owner)
    return col(ScheduledPost.number) == number, owned


async def _opened(context: Context, row: ScheduledPost) -> Scheduled:
    values = json.loads(await context.vault.open(_cell(row.id), row.sealed_record))
    draft = values["draft"]
    lists = {name: tuple(draft[name]) for name in ("media", "poll_options")}
    return Scheduled(row.number, row.due_at, values["owner"], Draft(**(draft | lists)))


def _owner_index(context: Context, owner: str) -> bytes:
    return context.vault.index("scheduled_posts.owner", owner)


def _cell(row: str) -> Cell:
    return Cell("scheduled_posts", "sealed_record", row, SERVER_SCOPE)
