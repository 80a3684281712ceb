"""As whom a person may sign in: themselves, and every movement and circle that they organize."""

from dataclasses import dataclass

from federation.context import Context
from models import LocalActor
from server.organizing.membership import queries as membership
from server.organizing.membership.records import Role
from server.organizing.movements.policy import MEMBERS
from server.organizing.movements.queries import circle_of, is_circle, movement_of
from server.organizing.parties import local_actor


@dataclass(frozen=True, slots=True)
class Identity:
    """An actor that somebody may speak as; of a circle, `movement` is whose it is."""

    actor: LocalActor
    movement: LocalActor | None = None


async def identities_of(context: Context, person: LocalActor) -> list[Identity]:
    """The person first, then their movements, each followed by its circles."""
    found = [Identity(person)]
    for place in await membership.circles_of(context, context.origin.actor(person.id)):
        circle = await local_actor(context, place.group) if place.role is Role.ORGANIZER else None
        if circle is None:
            continue
        movement = await movement_of(context, circle)
        if movement is not None and await _is_for_members(context, movement, circle):
            found.append(Identity(movement))
        found.append(Identity(circle, movement))
    return found


async def may_speak(context: Context, person: LocalActor, speaker: LocalActor) -> bool:
    """Whether a person may act as an actor at this moment: organizers of its members' circle speak for a movement."""
    if speaker.id == person.id:
        return True
    circle = speaker if await is_circle(context, speaker) else await circle_of(context, speaker.id)
    if circle is None:
        return False
    return await membership.role_of(context, circle, context.origin.actor(person.id)) is Role.ORGANIZER


async def _is_for_members(context: Context, movement: LocalActor, circle: LocalActor) -> bool:
    members = await circle_of(context, movement.id, MEMBERS)
    return members is not None and members.id == circle.id
