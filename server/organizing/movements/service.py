"""Makes and describes movements and their circles. Never commits."""

from crypto.tokens import random_id
from federation.context import Context
from federation.identities import HANDLE, Keypairs, make_actor
from models import Circle, LocalActor, Movement
from server.organizing import profiles
from server.organizing.membership import service as membership
from server.organizing.movements import policy
from server.organizing.movements.policy import MEMBERS
from server.organizing.people.queries import find_actor
from server.organizing.refusal import require

NEUTRAL_NAME = "Notes"
"""The name of a circle in a quiet movement: it may stand in the list of those whom a member follows elsewhere."""

_HANDLE_LETTERS = 12


async def create_movement(
    context: Context,
    *,
    handle: str,
    name: str,
    keypairs: Keypairs,
    circle_keypairs: Keypairs,
    summary: str = "",
    posture: str = "quiet",
    organizer: LocalActor | None = None,
) -> Movement:
    """Makes a movement, its locked circle of members, and the organizer's membership in that.

    Both get keys that were made before (`make_keypairs`). Raises `Refused`, `BadHandle` or `HandleTaken`.
    """
    kind = organizer.kind if organizer is not None else None
    require(policy.may_create(name=name, summary=summary, posture=posture, organizer_kind=kind))
    actor = await make_actor(
        context,
        kind="Group",
        handle=handle,
        keypairs=keypairs,
        name=name.strip(),
        summary=summary,
        discoverable=posture == "public",
    )
    movement = Movement(actor_id=actor.id, posture=posture)
    context.session.add(movement)
    await context.session.flush()
    await open_circle(context, movement=movement, purpose=MEMBERS, keypairs=circle_keypairs, organizer=organizer)
    return movement


async def open_circle(
    context: Context, *, movement: Movement, purpose: str, keypairs: Keypairs, organizer: LocalActor | None
) -> LocalActor:
    """Makes a locked circle of a movement; in a quiet one, neither handle nor name says whose it is."""
    actor = await context.session.get_one(LocalActor, movement.actor_id)
    handle, name = await _circle_handle(context, actor, movement, purpose), NEUTRAL_NAME
    if movement.posture != "quiet":
        name = f"{actor.name}: {purpose}"[: policy.LONGEST_NAME]
    circle = await make_actor(context, kind="Group", handle=handle, keypairs=keypairs, name=name, locked=True)
    context.session.add(Circle(actor_id=circle.id, movement_id=movement.actor_id, purpose=purpose))
    await context.session.flush()
    if organizer is not None:
        await membership.found(context, circle=circle, organizer=organizer)
    return circle


async def update_movement(context: Context, *, group: LocalActor, name: str, summary: str) -> None:
    """Changes what a movement or circle says of itself and tells its followers. Raises `Refused`."""
    await profiles.revise(context, actor=group, name=name, summary=summary)


async def _circle_handle(context: Context, actor: LocalActor, movement: Movement, purpose: str) -> str:
    readable = f"{actor.handle}_{purpose}"
    free = HANDLE.fullmatch(readable) is not None and await find_actor(context, readable) is None
    return readable if free and movement.posture != "quiet" else f"c{random_id()[:_HANDLE_LETTERS]}"
