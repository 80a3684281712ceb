"""Keeps how many voted for what in our own polls, sealed, and when each ends. Decides nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from crypto.sealing import Cell
from federation.context import Context
from federation.vocabulary.polls import Poll
from models import Poll as PollRow
from server.organizing.posts.records import StoredPost, scopes_of_posts


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes for each option, and how many voted."""

    counts: tuple[int, ...]
    voters: int = 0

    def plus(self, choices: Iterable[int], *, voters: int = 1) -> "Tally":
        """With one more vote for each of these options."""
        chosen = set(choices)
        counts = tuple(count + (place in chosen) for place, count in enumerate(self.counts))
        return Tally(counts, self.voters + voters)


async def begin(context: Context, post: StoredPost, ends: datetime) -> None:
    """Begins to count the votes in a poll of ours. Flushes."""
    poll = post.content.poll
    row = PollRow(post_id=post.id, ends_at=ends)
    await _write(context, row, post, Tally((0,) * len(poll.options if poll else ())))


async def count(context: Context, post: StoredPost, choices: Sequence[int], *, is_first: bool) -> None:
    """Counts what somebody chose; `is_first` unless more is added to a vote that was counted. Call it under
    `votes.lock`. Flushes."""
    row = await context.session.get(PollRow, post.id, populate_existing=True)
    if row is not None:
        tally = await _read(context, row, post)
        await _write(context, row, post, tally.plus(choices, voters=int(is_first)))


async def with_counts(context: Context, posts: Sequence[StoredPost]) -> list[StoredPost]:
    """The posts, those with polls of ours with their numbers; at most three queries. What others sent stays."""
    ours = {post.id: post for post in posts if post.row.local and post.content.poll is not None}
    if not ours:
        return list(posts)
    scopes = await scopes_of_posts(context, [post.row for post in ours.values()])
    rows = await context.session.execute(select(PollRow).where(col(PollRow.post_id).in_(ours)))
    tallies = {row.post_id: await _opened(context, row, scopes) for row in rows.scalars()}
    return [_with(post, tallies[post.id]) if post.id in tallies else post for post in posts]


async def any_ended(context: Context) -> bool:
    """Whether a poll of ours is over without anybody having noticed."""
    over = select(col(PollRow.post_id)).where(col(PollRow.ends_at) <= context.now, col(PollRow.closed_at).is_(None))
    return (await context.session.execute(over.limit(1))).first() is not None


async def ended(context: Context, *, limit: int) -> list[PollRow]:
    """Polls of ours that are over without anybody having noticed, locked against other processes."""
    over = select(PollRow).where(col(PollRow.ends_at) <= context.now, col(PollRow.closed_at).is_(None))
    chosen = over.order_by(col(PollRow.ends_at)).limit(limit).with_for_update(skip_locked=True)
    return list((await context.session.execute(chosen)).scalars().all())


def _with(post: StoredPost, tally: Tally) -> StoredPost:
    poll: Poll | None = post.content.poll
    counted = poll.counted(tally.counts, tally.voters) if poll is not None else None
    return StoredPost(post.row, post.content.but(poll=counted))


async def _read(context: Context, row: PollRow, post: StoredPost) -> Tally:
    return await _opened(context, row, await scopes_of_posts(context, [post.row]))


async def _opened(context: Context, row: PollRow, scopes: Mapping[str, str]) -> Tally:
    values = json.loads(await context.vault.open(_cell(row.post_id, scopes[row.post_id]), row.sealed_tally))
    return Tally(tuple(values["counts"]), values["voters"])


async def _write(context: Context, row: PollRow, post: StoredPost, tally: Tally) -> None:
    scopes = await scopes_of_posts(context, [post.row])
    row.sealed_tally = await context.vault.seal(_cell(post.id, scopes[post.id]), json.dumps(asdict(tally)).encode())
    context.session.add(row)
    await context.session.flush()


def _cell(post_id: str, scope: str) -> Cell:
    return Cell("polls", "sealed_tally", post_id, scope)
