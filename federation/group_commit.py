"""Lets many who write at the same moment share one commit. Tells nobody "stored" before it is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_TOGETHER = 200
"""Items of one commit at most."""


@dataclass(slots=True)
class GroupCommit(Generic[Item, Result]):
    """Gathers what is added while the commit before is under way, and commits it together, in order."""

    _waiting: list[tuple[Item, "asyncio.Future[Result]"]] = field(default_factory=list)
    _task: "asyncio.Task[None] | None" = None

    def add(self, item: Item, commit: Callable[[list[Item]], Awaitable[list[Result]]]) -> "asyncio.Future[Result]":
        """Will be what a `commit` with the item in it returned for the item, or raise what it raised.

        Every call passes the same `commit`, which returns a result for each item, in order. An item whose adder is
        cancelled is still committed.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(commit))
        return done

    async def _run(self, commit: Callable[[list[Item]], Awaitable[list[Result]]]) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            waiters = [done for _, done in batch]
            try:
                results = await commit([item for item, _ in batch])
            except Exception as error:
                # Each of those who wait gets it, and nobody after them is held up by it.
                _fail(waiters, error)
            except BaseException:
                _fail(waiters, asyncio.CancelledError())
                raise
            else:
                for done, result in zip(waiters, results, strict=True):
                    if not done.done():
                        done.set_result(result)


def _fail(waiters: "list[asyncio.Future[Result]]", error: BaseException) -> None:
    for done in waiters:
        if not done.done():
            done.set_exception(error)
