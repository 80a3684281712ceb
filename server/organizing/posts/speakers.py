"""Tells as what a local actor speaks."""

from federation.context import Context
from models import Circle, LocalActor, Movement
from server.organizing.parties import ACTIVE
from server.organizing.posts.policy import Speaker
from server.organizing.refusal import Refusal, Refused

MUTE = Refusal("This account cannot post.")


async def speaker_of(context: Context, author: LocalActor) -> Speaker:
    """A person (or a service), a movement, or a circle. Raises `Refused` for all who are silent here."""
    if author.state != ACTIVE or author.kind == "Application":
        raise Refused(MUTE)
    if author.kind != "Group":
        return Speaker.PERSON
    if await context.session.get(Circle, author.id) is not None:
        return Speaker.CIRCLE
    if await context.session.get(Movement, author.id) is not None:
        return Speaker.MOVEMENT
    raise Refused(MUTE)
