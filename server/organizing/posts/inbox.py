"""Gives meaning to Create, Update and Delete of posts from elsewhere. Nobody speaks for another; fetches nothing."""

from contextlib import suppress

from crypto.sealing import CannotOpen
from federation import authority, follows
from federation.context import Context
from federation.origin import same_origin
from federation.received import Received
from federation.table import Outcome
from federation.vocabulary.objects import Note, parse_note
from models import LocalActor, Post
from server.organizing import budgets
from server.organizing.posts import arrivals, records, revisions, strangers, votes
from server.organizing.posts.content import PostContent
from server.organizing.posts.records import StoredPost
from server.organizing.posts.telling import tell_of_edit, tell_of_end, tell_of_new
from server.organizing.remembered import remember


async def handle_create_note(context: Context, received: Received) -> Outcome:
    """Keeps a post that concerns somebody here. IGNORED when it concerns nobody, is known, or was deleted already.

    REFUSED (or `NotAuthorized`, `Malformed`) for the post of another, or one that claims to be ours.
    """
    if received.object is None:
        return Outcome.REFUSED
    note = _note(received)
    author = arrivals.author_of(context, received, note)
    if note.is_vote:
        return Outcome.IGNORED  # another row of the table
    if await records.find_row(context, note.id) is not None:
        # A known post reaches nobody new because somebody, its author included, names others around it (B2).
        return Outcome.IGNORED
    return await _arrive(context, received, note, author)


async def handle_update_note(context: Context, received: Received) -> Outcome:
    """Changes a post by its own author. Who it is for, and what it answers, stay as they were first told.

    IGNORED when older than what we have, or deleted; taken as new when unknown. REFUSED for anybody but its author,
    as stored here (HOSTILE B1), and for another `inReplyTo`.
    """
    if received.object is None:
        return Outcome.REFUSED
    note = _note(received)
    author = arrivals.author_of(context, received, note)
    row = await records.find_row(context, note.id)
    if row is None:
        return await _arrive(context, received, note, author)
    if row.deleted_at is not None:
        return Outcome.IGNORED
    post = await records.opened_one(context, row)
    if row.local or post.content.author != author or post.content.in_reply_to != note.in_reply_to:
        return Outcome.REFUSED
    return await _change(context, post, note)


async def handle_delete_object(context: Context, received: Received) -> Outcome:
    """Removes a post by its own author, for good. Of an unknown one it is remembered, in case the Create comes late.

    IGNORED for what is deleted already or not the sender's to name; REFUSED for the post of another (HOSTILE B1).
    """
    reference = received.activity.object
    sender = received.sender.id
    if reference is None or reference.id is None or context.origin.owns(reference.id):
        return Outcome.REFUSED
    row = await records.find_row(context, reference.id)
    if row is None:
        return await _remember_delete(context, sender, reference.id)
    if row.deleted_at is not None:
        return Outcome.IGNORED
    if row.local or row.author_index not in records.author_indexes(context, [sender]):
        return Outcome.REFUSED
    await _tell_of_end(context, row)
    await records.blank(context, row)
    return Outcome.DONE


def _note(received: Received) -> Note:
    """The post, addressed as the activity is where it says nothing itself (Mastodon reads it so)."""
    return parse_note(received.object, to=received.activity.to, cc=received.activity.cc)


async def _arrive(context: Context, received: Received, note: Note, author: str) -> Outcome:
    if await arrivals.was_deleted(context, author, note.id) or not await arrivals.may_show(context, author):
        return Outcome.IGNORED
    audience = await arrivals.audience_of(context, note, author, received.sender)
    recipient: LocalActor | None = await arrivals.recipient_of_inbox(context, received)
    content = arrivals.as_content(context, note, author, audience, recipient)
    followed = await arrivals.is_followed_here(context, author)
    if not await arrivals.concerns_us(context, content, audience, recipient, followed=followed):
        # It may have overtaken the Accept of somebody here whom the author has just let follow.
        return Outcome.RETRY if await follows.is_asked(context, author) else Outcome.IGNORED
    try:
        by = await strangers.take(context, content, followed=followed)
    except budgets.OverBudget as over:
        return Outcome.RETRY if over.for_now else Outcome.IGNORED
    row = await arrivals.keep(context, content, audience, by=by)
    await tell_of_new(context, StoredPost(row, content))
    return Outcome.DONE


async def _tell_of_end(context: Context, row: Post) -> None:
    with suppress(CannotOpen):  # what nobody can read goes without a word
        await tell_of_end(context, await records.opened_one(context, row))


async def _change(context: Context, post: StoredPost, note: Note) -> Outcome:
    old = post.content
    if note.type == "Question" and note.updated in (None, old.updated):
        return await _count(context, post, note)
    moment = min(note.updated or context.now, context.now)
    if moment < (old.updated or old.published):
        return Outcome.IGNORED
    changed = _changed(post, note)
    if changed == old:
        # Anybody can have us look at a post again: unless something is new, that is no edit.
        return Outcome.IGNORED
    if post.row.review_on is None:  # what strangers said before is kept for nobody
        await revisions.keep(context, post)
    if changed.poll is None or old.poll is None or changed.poll.options != old.poll.options:
        await votes.forget_polls(context, [post.id])
    changed = changed.but(updated=moment)
    await records.replace_content(context, post, changed)
    await tell_of_edit(context, StoredPost(post.row, changed), post)
    return Outcome.DONE


async def _count(context: Context, post: StoredPost, note: Note) -> Outcome:
    """New numbers of a poll, or its end: no edit. Other options would be one."""
    poll = post.content.poll
    if poll is None or note.poll is None or poll.options != note.poll.options or poll == note.poll:
        return Outcome.IGNORED
    await records.replace_content(context, post, post.content.but(poll=note.poll))
    return Outcome.DONE


def _changed(post: StoredPost, note: Note) -> PostContent:
    """The new text in the old frame."""
    return post.content.but(
        type=note.type,
        html=note.content,
        name=note.name,
        summary=note.summary,
        sensitive=note.sensitive,
        language=note.language,
        mentions=note.mentions,
        hashtags=note.hashtags,
        attachments=note.attachments,
        poll=note.poll,
    )


async def _remember_delete(context: Context, sender: str, uri: str) -> Outcome:
    if not same_origin(uri, sender) or authority.same_id(uri, sender):
        return Outcome.IGNORED
    return Outcome.DONE if await remember(context, actor=sender, deed=uri) else Outcome.IGNORED
