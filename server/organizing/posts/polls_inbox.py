"""Gives meaning to votes from elsewhere: Notes with a name in answer to a poll of ours."""

from federation.context import Context, Viewer
from federation.origin import host_of
from federation.received import Received
from federation.table import Outcome
from federation.vocabulary.objects import Note, parse_note
from server.organizing import budgets
from server.organizing.posts import arrivals, records, tallies, votes
from server.organizing.posts.records import StoredPost, scope_of_post
from server.organizing.posts.sight import sight_of

MOST_VOTES = 10_000
"""Votes counted in one poll; beyond, nobody counts."""


async def handle_create_vote(context: Context, received: Received) -> Outcome:
    """Counts a vote in a poll of ours that the sender may see; one option of several at a time, as they come.

    IGNORED after the end, for options there are not, and for a second vote (HOSTILE B20). REFUSED (or `NotTheirs`)
    for the vote of another. A vote is never shown as a reply.
    """
    if received.object is None:
        return Outcome.REFUSED
    note = parse_note(received.object, to=received.activity.to, cc=received.activity.cc)
    voter = arrivals.author_of(context, received, note)
    post = await _poll(context, note, voter)
    poll = post.content.poll if post is not None else None
    if post is None or poll is None or poll.is_over(context.now) or note.name not in poll.options:
        return Outcome.IGNORED
    choice, scope = poll.options.index(note.name), await scope_of_post(context, post.row)
    before = (await votes.find(context, {post.id: scope}, voter)).get(post.id, ())
    if choice in before or (before and not poll.multiple) or (poll.voters or 0) >= MOST_VOTES:
        return Outcome.IGNORED
    try:
        await budgets.spend(context, budgets.REACTIONS, host=host_of(voter))
    except budgets.OverBudget as over:
        return Outcome.RETRY if over.for_now else Outcome.IGNORED
    await votes.put(context, post.id, scope, voter, sorted((*before, choice)))
    await tallies.count(context, post, [choice], is_first=not before)
    return Outcome.DONE


async def _poll(context: Context, note: Note, voter: str) -> StoredPost | None:
    """The post of ours that is answered, with its numbers, if the voter may see it."""
    if note.in_reply_to is None or not context.origin.owns(note.in_reply_to):
        return None
    post = await records.find_stored(context, note.in_reply_to)
    # Not whoever happens to be on a server that has a copy: whom the post is for.
    if post is None or not (await sight_of(context, Viewer(voter, host_of(voter)))).shows(post):
        return None
    await votes.lock(context, post.id)
    return (await tallies.with_counts(context, [post]))[0]
