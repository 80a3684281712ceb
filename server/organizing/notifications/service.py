"""Tells people of this server what happened to them, and takes it back with what it was about. Never commits."""

from collections.abc import Iterable

from federation.context import Context
from models import LocalActor
from server.organizing import happenings
from server.organizing.notifications import records, wishes
from server.organizing.notifications.kinds import Kind
from server.organizing.notifications.policy import Answer, Wishes, may_wish
from server.organizing.notifications.reception import receive
from server.organizing.notifications.records import Record
from server.organizing.parties import local_actor
from server.organizing.posts import reaction_records
from server.organizing.posts.content import Audience
from server.organizing.posts.reaction_records import BOOST, LIKE
from server.organizing.posts.records import StoredPost
from server.organizing.refusal import require
from server.push import queue

_OF_REACTIONS = {LIKE: Kind.FAVOURITE, BOOST: Kind.REBLOG}


async def tell(
    context: Context, receiver: LocalActor, kind: Kind, *, sender: str, post: StoredPost | None = None
) -> None:
    """Tells somebody here of one thing, if they may know of it and want to. The same thing is told once."""
    answer = await receive(context, receiver, kind, sender, post)
    if answer is Answer.DROP:
        return
    filtered = answer is Answer.FILTER
    record = Record(
        kind=kind, sender=sender, moment=context.now, post=post.id if post is not None else None, filtered=filtered
    )
    stored = await records.put(context, receiver, record)
    if stored is None or filtered:
        return
    happenings.happened(context, happenings.Kind.NOTIFICATION, stored.id)
    await queue.enqueue(context, receiver, stored)


async def follows(context: Context, *, followee: str, follower: str, asks: bool) -> None:
    """Tells a followee of this server of a follower, or of somebody who asks to be one; of a circle, an applicant."""
    receiver = await local_actor(context, followee)
    if receiver is not None:
        if not asks:
            await records.forget(context, receiver, Kind.FOLLOW_REQUEST, follower)
        await tell(context, receiver, Kind.FOLLOW_REQUEST if asks else Kind.FOLLOW, sender=follower)


async def follows_no_more(context: Context, *, followee: str, follower: str) -> None:
    """Takes back that somebody follows, or asked to."""
    receiver = await local_actor(context, followee)
    if receiver is not None:
        for kind in (Kind.FOLLOW, Kind.FOLLOW_REQUEST):
            await records.forget(context, receiver, kind, follower)


async def decided(context: Context, *, group: LocalActor, applicant: str) -> None:
    """An application is no longer waiting."""
    await records.forget(context, group, Kind.FOLLOW_REQUEST, applicant)


async def mentions(context: Context, post: StoredPost, *, named: Iterable[str] | None = None) -> None:
    """Tells those of this server whom a post names: by a mention that is an address, too (HOSTILE B15).

    Of a direct post all it is addressed to; of an edited one only the newly `named`.
    """
    content = post.content
    mentioned = content.named & {mention.href for mention in content.mentions}
    told = content.named if post.audience is Audience.DIRECT else mentioned
    for uri in sorted(told if named is None else told & set(named)):
        receiver = await local_actor(context, uri) if context.origin.owns(uri) else None
        if receiver is not None:
            await tell(context, receiver, Kind.MENTION, sender=content.author, post=post)


async def reacts(context: Context, post: StoredPost, kind: reaction_records.Kind, *, actor: str) -> None:
    """Tells the author, if they are here, that somebody boosted or liked a post."""
    receiver = await local_actor(context, post.content.author) if post.row.local else None
    if receiver is not None:
        await tell(context, receiver, _OF_REACTIONS[kind], sender=actor, post=post)


async def reacts_no_more(context: Context, post: str, kind: reaction_records.Kind, *, actor: str) -> None:
    """Takes that back, of a post by the id of its row."""
    await records.forget_about(context, _OF_REACTIONS[kind], actor, post)


async def edited(context: Context, post: StoredPost) -> None:
    """Tells those here who passed a post on that it says something else now; anew with every edit."""
    for row, record in await reaction_records.all_on(context, [post.row]):
        receiver = await local_actor(context, record.actor) if row.local and row.kind == BOOST else None
        if receiver is not None:
            await records.forget(context, receiver, Kind.UPDATE, post.content.author, post.id)
            await tell(context, receiver, Kind.UPDATE, sender=post.content.author, post=post)


async def posted(context: Context, post: StoredPost, *, to: Iterable[LocalActor]) -> None:
    """Tells those who asked to hear of everything that an author posts."""
    for receiver in to:
        await tell(context, receiver, Kind.STATUS, sender=post.content.author, post=post)


async def poll_ended(context: Context, post: StoredPost, *, to: Iterable[LocalActor]) -> None:
    """Tells an author, and those here who voted, that a poll has ended."""
    for receiver in to:
        await tell(context, receiver, Kind.POLL, sender=post.content.author, post=post)


async def change_wishes(context: Context, receiver: LocalActor, changes: dict[str, str]) -> Wishes:
    """Changes what somebody wants to be told of. Raises `Refused` for what cannot be chosen."""
    require(may_wish(changes))
    known = (await wishes.wishes_of(context, receiver)).to_fields()
    changed = Wishes.from_fields(known | changes)
    await wishes.put(context, receiver, changed)
    return changed


async def accept_senders(context: Context, receiver: LocalActor, senders: Iterable[str]) -> None:
    """Lets the notifications of these actors through, those that wait and those to come."""
    wanted = await wishes.wishes_of(context, receiver)
    for sender in senders:
        wanted = wanted.accepting(sender)
        await records.reveal(context, receiver, sender)
    await wishes.put(context, receiver, wanted)


async def dismiss_senders(context: Context, receiver: LocalActor, senders: Iterable[str]) -> None:
    """Forgets what waits of these actors. What they do next is filtered as before."""
    unwanted = set(senders)
    waiting = [record for record in await records.of_receiver(context, receiver) if record.filtered]
    await records.forget_rows(context, receiver, [record for record in waiting if record.sender in unwanted])


async def forget_actor(context: Context, actor: LocalActor) -> None:
    """Removes all that an actor of this server who is no more did, was told, and wanted."""
    await records.forget_sender(context, context.origin.actor(actor.id))
    await records.forget_receiver(context, actor)
    await wishes.forget(context, actor)
    await queue.forget_owner(context, actor)
