"""How far somebody has read what they were told."""

from federation.context import Context
from models import LocalActor
from server.organizing.personal.markers import markers_of


async def last_read(context: Context, reader: LocalActor) -> int:
    """The number of the newest notification that was read; 0 for nothing yet."""
    marker = (await markers_of(context, reader)).get("notifications")
    is_number = marker is not None and marker.last_read.isascii() and marker.last_read.isdecimal()
    return int(marker.last_read) if marker is not None and is_number else 0
