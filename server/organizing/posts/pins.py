"""Hears which posts actors elsewhere pin. Checks whose collection it is, and keeps nothing: no page here shows pins."""

from federation.context import Context
from federation.received import Received
from federation.table import Outcome


async def handle_add_object(context: Context, received: Received) -> Outcome:
    """A post added to a collection. IGNORED for the sender's own `featured`: nothing here would show it.

    REFUSED for any other collection: only its owner says what is in one (HOSTILE B9).
    """
    return _about_own_pins(received)


async def handle_remove_object(context: Context, received: Received) -> Outcome:
    """A post taken out of a collection. IGNORED for the sender's own `featured`, REFUSED for any other."""
    return _about_own_pins(received)


def _about_own_pins(received: Received) -> Outcome:
    target, own = received.activity.target, received.sender.featured
    is_own = target is not None and own is not None and target.id == own
    return Outcome.IGNORED if is_own else Outcome.REFUSED
