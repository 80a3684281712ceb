"""Decides whether somebody is told that something happened. In doubt, they are not."""

from collections.abc import Collection
from datetime import timedelta

from federation import follows
from federation.context import Context
from models import LocalActor
from server.organizing.notifications import wishes
from server.organizing.notifications.kinds import Kind, kinds_for
from server.organizing.notifications.policy import Answer, Sender, judge
from server.organizing.parties import local_actor
from server.organizing.posts import records as posts
from server.organizing.posts.content import Audience
from server.organizing.posts.kept import is_muted
from server.organizing.posts.records import StoredPost
from server.organizing.posts.sight import Sight, as_viewer, sight_of
from server.organizing.relations.silence import Where, silence_of

NEW = timedelta(days=30)
"""How long an account of this server counts as new."""


async def receive(context: Context, receiver: LocalActor, kind: Kind, sender: str, post: StoredPost | None) -> Answer:
    """What becomes of a notification. Nobody hears of what they may not see."""
    own = context.origin.actor(receiver.id)
    if (sender == own and kind is not Kind.POLL) or kind not in kinds_for(receiver.kind):
        return Answer.DROP
    if post is not None and not await _sees(context, receiver, post):
        return Answer.DROP
    if post is not None and await is_muted(context, own, post.row):
        return Answer.DROP
    if receiver.id in await unwelcome(context, sender, [receiver]):
        return Answer.DROP
    wanted = await wishes.wishes_of(context, receiver)
    if wanted.wants_all or sender == own or sender in wanted.accepted:
        return Answer.ACCEPT
    is_private = post is not None and post.audience is Audience.DIRECT and not await _answers(context, own, post)
    stands = await _standing(context, receiver, sender)
    return judge(wanted, kind=kind, sender=stands, is_private=is_private)


async def unwelcome(context: Context, sender: str, receivers: Collection[LocalActor]) -> set[str]:
    """The ids of those of the receivers who want to see nothing of a sender: neither told nor shown as it happens.

    The one place where blocks and mutes count for notifications and streams.
    """
    found: set[str] = set()
    for receiver in receivers:
        silence = await silence_of(context, as_viewer(context, receiver).actor, Where.NOTIFICATIONS)
        if silence.covers(sender):
            found.add(receiver.id)
    return found


async def _sees(context: Context, receiver: LocalActor, post: StoredPost) -> bool:
    """By name first, which costs nothing; by what one follows and belongs to only then."""
    viewer = as_viewer(context, receiver)
    if Sight(viewer=viewer.actor).shows(post):
        return True
    narrow = post.audience in (Audience.FOLLOWERS, Audience.CIRCLE)
    return narrow and (await sight_of(context, viewer)).shows(post)


async def _answers(context: Context, own: str, post: StoredPost) -> bool:
    """Whether a post answers something of one's own."""
    if post.row.parent_index is None or post.content.in_reply_to is None:
        return False
    parent = await posts.find_row(context, post.content.in_reply_to)
    return parent is not None and parent.author_index in posts.author_indexes(context, [own])


async def _standing(context: Context, receiver: LocalActor, sender: str) -> Sender:
    own = context.origin.actor(receiver.id)
    mine = await follows.find(context, follower=own, followee=sender)
    theirs = await follows.find(context, follower=sender, followee=own)
    here = await local_actor(context, sender)
    return Sender(
        followed=mine is not None and mine.state == "accepted",
        follows=theirs is not None and theirs.state == "accepted",
        is_new=here is not None and context.now.date() - here.created_on < NEW,
    )
