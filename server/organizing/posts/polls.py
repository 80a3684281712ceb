"""Polls: asked, voted in, closed. One vote for an actor, none after the end, and nobody learns who voted."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from crypto.sealing import CannotOpen
from crypto.tokens import random_id
from federation import outbox
from federation.addressing import Recipient, personal_inboxes
from federation.context import Context
from federation.remote import known_actor
from federation.vocabulary.polls import Poll
from models import LocalActor
from server.organizing.parties import ACTIVE
from server.organizing.posts import policy, records, tallies, votes, wire
from server.organizing.posts.policy import NO_SUCH_POST
from server.organizing.posts.queries import find_post
from server.organizing.posts.records import StoredPost, scope_of_post
from server.organizing.posts.sending import send_update
from server.organizing.posts.speakers import speaker_of
from server.organizing.posts.telling import tell_of_poll_end
from server.organizing.refusal import Refused, require

BATCH = 20
"""Polls closed in one unit of work."""


def asked(context: Context, options: Sequence[str], lasts: timedelta, *, multiple: bool, hides_totals: bool) -> Poll:
    """A new poll that ends so long from now. Raises `Refused`."""
    cleaned = tuple(option.strip() for option in options)
    require(policy.may_ask(cleaned, lasts))
    ends = context.now.replace(microsecond=0) + lasts
    return Poll(options=cleaned, multiple=multiple, ends=ends, hides_totals=hides_totals)


async def vote(context: Context, *, actor: LocalActor, post: str, choices: Sequence[int]) -> StoredPost:
    """Votes in a poll that an actor sees, by the places of the options; elsewhere, its author is told, and no other.

    Raises `Refused` for a poll that is over, an option there is not, or a second vote.
    """
    speaker = await speaker_of(context, actor)
    seen, own = await find_post(context, post, actor), context.origin.actor(actor.id)
    if seen is None or seen.content.poll is None:
        raise Refused(NO_SUCH_POST)
    poll, scope = seen.content.poll, await scope_of_post(context, seen.row)
    require(policy.may_vote(speaker=speaker, mine=seen.content.author == own))
    require(policy.may_choose(poll, choices, now=context.now))
    await votes.lock(context, seen.id)
    if await votes.find(context, {seen.id: scope}, own):
        raise Refused(policy.VOTED_ALREADY)
    await votes.put(context, seen.id, scope, own, sorted(choices))
    if seen.row.local:
        await tallies.count(context, seen, choices, is_first=True)
        return seen
    await _tell(context, actor, seen, [poll.options[choice] for choice in sorted(choices)])
    return await _counted(context, seen, choices)


async def close_ended(context: Context) -> int:
    """Closes some polls that are over: those who have them are sent the result, and who voted here hears of
    it, once. How many there were."""
    rows = await tallies.ended(context, limit=BATCH)
    for row in rows:
        row.closed_at = context.now
        context.session.add(row)
        post = await _readable(context, row.post_id)
        located = context.origin.locate(post.content.author) if post is not None else None
        author = await context.session.get(LocalActor, located.id) if located is not None else None
        if post is not None and author is not None and author.state == ACTIVE:
            await send_update(context, author, post)
            scope = await scope_of_post(context, post.row)
            await tell_of_poll_end(context, post, await votes.voters_in(context, post.id, scope))
    await context.session.flush()
    return len(rows)


async def _readable(context: Context, post_id: str) -> StoredPost | None:
    with suppress(CannotOpen):  # nobody will ever read it
        return await records.find_stored(context, post_id)
    return None


async def _counted(context: Context, post: StoredPost, choices: Sequence[int]) -> StoredPost:
    """A poll elsewhere as its server is about to tell it, until it does."""
    poll = post.content.poll
    if poll is None or not poll.counts:
        return post
    tally = tallies.Tally(poll.counts, poll.voters or 0).plus(choices)
    voters = tally.voters if poll.voters is not None else None
    content = post.content.but(poll=poll.counted(tally.counts, voters))
    await records.replace_content(context, post, content)
    return StoredPost(post.row, content)


async def _tell(context: Context, actor: LocalActor, post: StoredPost, names: Sequence[str]) -> None:
    author = await known_actor(context, post.content.author)
    if author is None:
        raise Refused(NO_SUCH_POST)
    inboxes = personal_inboxes([Recipient(author.id, author.inbox, author.shared_inbox)])
    for name in names:
        ballot = wire.vote_of(context.origin, actor, post, name, activity_id=random_id(), object_id=random_id())
        await outbox.enqueue(context, sender=actor, activity=ballot, inboxes=inboxes, about=ballot["object"]["id"])
