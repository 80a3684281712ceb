"""The ids by which clients know accounts and statuses; they are opaque to them, and stay the same.

An account of this server has the id of its row, one elsewhere the keyed index under which it is found. A status has
the number of its post, or of the boost that it is.
"""

import base64
import binascii
from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context, Viewer
from federation.remote_store import actors_by_id, known_actors, load_by_handle, uri_index
from federation.webfinger import NoHandle, parse_handle
from models import LocalActor, Post, Reaction
from server.organizing.parties import ACTIVE, Party, local_actor
from server.organizing.people.queries import find_actor
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
    found = await find_accounts(context, [wanted])
    return found[0] if found else None


async def find_accounts(context: Context, wanted: Sequence[str]) -> list[Party]:
    """The accounts with these ids, in this order, each once, without the deleted and the unknown: two queries."""
    ids = [account for account in dict.fromkeys(wanted) if account.isascii() and "\0" not in account]
    local = select(LocalActor).where(col(LocalActor.id).in_(ids), col(LocalActor.state) == ACTIVE)
    found: dict[str, Party] = {actor.id: actor for actor in (await context.session.execute(local)).scalars()}
    indexes = [index for account in ids if account not in found and (index := _index(account)) is not None]
    if indexes:
        found |= {remote_id(context, actor.id): actor for actor in await known_actors(context, indexes)}
    return [found[account] for account in ids if account in found]


async def find_by_address(context: Context, text: str) -> Party | None:
    """The active account of this server, or the known one elsewhere, with exactly this address."""
    name, _, host = text.removeprefix("@").partition("@")
    if not host or host.lower() == context.origin.domain:
        actor = await find_actor(context, name)
        return actor if actor is not None and actor.state == ACTIVE else None
    try:
        stored = await load_by_handle(context, parse_handle(text))
    except NoHandle:
        return None
    return stored.actor if stored is not None else None


def _index(account: str) -> bytes | None:
    try:
        return base64.b32decode(account.upper() + "======") if len(account) == _LENGTH else None
    except binascii.Error:
        return None


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
