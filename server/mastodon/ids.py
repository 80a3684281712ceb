"""The ids by which clients know accounts and statuses; they are opaque to them, and stay the same.

An account of this server has the id of its row, one elsewhere the keyed index under which it is found. A status has
the number of its post, or of the boost that it is.
"""

import base64
import binascii

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context, Viewer
from federation.remote_store import actors_by_id, known_actors, uri_index
from models import LocalActor, Post, Reaction
from server.organizing.parties import ACTIVE, Party, local_actor
from server.organizing.posts.queries import find_post
from server.organizing.posts.reaction_records import BOOST
from server.organizing.posts.timelines import Entry, boost_entry

_LENGTH = 26
"""Characters of 128 bits in base 32."""


def account_id(context: Context, party: Party) -> str:
    """The id of an account."""
    return party.id if isinstance(party, LocalActor) else remote_id(context, party.id)


def remote_id(context: Context, uri: str) -> str:
    """The id of an account elsewhere by the id of its actor."""
    return base64.b32encode(uri_index(context, uri)).decode().rstrip("=").lower()


def id_of_uri(context: Context, uri: str) -> str:
    """The id of an account by the id of its actor, here or elsewhere; whether it is known is not looked at."""
    located = context.origin.locate(uri)
    return located.id if located is not None and located.kind == "actor" else remote_id(context, uri)


async def find_account(context: Context, wanted: str) -> Party | None:
    """The account with an id; None for the deleted and the unknown."""
    if len(wanted) != _LENGTH or not wanted.isascii():
        local = await context.session.get(LocalActor, wanted) if wanted.isascii() and "\0" not in wanted else None
        return local if local is not None and local.state == ACTIVE else None
    actor = await context.session.get(LocalActor, wanted)
    if actor is not None:
        return actor if actor.state == ACTIVE else None
    try:
        index = base64.b32decode(wanted.upper() + "======")
    except binascii.Error:
        return None
    known = await known_actors(context, [index])
    return known[0] if known else None


async def find_party(context: Context, uri: str) -> Party | None:
    """The account that an actor's id stands for."""
    local = await local_actor(context, uri)
    return local if local is not None else (await actors_by_id(context, [uri])).get(uri)


def number_of(wanted: str) -> int | None:
    """An id that is a number; None for what cannot be one."""
    if not wanted.isascii() or not wanted.isdecimal() or len(wanted) > 19:
        return None
    return int(wanted) if int(wanted) < 2**63 else None


async def find_status(context: Context, wanted: str, viewer: Viewer) -> Entry | None:
    """The status with an id, if its viewer may see it: a post, or a boost with its post."""
    number = number_of(wanted)
    if number is None:
        return None
    row = (await context.session.execute(select(Post).where(col(Post.number) == number))).scalar_one_or_none()
    if row is not None:
        post = await find_post(context, row.id, viewer)
        return Entry(number, post) if post is not None else None
    boosted = select(Reaction).where(col(Reaction.number) == number, col(Reaction.kind) == BOOST)
    boost = (await context.session.execute(boosted)).scalar_one_or_none()
    return await boost_entry(context, boost, viewer) if boost is not None else None
