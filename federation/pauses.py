"""Stops work on a queue, for all processes on the same database, until somebody resumes it. Nothing queued is lost."""

from datetime import datetime
from typing import Literal

from sqlmodel import col, select

from federation.context import Context
from models import ServerSetting

Direction = Literal["in", "out"]
"""What was received and waits to be processed, or what waits to be delivered."""

DIRECTIONS: tuple[Direction, ...] = ("in", "out")

_LANES = {"in": "inbox", "out": "deliveries"}


async def pause(context: Context, direction: Direction) -> bool:
    """Stops a queue; False when it stood still already. What is in the middle of being done is finished."""
    if await paused_since(context, direction) is not None:
        return False
    context.session.add(ServerSetting(name=_name(direction), value=context.now.isoformat()))
    return True


async def resume(context: Context, direction: Direction) -> bool:
    """Lets a queue go on; False when it was not paused."""
    row = await context.session.get(ServerSetting, _name(direction))
    if row is None:
        return False
    await context.session.delete(row)
    context.wake(_LANES[direction])
    return True


async def paused_since(context: Context, direction: Direction) -> datetime | None:
    """Since when a queue is paused, None while it is not. One look-up by primary key."""
    statement = select(col(ServerSetting.value)).where(col(ServerSetting.name) == _name(direction))
    value = (await context.session.execute(statement)).scalar_one_or_none()
    return None if value is None else datetime.fromisoformat(value)


def _name(direction: Direction) -> str:
    return f"paused.{direction}"
