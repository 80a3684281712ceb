"""Bounds how much is under way at once, in all and for one owner, so that nobody's silence takes all there is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class NoPlace(Exception):
    """As much is under way as may be. Nothing was asked, and nothing is known of the peer."""


class Places:
    """`most` places, of which one owner has `for_one` at most, and no second one when fewer are left free than it has.

    So of any number of owners who take what they can get, each newcomer still finds about as much as they have. Those
    that wait for a place count.
    """

    def __init__(self, most: int, for_one: int) -> None:
        self._free = asyncio.Semaphore(most)
        self._most = most
        self._for_one = for_one
        self._taken: Counter[str] = Counter()

    @asynccontextmanager
    async def taken_by(self, owner: str, *, patience: float) -> AsyncIterator[None]:
        """A place for as long as the block lasts.

        Raises `NoPlace`: at once when the owner has its share, after `patience` seconds when all places are taken.
        """
        if self._taken[owner] >= min(self._for_one, max(1, self._most - self._taken.total())):
            raise NoPlace
        self._taken[owner] += 1
        try:
            async with self._free_place(patience):
                yield
        finally:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]

    @asynccontextmanager
    async def _free_place(self, patience: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(patience):
                await self._free.acquire()
        except TimeoutError as error:
            raise NoPlace from error
        try:
            yield
        finally:
            self._free.release()
