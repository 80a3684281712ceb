"""Tells whether a passphrase is somebody's. Takes as long for people who do not exist."""

import asyncio
from functools import cache

from crypto.passwords import LONGEST, hash_password, verify_password
from crypto.tokens import random_token
from federation.context import Context, OpenContext
from models import LocalActor
from server.organizing.people.queries import find_person, passphrase_hash_of

_TURNS = 2
"""Passphrases that are hashed at a time: each takes 64 MiB and a good part of a tenth of a second."""

_turns = asyncio.Semaphore(_TURNS)


async def check_passphrase(reading: OpenContext, *, handle: str, passphrase: str) -> str | None:
    """The id of the active person with this handle and passphrase, else None. Holds no transaction while it hashes."""
    async with reading() as context:
        person = await find_person(context, handle)
        hashed = await passphrase_hash_of(context, handle)
    if not 0 < len(passphrase) <= LONGEST:
        return None
    async with _turns:
        is_right = await asyncio.to_thread(_is_right, passphrase, hashed)
    return person.id if is_right and person is not None else None


async def person_of(context: Context, actor_id: str) -> LocalActor | None:
    """The active person with this id."""
    actor = await context.session.get(LocalActor, actor_id)
    return await find_person(context, actor.handle) if actor is not None else None


def _is_right(passphrase: str, hashed: str | None) -> bool:
    return verify_password(passphrase, hashed or _nobodys()) and hashed is not None


@cache
def _nobodys() -> str:
    return hash_password(random_token())
