"""Shared commits: nobody is told before it is done, and nobody suffers for another."""

import asyncio

import pytest

from federation.group_commit import MOST_TOGETHER, GroupCommit


class Broken(Exception):
    """What a commit may end with."""


class Books:
    """Commits to a list, when the test lets it."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.begun = asyncio.Event()
        self.let = asyncio.Event()
        self.fail = False

    async def commit(self, items: list[int]) -> list[int]:
        self.begun.set()
        await self.let.wait()
        if self.fail:
            raise Broken
        self.commits.append(items)
        return [-item for item in items]


async def test_what_comes_during_a_commit_shares_the_next() -> None:
    group: GroupCommit[int, int] = GroupCommit()
    books = Books()
    first = group.add(0, books.commit)
    await books.begun.wait()
    others = [group.add(number, books.commit) for number in range(1, MOST_TOGETHER + 3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in (first, *others))
    books.let.set()
    assert await asyncio.gather(first, *others) == [-number for number in range(MOST_TOGETHER + 3)]
    assert [len(commit) for commit in books.commits] == [1, MOST_TOGETHER, 2]
    assert [item for commit in books.commits for item in commit] == list(range(MOST_TOGETHER + 3))


async def test_a_failed_commit_is_told_to_all_in_it_and_to_nobody_after() -> None:
    group: GroupCommit[int, int] = GroupCommit()
    books = Books()
    books.fail = True
    books.let.set()
    results = await asyncio.gather(*(group.add(number, books.commit) for number in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [Broken] * 3
    books.fail = False
    await group.add(3, books.commit)
    assert books.commits == [[3]]


async def test_who_stops_waiting_loses_nothing() -> None:
    group: GroupCommit[int, int] = GroupCommit()
    books = Books()
    gone = group.add(0, books.commit)
    stays = group.add(1, books.commit)
    await books.begun.wait()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    books.let.set()
    await stays
    assert books.commits == [[0, 1]]
