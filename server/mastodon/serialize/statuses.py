"""Statuses as entities: posts with all that their viewer may know of them, in a fixed number of queries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlmodel import col

from federation.context import Context
from models import LocalActor, Post, Reaction
from server.mastodon.entities.account import Account
from server.mastodon.entities.filter import FilterResult
from server.mastodon.entities.poll import Poll
from server.mastodon.entities.status import Mention, Status, Tag
from server.mastodon.ids import id_of_uri
from server.mastodon.serialize.accounts import accounts_of, parties_of
from server.mastodon.serialize.filters import filtered
from server.mastodon.serialize.media import media_on
from server.mastodon.serialize.polls import poll_of
from server.organizing.parties import Party
from server.organizing.posts import marks, tallies, votes
from server.organizing.posts.content import Audience
from server.organizing.posts.kept import thread_of
from server.organizing.posts.marks import BOOKMARK, MUTE
from server.organizing.posts.reaction_records import BOOST, LIKE, actor_index
from server.organizing.posts.records import StoredPost, opened, scopes_of_posts
from server.organizing.posts.sight import Sight, as_viewer, sight_of
from server.organizing.posts.timelines import Entry

VISIBILITIES: Mapping[Audience, str] = {
    Audience.PUBLIC: "public",
    Audience.UNLISTED: "unlisted",
    Audience.FOLLOWERS: "private",
    Audience.CIRCLE: "private",
    Audience.DIRECT: "direct",
}
"""How clients name an audience. A circle's post is for the followers of the circle."""


@dataclass(frozen=True, slots=True)
class _Own:
    """What a viewer noted and chose, by post id, threads by `kept.thread_of`; `actor` is the viewer's id."""

    actor: str | None = None
    bookmarked: Collection[str] = ()
    muted: Collection[str] = ()
    votes: Mapping[str, Collection[int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Known:
    """What was looked up for a whole list of statuses. Accounts by actor id, parents by index, the rest by post id."""

    accounts: dict[str, Account] = field(default_factory=dict)
    parents: dict[bytes, StoredPost] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    mine: set[tuple[str, str]] = field(default_factory=set)
    filtered: dict[str, list[FilterResult]] = field(default_factory=dict)
    own: "_Own" = field(default_factory=lambda: _Own())
    polls: dict[str, Poll] = field(default_factory=dict)


async def statuses_of(context: Context, viewer: LocalActor | None, entries: Sequence[Entry]) -> list[Status]:
    """These statuses, in this order, for a viewer who was found to see them. Those of unknown authors are left out."""
    known = await _look_up(context, viewer, entries)
    return [status for entry in entries if (status := _status(context, entry, known)) is not None]


async def status_of(context: Context, viewer: LocalActor | None, post: StoredPost) -> Status:
    """One post. Raises `LookupError` when its author is not known any more."""
    found = await statuses_of(context, viewer, [Entry(post.row.number, post)])
    if not found:
        raise LookupError("the author is not known")
    return found[0]


async def _look_up(context: Context, viewer: LocalActor | None, entries: Sequence[Entry]) -> _Known:
    posts = [entry.post for entry in entries]
    actors = {post.content.author for post in posts} | {entry.boosted_by for entry in entries if entry.boosted_by}
    parties: dict[str, Party] = await parties_of(context, actors)
    accounts = await accounts_of(context, list(parties.values()))
    known = _Known(accounts=dict(zip(parties, accounts, strict=True)))
    ids = [post.id for post in posts]
    known.parents = await _parents(context, viewer, posts)
    known.replies = await _replies(context, posts)
    known.filtered = await filtered(context, viewer, posts)
    counted = select(col(Reaction.post_id), col(Reaction.kind), func.count()).where(col(Reaction.post_id).in_(ids))
    for post_id, kind, count in await context.session.execute(counted.group_by(Reaction.post_id, Reaction.kind)):
        known.counts[post_id, kind] = count
    if viewer is not None:
        by_me = col(Reaction.actor_index) == actor_index(context, context.origin.actor(viewer.id))
        own = select(col(Reaction.post_id), col(Reaction.kind)).where(col(Reaction.post_id).in_(ids), by_me)
        known.mine = {(post_id, kind) for post_id, kind in await context.session.execute(own)}
        known.own = await _own(context, context.origin.actor(viewer.id), posts)
    for post in await tallies.with_counts(context, posts):
        if post.content.poll is not None:
            mine = post.content.author == known.own.actor
            own_votes = known.own.votes.get(post.id, ())
            known.polls[post.id] = poll_of(post.content.poll, post.row.number, context.now, own=own_votes, mine=mine)
    return known


async def _own(context: Context, viewer: str, posts: Sequence[StoredPost]) -> _Own:
    asked = [post.row for post in posts if post.content.poll is not None]
    return _Own(
        actor=viewer,
        bookmarked=await marks.marked(context, BOOKMARK, viewer, [post.id for post in posts]),
        muted=await marks.marked(context, MUTE, viewer, {thread_of(post.row) for post in posts}),
        votes=await votes.find(context, await scopes_of_posts(context, asked), viewer) if asked else {},
    )


async def _parents(context: Context, viewer: LocalActor | None, posts: Sequence[StoredPost]) -> dict[bytes, StoredPost]:
    """What these posts answer, by index, as far as the viewer may see it."""
    indexes = {post.row.parent_index for post in posts if post.row.parent_index is not None}
    if not indexes:
        return {}
    asked = select(Post).where(col(Post.uri_index).in_(indexes), col(Post.deleted_at).is_(None))
    found = await opened(context, (await context.session.execute(asked)).scalars().all())
    is_plain = all(post.audience.is_open for post in found)
    sight = Sight() if is_plain else await sight_of(context, as_viewer(context, viewer))
    return {post.row.uri_index: post for post in sight.shown(found)}


async def _replies(context: Context, posts: Sequence[StoredPost]) -> dict[str, int]:
    """How many answers anyone may read; others' closed ones are not told of."""
    by_index = {post.row.uri_index: post.id for post in posts}
    counted = select(col(Post.parent_index), func.count()).where(
        col(Post.parent_index).in_(by_index), col(Post.audience).in_(("public", "unlisted"))
    )
    rows = await context.session.execute(counted.group_by(col(Post.parent_index)))
    return {by_index[index]: count for index, count in rows if index is not None}


def _status(context: Context, entry: Entry, known: _Known) -> Status | None:
    post = _post(context, entry.post, known)
    if post is None or entry.boosted_by is None:
        return post
    booster = known.accounts.get(entry.boosted_by)
    if booster is None:
        return None
    moment = entry.boosted_at or post.created_at
    wrapper = {"id": str(entry.number), "account": booster, "created_at": moment, "edited_at": None, "reblog": post}
    return post.model_copy(update=wrapper | {"in_reply_to_id": None, "in_reply_to_account_id": None})


def _post(context: Context, post: StoredPost, known: _Known) -> Status | None:
    account = known.accounts.get(post.content.author)
    if account is None:
        return None
    content, post_id = post.content, post.id
    parent = known.parents.get(post.row.parent_index or b"")
    return Status(
        id=str(post.row.number),
        uri=content.uri,
        url=content.url or content.uri,
        created_at=content.published,
        edited_at=content.updated,
        account=account,
        content=content.html,
        visibility=VISIBILITIES[post.audience],
        sensitive=content.sensitive,
        spoiler_text=content.summary or "",
        language=content.language,
        in_reply_to_id=str(parent.row.number) if parent is not None else None,
        in_reply_to_account_id=id_of_uri(context, parent.content.author) if parent is not None else None,
        media_attachments=media_on(context, post),
        mentions=_mentions(context, post),
        tags=[Tag(name=name.lower(), url=f"{context.origin}/tags/{name.lower()}") for name in content.hashtags],
        replies_count=known.replies.get(post_id, 0),
        reblogs_count=known.counts.get((post_id, BOOST), 0),
        favourites_count=known.counts.get((post_id, LIKE), 0),
        favourited=(post_id, LIKE) in known.mine,
        reblogged=(post_id, BOOST) in known.mine,
        filtered=known.filtered.get(post_id, []),
        bookmarked=post_id in known.own.bookmarked,
        muted=thread_of(post.row) in known.own.muted,
        pinned=post.row.pinned_at is not None and content.author == known.own.actor,
        poll=known.polls.get(post_id),
    )


def _mentions(context: Context, post: StoredPost) -> list[Mention]:
    found = []
    for mention in post.content.mentions:
        acct = (mention.name or mention.href).removeprefix("@")
        if context.origin.owns(mention.href):
            acct = acct.partition("@")[0]
        username = acct.partition("@")[0]
        found.append(Mention(id=id_of_uri(context, mention.href), username=username, acct=acct, url=mention.href))
    return found
