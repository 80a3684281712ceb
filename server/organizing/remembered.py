"""Remembers for a while that an actor did a thing, so that a late or repeated opposite does nothing (HOSTILE A15)."""

from datetime import timedelta

from sqlalchemy import bindparam, select
from sqlmodel import col

from federation.context import Context
from federation.origin import host_of
from models import Tombstone
from server.organizing import budgets

KEEP = timedelta(days=30)
"""As long as ids of received activities are kept: no older repeat can arrive unnoticed."""

_EXPIRY = select(col(Tombstone.expires_at)).where(col(Tombstone.index) == bindparam("deed"))


async def remember(
    context: Context,
    *,
    actor: str,
    deed: str,
    keep: timedelta = KEEP,
    allowance: budgets.Allowance = budgets.REMEMBERED_DEEDS,
) -> bool:
    """Notes that `actor`, from elsewhere, did it; a deed is the id of what was taken back, say. Again: prolongs it.

    False, and nothing noted, when enough was noted of the actor's domain, or of all together, for now.
    """
    index = _index(context, actor, deed)
    row = await context.session.get(Tombstone, index)
    if row is None:
        try:
            await budgets.spend(context, allowance, host=host_of(actor))
        except budgets.OverBudget:
            return False
        context.session.add(Tombstone(index=index, expires_at=context.now + keep))
    else:
        row.expires_at = context.now + keep
    await context.session.flush()
    return True


async def is_remembered(context: Context, *, actor: str, deed: str) -> bool:
    """Whether `actor` did it and the note has not expired."""
    found = await context.session.execute(_EXPIRY, {"deed": _index(context, actor, deed)})
    expires_at = found.scalar_one_or_none()
    return expires_at is not None and expires_at > context.now


def _index(context: Context, actor: str, deed: str) -> bytes:
    return context.vault.index("tombstones.object", f"{actor} {deed}")
