"""Turns our posts and reactions into what other servers read. Pure; the audience on the wire is the one stored."""

from datetime import datetime

from federation.origin import Origin
from federation.vocabulary import Document, builders
from federation.vocabulary.collections import page_address, unread_collection
from federation.vocabulary.objects import Hashtag, note_document, tombstone
from federation.vocabulary.polls import poll_properties
from models import LocalActor, Post
from server.organizing.posts.content import Audience
from server.organizing.posts.reaction_records import ReactionRecord
from server.organizing.posts.records import StoredPost
from server.organizing.posts.rendering import hashtag_url


def note_of(origin: Origin, post: StoredPost, now: datetime) -> Document:
    """A post of ours as a Note, or as a Question with the numbers it came with, as it is now."""
    content = post.content
    return note_document(
        id=content.uri,
        attributed_to=content.author,
        content=content.html,
        published=content.published,
        to=content.to,
        cc=content.cc,
        url=content.url or content.uri,
        summary=content.summary,
        sensitive=content.sensitive,
        in_reply_to=content.in_reply_to,
        # Replies to a closed post are nobody's business, their number included.
        replies=_replies(origin, post) if post.audience.is_open else None,
        language=content.language,
        source=content.source,
        mentions=content.mentions,
        hashtags=[Hashtag(name=tag, href=hashtag_url(origin, tag)) for tag in content.hashtags],
        attachments=content.attachments,
        type="Question" if content.poll is not None else "Note",
        poll=poll_properties(content.poll, now) if content.poll is not None else None,
        updated=content.updated,
        direct=post.audience is Audience.DIRECT,
    )


def _replies(origin: Origin, post: StoredPost) -> Document:
    address = origin.object(post.id, "replies")
    return unread_collection(id=address, next=page_address(address))


def create_of(origin: Origin, post: StoredPost, now: datetime) -> Document:
    """The Create of a post of ours; its id is found by that of the post (Mastodon fetches it)."""
    return builders.create(
        id=origin.object(post.id, "activity"), actor=post.content.author, object=note_of(origin, post, now)
    )


def vote_of(
    origin: Origin, actor: LocalActor, post: StoredPost, name: str, *, activity_id: str, object_id: str
) -> Document:
    """One option of a poll elsewhere, chosen (FEP-9967): for its author alone, with a name and no content."""
    own, author = origin.actor(actor.id), post.content.author
    ballot = {
        "id": origin.object(object_id),
        "type": "Note",
        "attributedTo": own,
        "inReplyTo": post.content.uri,
        "name": name,
        "to": [author],
    }
    return builders.create(id=origin.activity(activity_id), actor=own, object=ballot)


def announce_of(record: ReactionRecord, uri: str, published: datetime) -> Document:
    """A boost of ours: the id of the post only, so that its text is read at its origin (HOSTILE B13)."""
    return builders.announce(
        id=record.activity, actor=record.actor, object=uri, to=record.to, cc=record.cc, published=published
    )


def like_of(record: ReactionRecord, uri: str) -> Document:
    """A like of ours."""
    return builders.like(id=record.activity, actor=record.actor, object=uri, to=record.to)


def tombstone_of(origin: Origin, row: Post) -> Document | None:
    """What is left of a deleted post of ours; None for one that not everybody could read, or that is still there."""
    if row.deleted_at is None or not row.local or not Audience(row.audience).is_open:
        return None
    return tombstone(id=origin.object(row.id), former_type=row.kind, deleted=row.deleted_at)
