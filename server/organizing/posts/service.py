"""Publishes, edits and deletes posts of local actors, and queues what others are to hear of it. Never commits."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Required, TypedDict, Unpack

from crypto.tokens import Random, random_id
from federation.context import Context
from federation.vocabulary.objects import Attachment
from federation.vocabulary.polls import Poll
from models import LocalActor, Post
from server.organizing.numbers import draw_number
from server.organizing.parties import Party
from server.organizing.posts import (
    marks,
    policy,
    reaction_records,
    records,
    revisions,
    scheduled,
    tallies,
    votes,
)
from server.organizing.posts.attaching import attachments_of, hang
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


class Words(TypedDict, total=False):
    """What somebody says.

    `audience` is public, unlisted, supporters, circle or direct; `reply_to` the id of a post that the author sees.
    `mentions` are addressed and told, and linked where the text names them; in a circle they are neither, since no
    member's name goes on the wire. `poll` comes from `polls.asked`, `media` are ids of what the author sent before.
    """

    text: Required[str]
    audience: Required[str]
    circle: LocalActor | None
    reply_to: str | None
    content_warning: str | None
    language: str | None
    mentions: Sequence[Party]
    sensitive: bool
    poll: Poll | None
    media: Sequence[str]


async def publish(context: Context, *, author: LocalActor, random: Random = os.urandom, **words: Unpack[Words]) -> Post:
    """Posts words as an actor of this server: a person, a movement, or a circle to its members.

    Raises `Refused`, having changed nothing.
    """
    plan = await check(context, author=author, **words)
    post_id, number = random_id(random), draw_number(context.now, random)
    content = _content(context, author, plan, words).but(
        uri=context.origin.object(post_id),
        url=f"{context.origin.profile(author.handle)}/{number}",
    )
    group = None if plan.speaker is Speaker.PERSON else content.author
    row = await records.put(context, content, audience=plan.audience, group=group, number=number, post_id=post_id)
    post = StoredPost(row, content)
    if content.poll is not None and content.poll.ends is not None:
        await tallies.begin(context, post, content.poll.ends)
    await hang(context, author, words.get("media", ()), post)
    await _went_out(context, author, post)
    return row


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to be said: as what and to whom, in answer to what, who is named, and what hangs on it."""

    speaker: Speaker
    audience: Audience
    parent: StoredPost | None
    people: Sequence[Named]
    attached: tuple[Attachment, ...]


async def check(context: Context, *, author: LocalActor, **words: Unpack[Words]) -> Plan:
    """Whether `publish` would do it now, and how. Changes nothing. Raises `Refused`."""
    circle, text, warning = words.get("circle"), words["text"], words.get("content_warning")
    if circle is not None and circle.id != author.id:
        raise Refused(Refusal("Only the circle itself posts to its members."))
    chosen, speaker = _audience(words["audience"]), await speaker_of(context, author)
    parent = await _parent(context, author, words.get("reply_to"))
    people = await _named(context, author, chosen, parent, words.get("mentions", ()))
    attached = await attachments_of(context, author, words.get("media", ()))
    written = {"mentions": len(people), "attachments": len(attached)}
    require(policy.may_write(text=text, content_warning=warning, **written))
    require(policy.may_address(speaker=speaker, audience=chosen, named=len(people)))
    if parent is not None:
        named = [person.id for person in people]
        require(policy.may_answer(_answered(context, author, parent), audience=chosen, named=named))
    return Plan(speaker, chosen, parent, people, attached)


async def edit(
    context: Context,
    *,
    author: LocalActor,
    post_id: str,
    text: str | None = None,
    content_warning: str | None = None,
    sensitive: bool | None = None,
    language: str | None = None,
    media: Sequence[str] | None = None,
    mentions: Sequence[Party] = (),
) -> Post:
    """Changes one's own post; None keeps what there is, an empty `content_warning` takes it off.

    Who gets a closed post stays as it was; an open one goes to those newly mentioned too. What it said before is kept
    for a while. Where nothing changes, nothing is sent. Raises `Refused`.
    """
    post = await _own(context, author, post_id)
    text = post.content.source or "" if text is None else text
    attached = post.content.attachments if media is None else await attachments_of(context, author, media, on=post.id)
    known = {mention.href for mention in post.content.mentions}
    people = without(named_of(context.origin, mentions), post.content.author)
    if not post.audience.is_open:
        people = [person for person in people if person.id in known]
    written = {"mentions": len(known) + len(people), "attachments": len(attached)}
    require(policy.may_write(text=text, content_warning=content_warning, **written))
    changed = _edited(context, post, text, people).but(attachments=attached, language=language or post.content.language)
    changed = _warned(changed, content_warning, sensitive)
    if changed.but(updated=post.content.updated) == post.content:
        return post.row
    await revisions.keep(context, post)
    await records.replace_content(context, post, changed)
    if media is not None:
        await hang(context, author, media, post)
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


def _audience(word: str) -> Audience:
    if word not in AUDIENCES:
        raise Refused(Refusal(f"The audience is one of: {', '.join(AUDIENCES)}."))
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


def _content(context: Context, author: LocalActor, plan: Plan, words: Words) -> PostContent:
    origin, warning, poll = context.origin, words.get("content_warning") or None, words.get("poll")
    rendered = render(words["text"], origin=origin, named=plan.people)
    addresses = addresses_of(
        plan.audience, followers=origin.actor(author.id, "followers"), named=[person.id for person in plan.people]
    )
    return PostContent(
        uri="",
        author=origin.actor(author.id),
        # Whole seconds: more would say something about the machine (HOSTILE F4).
        published=context.now.replace(microsecond=0),
        type="Note" if poll is None else "Question",
        html=rendered.html,
        source=words["text"],
        summary=warning,
        sensitive=words.get("sensitive", False) or warning is not None,
        language=words.get("language"),
        in_reply_to=plan.parent.content.uri if plan.parent else None,
        to=addresses.to,
        cc=addresses.cc,
        mentions=tuple(person.mention for person in plan.people),
        hashtags=rendered.hashtags,
        attachments=plan.attached,
        poll=poll,
        inboxes=tuple(inboxes_by_name(plan.audience, [person.recipient for person in plan.people])),
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


def _warned(content: PostContent, content_warning: str | None, sensitive: bool | None) -> PostContent:
    """With another content warning, if one is given; whoever warns says that it is sensitive."""
    warning = content.summary if content_warning is None else content_warning or None
    kept = bool(warning) if content_warning is not None else content.sensitive
    return content.but(summary=warning, sensitive=bool(warning) or (kept if sensitive is None else sensitive))


async def forget_author(context: Context, uri: str) -> int:
    """Removes all that an actor wrote, boosted, liked or noted, and what it voted; how much it said. Tells nobody."""
    await votes.forget_voter(context, uri)
    await marks.forget_owner(context, uri)
    await scheduled.forget_owner(context, uri)
    reactions = await reaction_records.remove_all_by(context, uri)
    return reactions + await records.remove_all_by(context, uri)
