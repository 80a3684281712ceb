"""Gives meaning to boosts and likes from elsewhere, and to their Undo. Nobody reacts to what they may not see."""

from federation.context import Context, Viewer
from federation.origin import host_of
from federation.received import Received
from federation.table import Outcome
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.objects import parse_note
from models import Reaction
from server.organizing import budgets
from server.organizing.posts import arrivals, reaction_records, records, strangers
from server.organizing.posts.content import Audience
from server.organizing.posts.queries import find_post
from server.organizing.posts.reaction_records import BOOST, LIKE, Kind, ReactionRecord
from server.organizing.posts.records import StoredPost
from server.organizing.posts.telling import tell_of_reaction, tell_of_reaction_taken_back

MOST_REACTIONS = 10_000
"""Boosts and likes kept of one post; beyond, nobody counts."""

LONGEST_REACTION = 100
"""Characters of an emoji reaction: one grapheme or a shortcode (FEP-c0e0)."""


async def handle_announce_object(context: Context, received: Received) -> Outcome:
    """A boost of a post of ours, or by somebody followed here of any post; one not known here is kept with it.

    Only what anyone may read is boosted, or an author's own posts for followers to the same followers. IGNORED for
    what is hidden, deleted, unknown, of nobody's interest, or boosted by the same actor already.
    """
    if not await _is_of_interest(context, received):
        return Outcome.IGNORED
    post = await _boosted(context, received)
    if post is None or not await _may_boost(context, received, post):
        return Outcome.IGNORED
    return await _react(context, received, post, BOOST)


async def handle_like_object(context: Context, received: Received) -> Outcome:
    """A like, or an emoji reaction, of a post of ours that the sender may see. IGNORED for all else, and repeats.

    Of boosts and likes together a domain has only so many an hour (`budgets.REACTIONS`).
    """
    post = await _ours(context, received)
    return Outcome.IGNORED if post is None else await _react(context, received, post, LIKE)


async def handle_dislike_object(context: Context, received: Received) -> Outcome:
    """A Dislike: nobody here is judged by counting those. IGNORED."""
    return Outcome.IGNORED


async def handle_undo_announce(context: Context, received: Received) -> Outcome:
    """Takes a boost back. IGNORED when there is none of this actor's; nobody undoes another's (HOSTILE B3)."""
    return await _undo(context, received, BOOST)


async def handle_undo_like(context: Context, received: Received) -> Outcome:
    """Takes a like or an emoji reaction back. IGNORED when there is none of this actor's."""
    return await _undo(context, received, LIKE)


async def _is_of_interest(context: Context, received: Received) -> bool:
    reference = received.activity.object
    ours = reference is not None and reference.id is not None and context.origin.owns(reference.id)
    return ours or await arrivals.is_followed_here(context, received.sender.id)


async def _boosted(context: Context, received: Received) -> StoredPost | None:
    """The post that is boosted, stored with this boost if it is new here."""
    if received.object is None:
        reference = received.activity.object
        return await records.find_stored(context, reference.id) if reference and reference.id else None
    note = parse_note(received.object)
    author = note.attributed_to
    if note.is_vote or context.origin.owns(note.id) or context.origin.owns(author):
        return None
    row = await records.find_row(context, note.id)
    if row is not None:
        return await records.opened_one(context, row) if row.deleted_at is None else None
    audience = await arrivals.audience_of(context, note, author, received.sender)
    own = audience is Audience.FOLLOWERS and author == received.sender.id
    if not (audience.is_open or own) or not await arrivals.may_show(context, author):
        return None
    if await arrivals.was_deleted(context, author, note.id):
        return None
    content = arrivals.as_content(context, note, author, audience, None)
    by = None if await arrivals.is_followed_here(context, author) else strangers.stranger(context, author)
    return StoredPost(await arrivals.keep(context, content, audience, by=by), content)


async def _may_boost(context: Context, received: Received, post: StoredPost) -> bool:
    mine = post.content.author == received.sender.id
    if not (post.audience.is_open or (post.audience is Audience.FOLLOWERS and mine)):
        return False
    return post.row.local or await arrivals.may_show(context, post.content.author)


async def _ours(context: Context, received: Received) -> StoredPost | None:
    """The post of ours that is named, if the sender may see it."""
    reference = received.activity.object
    if reference is None or reference.id is None or not context.origin.owns(reference.id):
        return None
    sender = received.sender.id
    post = await find_post(context, reference.id, Viewer(sender, host_of(sender)))
    return post if post is not None and post.row.local else None


async def _react(context: Context, received: Received, post: StoredPost, kind: Kind) -> Outcome:
    activity, sender = received.activity, received.sender
    if await reaction_records.find(context, post_id=post.id, kind=kind, actor=sender.id) is not None:
        return Outcome.IGNORED
    record = ReactionRecord(
        actor=sender.id,
        activity=activity.id,
        inbox=sender.shared_inbox or sender.inbox,
        content=activity.content[:LONGEST_REACTION] if activity.content else None,
        to=(PUBLIC,) if PUBLIC in (*activity.to, *activity.cc) else (),
    )
    if await reaction_records.count(context, post.id) >= MOST_REACTIONS:
        return Outcome.IGNORED
    try:
        await budgets.spend(context, budgets.REACTIONS, host=host_of(sender.id))
    except budgets.OverBudget as over:
        return Outcome.RETRY if over.for_now else Outcome.IGNORED
    moment = min(activity.published or context.now, context.now)
    reaction = await reaction_records.put(context, post.row, kind, record, moment=moment)
    await tell_of_reaction(context, post, reaction, record)
    return Outcome.DONE


async def _undo(context: Context, received: Received, kind: Kind) -> Outcome:
    reaction = await _undone(context, received, kind)
    if reaction is None:
        return Outcome.IGNORED
    await reaction_records.remove(context, reaction)
    await tell_of_reaction_taken_back(context, reaction, received.sender.id)
    return Outcome.DONE


async def _undone(context: Context, received: Received, kind: Kind) -> Reaction | None:
    """By the id of the original, or else by what it was about: ids of likes are often not kept."""
    original, actor = received.activity.object, received.sender.id
    if original is None:
        return None
    if original.id is not None:
        found = await reaction_records.find_by_activity(context, original.id, kind=kind, actor=actor)
        if found is not None:
            return found
    about = (original.embedded or {}).get("object")
    uri = about.get("id") if isinstance(about, dict) else about
    row = await records.find_row(context, uri) if isinstance(uri, str) else None
    return None if row is None else await reaction_records.find(context, post_id=row.id, kind=kind, actor=actor)
