"""What somebody wrote becomes a post: now, or at its time. Those whom the text names are told, if they are known."""

from contextlib import suppress
from datetime import datetime, timedelta

from federation.context import Context
from federation.vocabulary.polls import Poll
from models import LocalActor, Post
from server.organizing.parties import ACTIVE
from server.organizing.posts import policy, polls, scheduled, service
from server.organizing.posts.people_named import named_in
from server.organizing.posts.scheduled import Draft, Scheduled
from server.organizing.posts.service import Words
from server.organizing.refusal import Refused, require


async def publish(context: Context, author: LocalActor, draft: Draft) -> Post:
    """Posts a draft. Raises `Refused`, having changed nothing."""
    return await service.publish(context, author=author, **await _words(context, draft))


async def schedule(context: Context, author: LocalActor, draft: Draft, due: datetime) -> Scheduled:
    """Keeps a draft until its time comes, and looks first: what could not be posted now is refused.

    Raises `Refused` for a time too soon or too far, and when much is scheduled already.
    """
    own = context.origin.actor(author.id)
    waiting = await scheduled.count(context, own)
    require(policy.may_schedule(due, now=context.now, waiting=waiting))
    await service.check(context, author=author, **await _words(context, draft))
    return await scheduled.put(context, own, draft, due)


async def postpone(context: Context, author: LocalActor, number: int, due: datetime) -> Scheduled | None:
    """Gives what is scheduled another time; None where there is no such thing. Raises `Refused`."""
    require(policy.may_schedule(due, now=context.now, waiting=0))
    return await scheduled.postpone(context, context.origin.actor(author.id), number, due)


async def publish_due(context: Context) -> int:
    """Posts one thing whose time has come, if there is one; how many. What is refused by now is let go of.

    Done in one unit of work with forgetting that it was to be done: once, whatever happens.
    """
    found = await scheduled.take_due(context)
    if found is None:
        return 0
    located = context.origin.locate(found.owner)
    author = await context.session.get(LocalActor, located.id) if located is not None else None
    if author is not None and author.state == ACTIVE:
        with suppress(Refused):  # what it answered is gone, say
            await publish(context, author, found.draft)
    return 1


async def _words(context: Context, draft: Draft) -> Words:
    return Words(
        text=draft.text,
        audience=draft.audience,
        reply_to=draft.reply_to,
        content_warning=draft.content_warning,
        language=draft.language,
        mentions=await named_in(context, draft.text),
        sensitive=draft.sensitive,
        poll=_poll(context, draft),
        media=draft.media,
    )


def _poll(context: Context, draft: Draft) -> Poll | None:
    if not draft.poll_options and not draft.poll_lasts:
        return None
    return polls.asked(
        context,
        draft.poll_options,
        timedelta(seconds=draft.poll_lasts),
        multiple=draft.poll_multiple,
        hides_totals=draft.poll_hides_totals,
    )
