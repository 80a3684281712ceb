"""Publishes, edits and deletes posts of local actors, and queues what others are to hear of it. Never commits."""

import os
from collections.abc import Sequence

from crypto.tokens import Random, random_id
from federation.context import Context
from models import LocalActor, Post
from server.organizing.parties import Party
from server.organizing.posts import policy, reaction_records, records
from server.organizing.posts.audiences import addresses_of, inboxes_by_name
from server.organizing.posts.content import Audience, PostContent
from server.organizing.posts.people_named import Named, named_of, party_of, without
from server.organizing.posts.policy import NO_SUCH_POST, Answered, Speaker
from server.organizing.posts.queries import find_post
from server.organizing.posts.records import StoredPost
from server.organizing.posts.rendering import render
from server.organizing.posts.sending import send_create, send_delete, send_update
from server.organizing.posts.speakers import speaker_of
from server.organizing.posts.telling import tell_of_edit, tell_of_end, tell_of_new
from server.organizing.refusal import Refusal, Refused, require

AUDIENCES = {
    "public": Audience.PUBLIC,
    "unlisted": Audience.UNLISTED,
    "supporters": Audience.FOLLOWERS,
    "circle": Audience.CIRCLE,
    "direct": Audience.DIRECT,
}
"""The words of pages and commands for audiences."""


async def publish(
    context: Context,
    *,
    author: LocalActor,
    text: str,
    audience: str,
    circle: LocalActor | None = None,
    reply_to: str | None = None,
    content_warning: str | None = None,
    language: str | None = None,
    mentions: Sequence[Party] = (),
    random: Random = os.urandom,
) -> Post:
    """Posts a text as an actor of this server: a person, a movement, or a circle to its members.

    `audience` is public, unlisted, supporters, circle or direct; `reply_to` the id of a post that the author sees.
    `mentions` are addressed and told, and linked where the text names them; in a circle they are neither, since no
    member's name goes on the wire. Raises `Refused`, having changed nothing.
    """
    chosen, speaker = _audience(audience, author, circle), await speaker_of(context, author)
    parent = await _parent(context, author, reply_to)
    people = await _named(context, author, chosen, parent, mentions)
    require(policy.may_write(text=text, content_warning=content_warning, mentions=len(people)))
    require(policy.may_address(speaker=speaker, audience=chosen, named=len(people)))
    if parent is not None:
        named = [person.id for person in people]
        require(policy.may_answer(_answered(context, author, parent), audience=chosen, named=named))
    post_id, number = random_id(random), records.draw_number(context.now, random)
    content = _content(context, author, chosen, people, text).but(
        uri=context.origin.object(post_id),
        url=f"{context.origin.profile(author.handle)}/{number}",
        in_reply_to=parent.content.uri if parent else None,
        summary=content_warning or None,
        sensitive=bool(content_warning),
        language=language,
    )
    group = None if speaker is Speaker.PERSON else content.author
    row = await records.put(context, content, audience=chosen, group=group, number=number, post_id=post_id)
    await _went_out(context, author, StoredPost(row, content))
    return row


async def edit(
    context: Context,
    *,
    author: LocalActor,
    post_id: str,
    text: str,
    content_warning: str | None = None,
    mentions: Sequence[Party] = (),
) -> Post:
    """Replaces the text of one's own post. `content_warning` None keeps the one there is, empty takes it off.

    Who gets a closed post stays as it was; an open one goes to those newly mentioned too. Raises `Refused`.
    """
    post = await _own(context, author, post_id)
    known = {mention.href for mention in post.content.mentions}
    people = without(named_of(context.origin, mentions), post.content.author)
    if not post.audience.is_open:
        people = [person for person in people if person.id in known]
    require(policy.may_write(text=text, content_warning=content_warning, mentions=len(known) + len(people)))
    changed = _edited(context, post, text, people)
    if content_warning is not None:
        changed = changed.but(summary=content_warning or None, sensitive=bool(content_warning))
    await records.replace_content(context, post, changed)
    await send_update(context, author, StoredPost(post.row, changed))
    await tell_of_edit(context, StoredPost(post.row, changed), post)
    return post.row


async def delete(context: Context, *, author: LocalActor, post_id: str) -> None:
    """Deletes one's own post here, and asks everyone who has it to do the same. Raises `Refused`."""
    post = await _own(context, author, post_id)
    await send_delete(context, author, post)
    await tell_of_end(context, post)
    await records.blank(context, post.row)


async def _went_out(context: Context, author: LocalActor, post: StoredPost) -> None:
    """Queues a new post for others, and tells those here."""
    await send_create(context, author, post)
    await tell_of_new(context, post)


def _audience(word: str, author: LocalActor, circle: LocalActor | None) -> Audience:
    if word not in AUDIENCES:
        raise Refused(Refusal(f"The audience is one of: {', '.join(AUDIENCES)}."))
    if circle is not None and circle.id != author.id:
        raise Refused(Refusal("Only the circle itself posts to its members."))
    return AUDIENCES[word]


async def _parent(context: Context, author: LocalActor, reply_to: str | None) -> StoredPost | None:
    if reply_to is None:
        return None
    parent = await find_post(context, reply_to, author)
    if parent is None:
        raise Refused(NO_SUCH_POST)
    return parent


async def _own(context: Context, author: LocalActor, post_id: str) -> StoredPost:
    await speaker_of(context, author)
    post = await records.find_stored(context, post_id)
    if post is None or not post.row.local or post.content.author != context.origin.actor(author.id):
        raise Refused(NO_SUCH_POST)
    return post


async def _named(
    context: Context, author: LocalActor, audience: Audience, parent: StoredPost | None, mentions: Sequence[Party]
) -> list[Named]:
    """Those mentioned, and whoever wrote what this answers, so that their server tells them."""
    if audience is Audience.CIRCLE:
        return []
    answered = await party_of(context, parent.content.author) if parent else None
    parties = [*mentions] if answered is None else [answered, *mentions]
    return without(named_of(context.origin, parties), context.origin.actor(author.id))


def _answered(context: Context, author: LocalActor, parent: StoredPost) -> Answered:
    writer = parent.content.author
    return Answered(
        audience=parent.audience,
        mine=writer == context.origin.actor(author.id),
        named=parent.content.named | {writer},
    )


def _content(
    context: Context, author: LocalActor, audience: Audience, people: Sequence[Named], text: str
) -> PostContent:
    origin = context.origin
    rendered = render(text, origin=origin, named=people)
    addresses = addresses_of(
        audience, followers=origin.actor(author.id, "followers"), named=[person.id for person in people]
    )
    return PostContent(
        uri="",
        author=origin.actor(author.id),
        # Whole seconds: more would say something about the machine (HOSTILE F4).
        published=context.now.replace(microsecond=0),
        html=rendered.html,
        source=text,
        to=addresses.to,
        cc=addresses.cc,
        mentions=tuple(person.mention for person in people),
        hashtags=rendered.hashtags,
        inboxes=tuple(inboxes_by_name(audience, [person.recipient for person in people])),
    )


def _edited(context: Context, post: StoredPost, text: str, people: Sequence[Named]) -> PostContent:
    old = post.content
    rendered = render(text, origin=context.origin, named=people)
    mentioned = {mention.href: mention for mention in old.mentions} | {person.id: person.mention for person in people}
    new = [person for person in people if person.id not in old.named]
    return old.but(
        html=rendered.html,
        source=text,
        hashtags=rendered.hashtags,
        updated=context.now.replace(microsecond=0),
        mentions=tuple(mentioned.values()),
        cc=(*old.cc, *(person.id for person in new)),
        inboxes=(*old.inboxes, *inboxes_by_name(post.audience, [person.recipient for person in new])),
    )


async def forget_author(context: Context, uri: str) -> int:
    """Removes all that an actor elsewhere wrote, boosted or liked; how much it was. Tells nobody."""
    reactions = await reaction_records.remove_all_by(context, uri)
    return reactions + await records.remove_all_by(context, uri)
