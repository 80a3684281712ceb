"""Draws the numbers by which lists are ordered and clients know what is in them."""

import os
from datetime import UTC, datetime

from crypto.tokens import Random

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


def draw_number(moment: datetime, random: Random = os.urandom, *, coarse: bool = False) -> int:
    """A number that orders by time: milliseconds since 1970, shifted by 20 random bits.

    Two of one millisecond collide once in a million times; what came in is then tried again.

    A coarse moment has only whole seconds, which is all that most servers send: it gets random milliseconds, or else
    busy seconds would collide.
    """
    milliseconds = int(max(moment, _EARLIEST).timestamp() * 1_000)
    if coarse and milliseconds % 1_000 == 0:
        milliseconds += int.from_bytes(random(4)) % 1_000
    return milliseconds << 20 | int.from_bytes(random(3)) >> 4
