"""How far somebody has read what they were told."""

from federation.context import Context
from models import LocalActor


async def last_read(context: Context, reader: LocalActor) -> int:
    """The number of the newest notification that was read; 0 for nothing yet.

    The one place that asks for the marker of notifications; there are no markers yet.
    """
    return 0
