"""Numbers that put one owner's rows in order, and say no more of the time than the day.

A number by the clock would line a notification up with the post or the follow that it is about, which elsewhere
nothing but the key can do.
"""

import os
from datetime import date

from crypto.tokens import Random

_DAY_BITS = 32
_GAP_BYTES = 2


def next_number(newest: int | None, today: date, random: Random = os.urandom) -> int:
    """A number above the owner's newest and not before today's; below 2**53, as some clients count in floats.

    The gap is random, so that two units of work at the same moment do not take the same one.
    """
    gap = 1 + int.from_bytes(random(_GAP_BYTES))
    return max(newest or 0, first_of(today)) + gap


def first_of(day: date) -> int:
    """Below every number of a day or later, and above those of the days before, but for very busy ones."""
    return day.toordinal() << _DAY_BITS
