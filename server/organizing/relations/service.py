"""Blocks, mutes, notes, endorses, shuts out domains, and takes it back. Never commits.

Others learn of it only that a follow ended; whom a group bans is told so, and nobody else (WIRE 4.7, 5.9).
"""

from datetime import timedelta

from crypto.tokens import random_id
from federation import follows, outbox
from federation.context import Context
from federation.origin import BadUri, host_of, normalize_host
from federation.vocabulary import builders
from models import LocalActor
from server.organizing.following import edges
from server.organizing.following import queries as following
from server.organizing.following import service as follow_service
from server.organizing.membership import records as memberships
from server.organizing.membership import service as membership
from server.organizing.membership.states import State
from server.organizing.moderation.policy import is_below
from server.organizing.movements.queries import is_circle
from server.organizing.parties import Party, uri_of
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind
from server.organizing.posts.people_named import party_of
from server.organizing.refusal import Refusal, Refused, require
from server.organizing.relations import policy


async def block(context: Context, *, actor: LocalActor, other: Party) -> None:
    """Nothing of either is shown to the other from now on, and no follow or membership between the two remains.

    Raises `Refused`, for the last organizer of a circle too.
    """
    own, target = _ends(context, actor, other)
    if await records.find(context, Kind.BLOCK, own, target) is not None:
        return
    await records.require_room(context, Kind.BLOCK, own, most=policy.MOST_BLOCKED)
    ended = await _part(context, actor, other)
    values = {"told": await _ban(context, actor, other)} if ended and actor.kind == "Group" else {}
    await records.remove(context, Kind.ENDORSEMENT, own, target)
    await records.put(context, Kept(kind=Kind.BLOCK, owner=own, about=target, values=values))


async def unblock(context: Context, *, actor: LocalActor, other: Party) -> None:
    """Shows and is shown again; what ended stays ended. Nothing when there was no block."""
    own, target = context.origin.actor(actor.id), uri_of(context.origin, other)
    ended = await records.remove(context, Kind.BLOCK, own, target)
    told = ended.values.get("told") if ended is not None else None
    if told and not isinstance(other, LocalActor):
        ban = _ban_of(told, own, target)
        undo = builders.undo(id=context.origin.activity(random_id()), actor=own, object=ban, to=[target])
        await outbox.enqueue(context, sender=actor, activity=undo, inboxes=[other.inbox], about=target)


async def mute(
    context: Context, *, actor: LocalActor, other: Party, notifications: bool = True, seconds: int = 0
) -> None:
    """Shows nothing of another in timelines, and with `notifications` no notice of theirs; 0 seconds are for ever.

    Nobody is told. Muting again changes how. Raises `Refused`.
    """
    own, target = _ends(context, actor, other)
    require(policy.may_mute(seconds=seconds))
    if await records.find(context, Kind.MUTE, own, target) is None:
        await records.require_room(context, Kind.MUTE, own, most=policy.MOST_MUTED)
    until = context.now + timedelta(seconds=seconds) if seconds else None
    values = {"notifications": notifications}
    await records.put(context, Kept(kind=Kind.MUTE, owner=own, about=target, until=until, values=values))


async def unmute(context: Context, *, actor: LocalActor, other: Party) -> None:
    """Hears another again."""
    await _remove(context, Kind.MUTE, actor, other)


async def note(context: Context, *, actor: LocalActor, other: Party, comment: str) -> None:
    """Keeps a remark about another, or with an empty one none. Raises `Refused`."""
    own, target = _ends(context, actor, other)
    require(policy.may_note(comment=comment))
    if not comment.strip():
        await records.remove(context, Kind.NOTE, own, target)
        return
    if await records.find(context, Kind.NOTE, own, target) is None:
        await records.require_room(context, Kind.NOTE, own, most=policy.MOST_NOTES)
    await records.put(context, Kept(kind=Kind.NOTE, owner=own, about=target, values={"comment": comment}))


async def endorse(context: Context, *, actor: LocalActor, other: Party) -> None:
    """Puts somebody who is followed among those whom one would recommend; one's own list. Raises `Refused`."""
    own, target = _ends(context, actor, other)
    require(policy.may_endorse(follows=await following.follows_actor(context, follower=own, followee=target)))
    if await records.find(context, Kind.ENDORSEMENT, own, target) is None:
        await records.require_room(context, Kind.ENDORSEMENT, own, most=policy.MOST_ENDORSED)
        await records.put(context, Kept(kind=Kind.ENDORSEMENT, owner=own, about=target))


async def unendorse(context: Context, *, actor: LocalActor, other: Party) -> None:
    """Takes somebody off that list."""
    await _remove(context, Kind.ENDORSEMENT, actor, other)


async def shut_out(context: Context, *, actor: LocalActor, domain: str) -> None:
    """Hears nothing of a domain, and all below it; follows in both directions, and memberships there, end.

    Raises `Refused`.
    """
    name, own = _domain(domain), context.origin.actor(actor.id)
    require(policy.may_shut(domain=name, own=context.origin, as_circle=await is_circle(context, actor)))
    if await records.find(context, Kind.DOMAIN, own, name) is not None:
        return
    await records.require_room(context, Kind.DOMAIN, own, most=policy.MOST_DOMAINS)
    await records.put(context, Kept(kind=Kind.DOMAIN, owner=own, about=name))
    around = {edge.followee for edge in await follows.following_of(context, own, state=None)}
    around |= {edge.follower for edge in await follows.followers_of(context, own, state=None)}
    around |= {record.group for record in await memberships.of_member(context, own)}
    for uri in sorted(uri for uri in around if _is_of(uri, name)):
        other = await party_of(context, uri)
        if other is not None:
            await _part(context, actor, other)


async def let_in(context: Context, *, actor: LocalActor, domain: str) -> None:
    """Hears a domain again; what ended stays ended. Raises `Refused` for what is no domain."""
    await records.remove(context, Kind.DOMAIN, context.origin.actor(actor.id), _domain(domain))


def _ends(context: Context, actor: LocalActor, other: Party) -> tuple[str, str]:
    own, target = context.origin.actor(actor.id), uri_of(context.origin, other)
    require(policy.may_regard(own=own, other=target))
    return own, target


async def _remove(context: Context, kind: Kind, actor: LocalActor, other: Party) -> None:
    await records.remove(context, kind, context.origin.actor(actor.id), uri_of(context.origin, other))


async def _part(context: Context, actor: LocalActor, other: Party) -> bool:
    """Ends what is between two in either direction, each in its own words; whether there was anything."""
    left = await _leave(context, actor, other)
    return await _dismiss(context, actor, other) or left


async def _leave(context: Context, actor: LocalActor, other: Party) -> bool:
    own, target = context.origin.actor(actor.id), uri_of(context.origin, other)
    record = await memberships.find(context, group=target, member=own)
    edge = await follows.find(context, follower=own, followee=target)
    if record is not None:
        await membership.leave(context, person=actor, group=other)
    if edge is not None:
        await follow_service.unfollow(context, follower=actor, followee=other)
    return record is not None or edge is not None


async def _dismiss(context: Context, owner: LocalActor, other: Party) -> bool:
    own, target = context.origin.actor(owner.id), uri_of(context.origin, other)
    if await is_circle(context, owner):
        record = await memberships.find(context, group=own, member=target)
        if record is not None:
            end = membership.refuse if record.state is State.APPLIED else membership.remove
            await end(context, circle=owner, member=target, by=owner)
            return True
    edge = await follows.find(context, follower=target, followee=own)
    if edge is not None:
        await edges.reject_edge(context, owner=owner, edge=edge)
    return edge is not None


async def _ban(context: Context, group: LocalActor, other: Party) -> str | None:
    """Tells somebody elsewhere that they are banned from a group, so that their server shows it; the Block's id."""
    if isinstance(other, LocalActor):
        return None
    activity = _ban_of(context.origin.activity(random_id()), context.origin.actor(group.id), other.id)
    await outbox.enqueue(context, sender=group, activity=activity, inboxes=[other.inbox], about=other.id)
    return str(activity["id"])


def _ban_of(activity: str, group: str, member: str) -> dict[str, object]:
    return {**builders.block(id=activity, actor=group, object=member), "target": group}


def _domain(text: str) -> str:
    try:
        return normalize_host(text.strip().lower())
    except BadUri as error:
        raise Refused(Refusal("Validation failed: Domain is not a valid domain name")) from error


def _is_of(uri: str, domain: str) -> bool:
    try:
        return is_below(host_of(uri), domain)
    except BadUri:
        return False
