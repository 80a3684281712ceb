"""Keeps the votes of polls, each sealed, one for an actor and poll. Decides nothing, and lists nobody."""

import json
import os
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, select
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import Random, random_id
from federation.context import Context
from models import Post, Vote


async def find(context: Context, scopes: Mapping[str, str], voter: str) -> dict[str, tuple[int, ...]]:
    """What an actor chose in polls, by the ids of their posts' rows; `scopes` says under which each is sealed."""
    by_index = {_poll_index(context, post_id): post_id for post_id in scopes}
    asked = select(Vote).where(
        col(Vote.poll_index).in_(by_index), col(Vote.voter_index) == _voter_index(context, voter)
    )
    found = {}
    for row in (await context.session.execute(asked)).scalars():
        post_id = by_index[row.poll_index]
        plain = await context.vault.open(_cell(row.id, scopes[post_id]), row.sealed_record)
        found[post_id] = tuple(json.loads(plain)["choices"])
    return found


async def lock(context: Context, post_id: str) -> None:
    """Makes whoever votes in the same poll, in another process, wait until this unit of work ends."""
    await context.session.execute(select(col(Post.id)).where(col(Post.id) == post_id).with_for_update())


async def put(
    context: Context, post_id: str, scope: str, voter: str, choices: Sequence[int], *, random: Random = os.urandom
) -> None:
    """Keeps what an actor chose, in place of what it chose before. Flushes."""
    before = await context.session.execute(
        select(Vote).where(
            col(Vote.poll_index) == _poll_index(context, post_id),
            col(Vote.voter_index) == _voter_index(context, voter),
        )
    )
    row = before.scalar_one_or_none() or Vote(
        id=random_id(random), poll_index=_poll_index(context, post_id), voter_index=_voter_index(context, voter)
    )
    record = json.dumps({"voter": voter, "choices": list(choices)}).encode()
    row.sealed_record = await context.vault.seal(_cell(row.id, scope), record)
    context.session.add(row)
    await context.session.flush()


async def voters_in(context: Context, post_id: str, scope: str) -> list[str]:
    """Who voted in a poll, to tell them that it has ended, and for nothing else. Opens every vote."""
    rows = await context.session.execute(select(Vote).where(col(Vote.poll_index) == _poll_index(context, post_id)))
    opened = [await context.vault.open(_cell(row.id, scope), row.sealed_record) for row in rows.scalars()]
    return [str(json.loads(plain)["voter"]) for plain in opened]


async def are_in(context: Context, posts: Collection[str]) -> set[str]:
    """Those of the posts, by the ids of their rows, in whose polls somebody voted whose vote is kept here."""
    by_index = {_poll_index(context, post_id): post_id for post_id in posts}
    asked = select(col(Vote.poll_index)).where(col(Vote.poll_index).in_(by_index)).distinct()
    return {by_index[index] for index in (await context.session.execute(asked)).scalars()}


async def forget_polls(context: Context, posts: Sequence[str]) -> None:
    """Removes the votes of polls that are no more."""
    indexes = [_poll_index(context, post_id) for post_id in posts]
    await context.session.execute(delete(Vote).where(col(Vote.poll_index).in_(indexes)))


async def forget_voter(context: Context, voter: str) -> None:
    """Forgets what an actor voted; the numbers stay what they were."""
    await context.session.execute(delete(Vote).where(col(Vote.voter_index) == _voter_index(context, voter)))


def _poll_index(context: Context, post_id: str) -> bytes:
    return context.vault.index("votes.poll", post_id)


def _voter_index(context: Context, voter: str) -> bytes:
    return context.vault.index("votes.voter", voter)


def _cell(row: str, scope: str) -> Cell:
    return Cell("votes", "sealed_record", row, scope)
