"""Drops what nobody can present any more, and what nobody has presented for long."""

from federation.context import Context
from server.api import idempotency
from server.oauth import apps, grants, tokens


async def sweep(context: Context) -> None:
    """Run now and then, in a unit of work of its own. Doing it twice does nothing more."""
    await grants.sweep(context)
    await tokens.sweep(context)
    await apps.sweep(context)
    await idempotency.sweep(context)
