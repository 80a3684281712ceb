"""Keeps boosts and likes, and who made them sealed. One of a kind per actor and post; decides nothing."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, delete, func, select
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import Random, random_id
from federation.context import Context
from models import Post, Reaction
from server.organizing.numbers import draw_number
from server.organizing.posts.records import scope_of_post

Kind = Literal["boost", "like"]
BOOST: Kind = "boost"
LIKE: Kind = "like"
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRecord:
    """Who reacted. `activity` is the id of the Announce or Like, `inbox` where its server is to hear of a Delete.

    `content` is the emoji of an emoji reaction. `to` and `cc` are whom our own was addressed to;
    of another's, only whether to everybody.
    """

    actor: str
    activity: str
    inbox: str | None = None
    content: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()


def actor_index(context: Context, actor: str) -> bytes:
    """The index of an actor as one who reacts."""
    return context.vault.index("reactions.actor", actor)


async def put(
    context: Context,
    post: Post,
    kind: Kind,
    record: ReactionRecord,
    *,
    moment: datetime,
    reaction_id: str | None = None,
    random: Random = os.urandom,
) -> Reaction:
    """Adds a reaction; `reaction_id` is given for our own, whose id is in that of the activity. Flushes."""
    row = Reaction(
        id=reaction_id or random_id(random),
        number=draw_number(moment, random, coarse=reaction_id is None),
        post_id=post.id,
        kind=kind,
        local=reaction_id is not None,
        actor_index=actor_index(context, record.actor),
        activity_index=context.vault.index("reactions.activity", record.activity),
        published_at=moment,
    )
    row.sealed_record = await context.vault.seal(
        _cell(row.id, await scope_of_post(context, post)), json.dumps(asdict(record)).encode()
    )
    context.session.add(row)
    await context.session.flush()
    return row


async def find(context: Context, *, post_id: str, kind: Kind, actor: str) -> Reaction | None:
    """The reaction of one actor to one post."""
    return await _first(context, col(Reaction.post_id) == post_id, _is(context, kind, actor))


async def find_by_activity(context: Context, activity: str, *, kind: Kind, actor: str) -> Reaction | None:
    """The reaction that this very actor made by the activity with this id."""
    same = col(Reaction.activity_index) == context.vault.index("reactions.activity", activity)
    return await _first(context, same, _is(context, kind, actor))


async def count(context: Context, post_id: str) -> int:
    """How many reactions a post has."""
    statement = select(func.count()).select_from(Reaction).where(col(Reaction.post_id) == post_id)
    return int((await context.session.execute(statement)).scalar_one())


async def remove(context: Context, reaction: Reaction) -> None:
    """Forgets a reaction."""
    await context.session.execute(delete(Reaction).where(col(Reaction.id) == reaction.id))


async def remove_all_by(context: Context, actor: str) -> int:
    """Forgets every reaction of an actor; how many there were."""
    done = delete(Reaction).where(col(Reaction.actor_index) == actor_index(context, actor))
    return len((await context.session.execute(done.returning(col(Reaction.id)))).all())


async def opened(context: Context, post: Post, reactions: Sequence[Reaction]) -> list[ReactionRecord]:
    """Who made these reactions to one post."""
    scope = await scope_of_post(context, post)
    return [_read(await context.vault.open(_cell(row.id, scope), row.sealed_record)) for row in reactions]


async def all_on(context: Context, posts: Sequence[Post]) -> list[tuple[Reaction, ReactionRecord]]:
    """Every reaction to these posts, with who made it."""
    found: list[tuple[Reaction, ReactionRecord]] = []
    for start in range(0, len(posts), _CHUNK):
        chunk = {post.id: post for post in posts[start : start + _CHUNK]}
        by_post: dict[str, list[Reaction]] = {}
        for row in (await context.session.execute(select(Reaction).where(col(Reaction.post_id).in_(chunk)))).scalars():
            by_post.setdefault(row.post_id, []).append(row)
        for post_id, rows in by_post.items():
            found += zip(rows, await opened(context, chunk[post_id], rows), strict=True)
    return found


async def all_by(context: Context, actor: str) -> list[ReactionRecord]:
    """Every reaction of an actor."""
    statement = select(Reaction, Post).join(Post, col(Post.id) == col(Reaction.post_id))
    rows = await context.session.execute(statement.where(col(Reaction.actor_index) == actor_index(context, actor)))
    return [record for row in rows.all() for record in await opened(context, row[1], [row[0]])]


async def _first(context: Context, *conditions: ColumnElement[bool]) -> Reaction | None:
    return (await context.session.execute(select(Reaction).where(*conditions))).scalars().first()


def _is(context: Context, kind: Kind, actor: str) -> ColumnElement[bool]:
    return (col(Reaction.kind) == kind) & (col(Reaction.actor_index) == actor_index(context, actor))


def _read(plain: bytes) -> ReactionRecord:
    fields = json.loads(plain)
    return ReactionRecord(**(fields | {"to": tuple(fields["to"]), "cc": tuple(fields["cc"])}))


def _cell(row: str, scope: str) -> Cell:
    return Cell("reactions", "sealed_record", row, scope)
