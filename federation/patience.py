"""Waits for a database that takes nothing for a while: it restarts, or its disk is full."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import TypeVar

Result = TypeVar("Result")

PATIENCE = 60.0
"""Seconds after which whoever waits gives up. What it held is found again after its lease."""


async def patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """What `work` returns, which is tried again and again while it raises; after a minute its error is raised.

    It must bear repetition: of an attempt whose commit was not answered nobody knows whether it was stored.
    """
    began = time.monotonic()
    # The first pause is for two transactions that waited for each other: PostgreSQL ends one of them.
    for pause in chain((0.0, 0.1), repeat(1.0)):
        try:
            return await work()
        except Exception:
            if time.monotonic() - began > PATIENCE:
                raise
        await asyncio.sleep(pause)
    raise AssertionError("pauses never end")
