"""Reads local accounts. Lists them to nobody."""

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import LocalActor, Person
from server.organizing.parties import ACTIVE


async def find_actor(context: Context, handle: str) -> LocalActor | None:
    """A local actor of any kind by its handle, active or deleted."""
    if "\0" in handle:  # PostgreSQL takes none; nobody is called so
        return None
    statement = select(LocalActor).where(col(LocalActor.handle) == handle.lower())
    return (await context.session.execute(statement)).scalar_one_or_none()


async def find_person(context: Context, handle: str) -> LocalActor | None:
    """An active person by handle."""
    actor = await find_actor(context, handle)
    return actor if actor is not None and actor.kind == "Person" and actor.state == ACTIVE else None


async def passphrase_hash_of(context: Context, handle: str) -> str | None:
    """What to compare a passphrase with, outside any transaction; None where nobody can sign in."""
    actor = await find_person(context, handle)
    account = await context.session.get(Person, actor.id) if actor is not None else None
    return account.passphrase_hash if account is not None else None
