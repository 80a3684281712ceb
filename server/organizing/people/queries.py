"""Reads local accounts. Lists to nobody any but those who chose to be found."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import LocalActor, Person
from server.organizing.parties import ACTIVE
from server.organizing.window import LONGEST

MOST_OFFSET = 1_000_000


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


async def discoverable(context: Context, *, offset: int, limit: int) -> Sequence[LocalActor]:
    """Those who chose to be in the directory, persons and public movements, newest first."""
    chosen = select(LocalActor).where(
        col(LocalActor.discoverable), col(LocalActor.state) == ACTIVE, col(LocalActor.kind).in_(("Person", "Group"))
    )
    ordered = chosen.order_by(col(LocalActor.created_on).desc(), col(LocalActor.id))
    shown = ordered.offset(min(offset, MOST_OFFSET)).limit(max(1, min(limit, LONGEST)))
    return (await context.session.execute(shown)).scalars().all()


async def passphrase_hash_of(context: Context, handle: str) -> str | None:
    """What to compare a passphrase with, outside any transaction; None where nobody can sign in."""
    actor = await find_person(context, handle)
    account = await context.session.get(Person, actor.id) if actor is not None else None
    return account.passphrase_hash if account is not None else None
