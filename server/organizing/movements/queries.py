"""Reads movements and circles. Shows nothing about who belongs to them."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import Circle, LocalActor, Movement
from server.organizing.movements.policy import MEMBERS
from server.organizing.parties import ACTIVE
from server.vault import SERVER_SCOPE


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement with its actor and its active circles."""

    actor: LocalActor
    movement: Movement
    circles: tuple[LocalActor, ...]


async def list_movements(context: Context, *, posture: str | None = None) -> list[Entry]:
    """All active movements, or those with one posture, by handle. For the operator: quiet ones are in no directory."""
    statement = select(LocalActor, Movement).join(Movement, col(Movement.actor_id) == col(LocalActor.id))
    statement = statement.where(col(LocalActor.state) == ACTIVE).order_by(col(LocalActor.handle))
    if posture is not None:
        statement = statement.where(col(Movement.posture) == posture)
    rows = (await context.session.execute(statement)).all()
    return [Entry(row[0], row[1], tuple(await circles_of_movement(context, row[1].actor_id))) for row in rows]


async def movement_by_handle(context: Context, handle: str) -> LocalActor | None:
    """The actor of an active movement; None for circles, persons and the deleted."""
    statement = select(LocalActor).join(Movement, col(Movement.actor_id) == col(LocalActor.id))
    statement = statement.where(col(LocalActor.handle) == handle.lower(), col(LocalActor.state) == ACTIVE)
    return (await context.session.execute(statement)).scalar_one_or_none()


async def circle_of(context: Context, movement_id: str, purpose: str = MEMBERS) -> LocalActor | None:
    """The active circle of a movement with this purpose."""
    statement = select(LocalActor).join(Circle, col(Circle.actor_id) == col(LocalActor.id))
    statement = statement.where(
        col(Circle.movement_id) == movement_id, col(Circle.purpose) == purpose, col(LocalActor.state) == ACTIVE
    )
    return (await context.session.execute(statement)).scalar_one_or_none()


async def circle_actor(context: Context, movement: Movement) -> LocalActor:
    """The circle of members that every movement has."""
    circle = await circle_of(context, movement.actor_id)
    if circle is None:
        raise LookupError("the movement has no circle of members")
    return circle


async def circles_of_movement(context: Context, movement_id: str) -> list[LocalActor]:
    """All active circles of a movement, by handle."""
    statement = select(LocalActor).join(Circle, col(Circle.actor_id) == col(LocalActor.id))
    statement = statement.where(col(Circle.movement_id) == movement_id, col(LocalActor.state) == ACTIVE)
    return list((await context.session.execute(statement.order_by(col(LocalActor.handle)))).scalars())


async def is_circle(context: Context, actor: LocalActor) -> bool:
    """Whether a local actor is a circle: locked, and its followers are its members."""
    return actor.kind == "Group" and await context.session.get(Circle, actor.id) is not None


async def movement_of(context: Context, circle: LocalActor) -> LocalActor | None:
    """The movement's actor that a circle belongs to; None for what is no circle."""
    row = await context.session.get(Circle, circle.id)
    return await context.session.get(LocalActor, row.movement_id) if row is not None else None


def scope_of(movement_id: str) -> str:
    """The scope of the data key that seals what belongs to a movement and its circles."""
    return f"movement:{movement_id}"


async def scope_of_group(context: Context, group: str) -> str:
    """The scope of a group by its actor id: its movement's, or the server's for groups elsewhere."""
    located = context.origin.locate(group)
    if located is None or located.kind != "actor":
        return SERVER_SCOPE
    if await context.session.get(Movement, located.id) is not None:
        return scope_of(located.id)
    circle = await context.session.get(Circle, located.id)
    return SERVER_SCOPE if circle is None else scope_of(circle.movement_id)
