"""Boosts and likes by local actors, and taking them back. Tells the author, and nobody who need not know."""

import os
from datetime import timedelta

from crypto.tokens import Random, random_id
from federation import outbox
from federation.addressing import Recipient, personal_inboxes
from federation.context import Context
from federation.remote import known_actor
from federation.vocabulary import Document, builders
from models import LocalActor, Reaction
from server.organizing.movements.queries import scope_of_group
from server.organizing.posts import policy, reaction_records, wire
from server.organizing.posts.audiences import Addresses, addresses_of, send_to_audience
from server.organizing.posts.content import Audience
from server.organizing.posts.policy import NO_SUCH_POST, Speaker
from server.organizing.posts.queries import find_post
from server.organizing.posts.reaction_records import BOOST, LIKE, Kind, ReactionRecord
from server.organizing.posts.records import StoredPost
from server.organizing.posts.speakers import speaker_of
from server.organizing.posts.telling import tell_of_reaction, tell_of_reaction_taken_back
from server.organizing.refusal import Refused, require


async def boost(context: Context, *, actor: LocalActor, post: str, random: Random = os.urandom) -> Reaction:
    """Passes a post on, by its id or that of its row: to everybody, or a circle's own boost to its members.

    Boosting again changes nothing. Raises `Refused` for closed posts of others, and for what the author cannot see.
    """
    speaker = await speaker_of(context, actor)
    seen, mine = await _seen(context, actor, post)
    require(policy.may_boost(speaker=speaker, audience=seen.audience, mine=mine))
    existing = await reaction_records.find(context, post_id=seen.id, kind=BOOST, actor=context.origin.actor(actor.id))
    if existing is not None:
        return existing
    audience = _boost_audience(speaker, seen)
    addresses = _boost_addresses(context, actor, seen, audience)
    reaction, record = await _react(context, actor, seen, BOOST, addresses=addresses, random=random)
    announce = wire.announce_of(record, seen.content.uri, reaction.published_at)
    spread = context.unhurried if audience is Audience.CIRCLE else timedelta()
    await _pass_on(context, actor, seen, record, audience, announce, spread=spread)
    return reaction


async def unboost(context: Context, *, actor: LocalActor, post: str) -> None:
    """Takes a boost back, everywhere it went. Nothing when there is none. Raises `Refused` for a hidden post."""
    found = await _taken_back(context, actor, post, BOOST)
    if found is None:
        return
    seen, reaction, record = found
    undo = builders.undo(
        id=context.origin.activity(random_id()),
        actor=record.actor,
        object=wire.announce_of(record, seen.content.uri, reaction.published_at),
        to=list(record.to),
        cc=list(record.cc),
    )
    audience = _boost_audience(await speaker_of(context, actor), seen)
    await _pass_on(context, actor, seen, record, audience, undo)


async def like(context: Context, *, actor: LocalActor, post: str, random: Random = os.urandom) -> Reaction:
    """Likes a post. Its author's server is told, and no other. Liking again changes nothing. Raises `Refused`."""
    speaker = await speaker_of(context, actor)
    seen, mine = await _seen(context, actor, post)
    require(policy.may_like(speaker=speaker, mine=mine))
    existing = await reaction_records.find(context, post_id=seen.id, kind=LIKE, actor=context.origin.actor(actor.id))
    if existing is not None:
        return existing
    addresses = Addresses(to=(seen.content.author,), cc=())
    reaction, record = await _react(context, actor, seen, LIKE, addresses=addresses, random=random)
    await outbox.enqueue(
        context,
        sender=actor,
        activity=wire.like_of(record, seen.content.uri),
        inboxes=await _author_inbox(context, seen),
        about=record.activity,
    )
    return reaction


async def unlike(context: Context, *, actor: LocalActor, post: str) -> None:
    """Takes a like back. Nothing when there is none. Raises `Refused` for a hidden post."""
    found = await _taken_back(context, actor, post, LIKE)
    if found is None:
        return
    seen, _, record = found
    undo = builders.undo(
        id=context.origin.activity(random_id()),
        actor=record.actor,
        object=wire.like_of(record, seen.content.uri),
        to=list(record.to),
    )
    inboxes = await _author_inbox(context, seen)
    await outbox.enqueue(context, sender=actor, activity=undo, inboxes=inboxes, about=record.activity)


async def _seen(context: Context, actor: LocalActor, post: str) -> tuple[StoredPost, bool]:
    seen = await find_post(context, post, actor)
    if seen is None:
        raise Refused(NO_SUCH_POST)
    return seen, seen.content.author == context.origin.actor(actor.id)


async def _react(
    context: Context, actor: LocalActor, post: StoredPost, kind: Kind, *, addresses: Addresses, random: Random
) -> tuple[Reaction, ReactionRecord]:
    reaction_id = random_id(random)
    record = ReactionRecord(
        actor=context.origin.actor(actor.id),
        activity=context.origin.activity(reaction_id),
        to=addresses.to,
        cc=addresses.cc,
    )
    reaction = await reaction_records.put(
        context, post.row, kind, record, moment=context.now, reaction_id=reaction_id, random=random
    )
    await tell_of_reaction(context, post, reaction, record)
    return reaction, record


async def _taken_back(
    context: Context, actor: LocalActor, post: str, kind: Kind
) -> tuple[StoredPost, Reaction, ReactionRecord] | None:
    seen, _ = await _seen(context, actor, post)
    reaction = await reaction_records.find(context, post_id=seen.id, kind=kind, actor=context.origin.actor(actor.id))
    if reaction is None:
        return None
    (record,) = await reaction_records.opened(context, seen.row, [reaction])
    await reaction_records.remove(context, reaction)
    await tell_of_reaction_taken_back(context, reaction, record.actor)
    return seen, reaction, record


def _boost_audience(speaker: Speaker, post: StoredPost) -> Audience:
    """A boost is public; that of one's own post for followers goes to them, a circle's to its members."""
    if speaker is Speaker.CIRCLE:
        return Audience.CIRCLE
    return Audience.PUBLIC if post.audience.is_open else Audience.FOLLOWERS


def _boost_addresses(context: Context, actor: LocalActor, post: StoredPost, audience: Audience) -> Addresses:
    own = context.origin.actor(actor.id)
    told = [] if post.content.author == own else [post.content.author]
    return addresses_of(audience, followers=context.origin.actor(actor.id, "followers"), named=told)


async def _pass_on(
    context: Context,
    actor: LocalActor,
    post: StoredPost,
    record: ReactionRecord,
    audience: Audience,
    act: Document,
    *,
    spread: timedelta = timedelta(),
) -> None:
    """Tells the audience of a boost, and the post's author: but a circle shows itself to its members only."""
    await send_to_audience(
        context,
        actor,
        audience,
        act,
        about=record.activity,
        scope=await scope_of_group(context, record.actor),
        besides=[] if audience is Audience.CIRCLE else await _author_inbox(context, post),
        spread=spread,
    )


async def _author_inbox(context: Context, post: StoredPost) -> list[str]:
    if post.row.local:
        return []
    author = await known_actor(context, post.content.author)
    return [] if author is None else personal_inboxes([Recipient(author.id, author.inbox, author.shared_inbox)])
