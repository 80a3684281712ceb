"""Decides whether a post from elsewhere concerns anybody here, and keeps it for no more people than it names."""

import os

from sqlalchemy import select
from sqlmodel import col

from federation import authority, follows
from federation.blocks import is_blocked
from federation.context import Context
from federation.origin import host_of
from federation.received import Received
from federation.remote import known_actor
from federation.standing import may_still
from federation.vocabulary.actors import Actor
from federation.vocabulary.objects import Note
from models import LocalActor, Post
from server.organizing.membership import records as memberships
from server.organizing.numbers import draw_number
from server.organizing.parties import ACTIVE
from server.organizing.posts import records
from server.organizing.posts.content import Audience, PostContent, content_of
from server.organizing.posts.records import Stranger
from server.organizing.remembered import is_remembered

MOST_ADDRESSED = 10
"""Local actors that a post of somebody nobody here follows may address (HOSTILE B19)."""


class NotTheirs(authority.NotAuthorized):
    """The post is not the sender's, or claims to be ours."""


def author_of(context: Context, received: Received, note: Note) -> str:
    """Who wrote a note, by one spelling of the id: the sender, or an actor on whose behalf its own server says it did.

    Raises `NotTheirs` for the note of anybody else, on another origin, or of this server (HOSTILE A7, A11, A12).
    """
    document = received.object or {}
    if any(context.origin.owns(uri) for uri in (note.id, note.attributed_to)):
        raise NotTheirs("an id of this server from elsewhere")
    authority.check_owned_by(document, received.sender.id)
    sender = received.sender.id
    return sender if authority.same_id(note.attributed_to, sender) else note.attributed_to


async def audience_of(context: Context, note: Note, author: str, sender: Actor | None = None) -> Audience:
    """Who a note is for. Where the author's followers are unknown it is for those it names, and nobody else."""
    known = sender if sender is not None and sender.id == author else await known_actor(context, author)
    return Audience(note.audience_kind(known.followers if known is not None else None))


async def concerns_us(
    context: Context, content: PostContent, audience: Audience, recipient: LocalActor | None, *, followed: bool
) -> bool:
    """Whether the author is followed here, somebody is addressed, or the post answers, for all to see, a known one.

    A mention that is not an address counts for nothing (HOSTILE B15).
    """
    if recipient is not None or followed:
        return True
    addressed = await addressed_here(context, content)
    if len(addressed) > MOST_ADDRESSED:
        return False
    if addressed:
        return True
    return audience.is_open and await _answers_known(context, content)


async def is_followed_here(context: Context, actor: str) -> bool:
    """Whether an actor elsewhere is followed by, or is the group of, somebody here."""
    if await follows.has_followers(context, actor):
        return True
    return await memberships.any_active(context, actor)


async def addressed_here(context: Context, content: PostContent) -> list[str]:
    """The ids of active local actors that a post is addressed to by name."""
    origin = context.origin
    located = {uri: origin.locate(uri) for uri in (*content.to, *content.cc, *content.audience) if origin.owns(uri)}
    ids = {place.id: uri for uri, place in located.items() if place and place.kind == "actor" and not place.suffix}
    if not ids:
        return []
    statement = select(col(LocalActor.id)).where(col(LocalActor.id).in_(ids), col(LocalActor.state) == ACTIVE)
    return [ids[actor_id] for actor_id in (await context.session.execute(statement)).scalars()]


async def recipient_of_inbox(context: Context, received: Received) -> LocalActor | None:
    """The active local actor to whose own inbox an activity came."""
    if received.recipient_id is None:
        return None
    actor = await context.session.get(LocalActor, received.recipient_id)
    return actor if actor is not None and actor.state == ACTIVE and actor.kind != "Application" else None


async def may_show(context: Context, author: str) -> bool:
    """Whether this server shows what an actor elsewhere writes: not when it, or its domain, is shut out (A18, B16)."""
    return not await is_blocked(context, host_of(author)) and await may_still(context, author, "Create")


async def was_deleted(context: Context, author: str, uri: str) -> bool:
    """Whether the author deleted the post before it came."""
    return await is_remembered(context, actor=author, deed=uri)


def as_content(
    context: Context, note: Note, author: str, audience: Audience, recipient: LocalActor | None
) -> PostContent:
    """A note as we keep it: dated not later than now, and with the silent recipient, if there is one."""
    published = min(note.published or context.now, context.now)
    silent = [] if recipient is None or audience.is_open else [context.origin.actor(recipient.id)]
    return content_of(note, published=published, recipients=silent).but(author=author)


async def keep(context: Context, content: PostContent, audience: Audience, *, by: Stranger | None) -> Post:
    """Stores a post from elsewhere, in the group that it names."""
    addressed = await addressed_here(context, content)
    groups = [uri for uri in content.audience if not context.origin.owns(uri)]
    local = await _groups_among(context, addressed)
    place = next(iter([*local, *groups]), None)
    number = draw_number(content.published, os.urandom, coarse=True)
    return await records.put(context, content, audience=audience, group=place, number=number, by=by)


async def _answers_known(context: Context, content: PostContent) -> bool:
    if content.in_reply_to is None:
        return False
    parent = await records.find_row(context, content.in_reply_to)
    return parent is not None and parent.deleted_at is None


async def _groups_among(context: Context, actors: list[str]) -> list[str]:
    ids = {place.id: uri for uri in actors if (place := context.origin.locate(uri)) is not None}
    if not ids:
        return []
    statement = select(col(LocalActor.id)).where(col(LocalActor.id).in_(ids), col(LocalActor.kind) == "Group")
    return [ids[actor_id] for actor_id in (await context.session.execute(statement)).scalars()]
