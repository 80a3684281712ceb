"""What a suspended actor may still do: take things back. A look-up; it suspends nobody."""

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import RemoteActor

STILL_HEARD = frozenset({"Delete", "Undo", "Reject"})
"""Verbs of a suspended actor that still count: they only ever remove (HOSTILE A18)."""


async def look_up_suspended(context: Context, actors: Collection[str]) -> None:
    """Asks once for all of these, for the whole unit of work."""
    suspended = await suspended_among(context, actors)
    verdicts: dict[str, bool] = context.memo.setdefault("suspended", {})
    verdicts |= {actor: actor in suspended for actor in actors}


async def suspended_among(context: Context, actors: Collection[str]) -> frozenset[str]:
    """Those of the actors that are suspended here."""
    by_index = {context.vault.index("remote_actors.uri", actor): actor for actor in actors}
    statement = select(col(RemoteActor.uri_index)).where(
        col(RemoteActor.uri_index).in_(by_index), col(RemoteActor.state) == "suspended"
    )
    return frozenset(by_index[index] for index in (await context.session.execute(statement)).scalars())


async def may_still(context: Context, actor: str, verb: str) -> bool:
    """Whether this server hears that actor say this verb."""
    if verb in STILL_HEARD:
        return True
    known: dict[str, bool] = context.memo.get("suspended", {})
    return not (known[actor] if actor in known else await suspended_among(context, (actor,)))
