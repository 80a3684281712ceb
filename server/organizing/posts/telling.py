"""Tells those here whom it concerns what became of a post: at once, and only what they may see."""

from collections.abc import Iterable

from federation.context import Context
from models import LocalActor, Reaction
from server.organizing import happenings
from server.organizing.conversations import service as conversations
from server.organizing.following.options import who_wants_notice
from server.organizing.following.queries import follows_actor
from server.organizing.happenings import Kind as What
from server.organizing.notifications import service as notifications
from server.organizing.parties import local_actor
from server.organizing.posts.content import Audience
from server.organizing.posts.reaction_records import BOOST, Kind, ReactionRecord
from server.organizing.posts.records import StoredPost


async def tell_of_new(context: Context, post: StoredPost) -> None:
    """A post was published here, or came from elsewhere."""
    happenings.happened(context, What.STATUS, post.id)
    await conversations.note(context, post)
    await notifications.mentions(context, post)
    if post.audience is not Audience.DIRECT:
        await notifications.posted(context, post, to=await _who_wanted_to_know(context, post.content.author))


async def tell_of_edit(context: Context, post: StoredPost, before: StoredPost) -> None:
    """A post says something else now."""
    happenings.happened(context, What.EDIT, post.id)
    await notifications.edited(context, post)
    await notifications.mentions(context, post, named=post.content.named - before.content.named)


async def tell_of_poll_end(context: Context, post: StoredPost, voters: Iterable[str]) -> None:
    """A poll of ours is over: its author hears of it, and those here who voted."""
    happenings.happened(context, What.EDIT, post.id)
    parties = [await local_actor(context, actor) for actor in {post.content.author, *voters}]
    await notifications.poll_ended(context, post, to=[party for party in parties if party is not None])


async def tell_of_end(context: Context, post: StoredPost) -> None:
    """A post is about to be no more. Call it before the row is blanked."""
    content = post.content
    named = content.named if post.audience is Audience.DIRECT else ()
    happenings.gone(context, post.row.number, post.audience, content.author, named)
    await conversations.forget(context, post)


async def tell_of_reaction(context: Context, post: StoredPost, reaction: Reaction, record: ReactionRecord) -> None:
    """Somebody boosted or liked a post."""
    kind: Kind = "boost" if reaction.kind == BOOST else "like"
    if kind == BOOST:
        happenings.happened(context, What.BOOST, reaction.id)
    await notifications.reacts(context, post, kind, actor=record.actor)


async def tell_of_reaction_taken_back(context: Context, reaction: Reaction, actor: str) -> None:
    """Somebody took that back."""
    kind: Kind = "boost" if reaction.kind == BOOST else "like"
    if kind == BOOST:
        happenings.unboosted(context, reaction.number, actor)
    await notifications.reacts_no_more(context, reaction.post_id, kind, actor=actor)


async def _who_wanted_to_know(context: Context, author: str) -> list[LocalActor]:
    """Those here who follow an author and chose to hear of each post."""
    found = []
    for follower in await who_wants_notice(context, author):
        actor = await local_actor(context, follower)
        if actor is not None and await follows_actor(context, follower=follower, followee=author):
            found.append(actor)
    return found
