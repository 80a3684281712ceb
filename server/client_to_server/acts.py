"""THE TABLE of what an outbox takes: each verb with the service that does it. Returns where the act can be found."""

from collections.abc import Awaitable, Callable, Mapping

from federation import follows
from federation.context import Context
from federation.vocabulary import Document
from federation.vocabulary.documents import reference_id
from models import LocalActor, Reaction
from server.api.errors import Forbidden, Missing, Unprocessable
from server.client_to_server.notes import text_in, wish_of
from server.mastodon.ids import find_party
from server.organizing.following import service as following
from server.organizing.parties import Party
from server.organizing.posts import reactions
from server.organizing.posts import service as posts
from server.organizing.posts.queries import find_post

Act = Callable[[Context, LocalActor, Document], Awaitable[str]]

_OBJECTS = frozenset({"Note"})


async def perform(context: Context, me: LocalActor, document: Document) -> str:
    """Does it, as `me`; the id that it is found by. Raises `ApiError` or `Refused`, having changed nothing."""
    if document.get("type") in _OBJECTS:
        document = {"type": "Create", "object": document}
    claimed = document.get("actor")
    if claimed is not None and reference_id(claimed) != context.origin.actor(me.id):
        raise Forbidden("The actor of an activity is the owner of the outbox.")
    act = ACTS.get(str(document.get("type")))
    if act is None:
        raise Unprocessable(f"One of these can be posted: {', '.join(ACTS)}.")
    return await act(context, me, document)


async def create(context: Context, me: LocalActor, activity: Document) -> str:
    """Publishes a Note."""
    wish = await wish_of(context, me, _embedded(activity), activity)
    post = await posts.publish(
        context,
        author=me,
        text=wish.text,
        audience=wish.audience,
        reply_to=wish.reply_to,
        content_warning=wish.warning,
        language=wish.language,
        mentions=wish.mentions,
    )
    return context.origin.object(post.id, "activity")


async def update(context: Context, me: LocalActor, activity: Document) -> str:
    """Replaces the text of one's own Note."""
    note = _embedded(activity)
    uri = _target(activity)
    summary = note.get("summary")
    post = await find_post(context, uri, me)
    if post is None:
        raise Missing
    warning = summary if isinstance(summary, str) else None
    await posts.edit(context, author=me, post_id=post.id, text=text_in(note), content_warning=warning)
    return uri


async def delete(context: Context, me: LocalActor, activity: Document) -> str:
    """Deletes one's own post."""
    uri = _target(activity)
    await posts.delete(context, author=me, post_id=uri)
    return uri


async def follow(context: Context, me: LocalActor, activity: Document) -> str:
    """Follows, or asks to."""
    edge = await following.follow(context, follower=me, followee=await _party(context, activity))
    return edge.activity


async def like(context: Context, me: LocalActor, activity: Document) -> str:
    """Likes a post."""
    return context.origin.activity((await reactions.like(context, actor=me, post=_target(activity))).id)


async def announce(context: Context, me: LocalActor, activity: Document) -> str:
    """Boosts a post."""
    return context.origin.activity((await reactions.boost(context, actor=me, post=_target(activity))).id)


async def accept(context: Context, me: LocalActor, activity: Document) -> str:
    """Lets somebody follow; of a circle, admits them."""
    uri, requester = await _asked(context, activity)
    await following.accept_request(context, owner=me, requester=requester)
    return uri


async def reject(context: Context, me: LocalActor, activity: Document) -> str:
    """Turns somebody away."""
    uri, requester = await _asked(context, activity)
    await following.reject_request(context, owner=me, requester=requester)
    return uri


async def undo(context: Context, me: LocalActor, activity: Document) -> str:
    """Takes back one's own Follow, Like or Announce, embedded or by its id."""
    uri = _target(activity)
    inner = activity.get("object")
    done = inner if isinstance(inner, dict) and "type" in inner else await _remembered(context, me, uri)
    verb = done.get("type")
    if verb == "Follow":
        await following.unfollow(context, follower=me, followee=await _party(context, done))
    elif verb == "Like":
        await reactions.unlike(context, actor=me, post=_target(done))
    elif verb == "Announce":
        await reactions.unboost(context, actor=me, post=_target(done))
    else:
        raise Unprocessable("A Follow, Like or Announce can be undone.")
    return uri


ACTS: Mapping[str, Act] = {
    "Create": create,
    "Update": update,
    "Delete": delete,
    "Follow": follow,
    "Accept": accept,
    "Reject": reject,
    "Like": like,
    "Announce": announce,
    "Undo": undo,
}


def _embedded(activity: Document) -> Document:
    inner = activity.get("object")
    if not isinstance(inner, dict):
        raise Unprocessable("The object has to be there in full.")
    return inner


def _target(activity: Document) -> str:
    uri = reference_id(activity.get("object"))
    if uri is None:
        raise Unprocessable("The activity says nothing about what it is about: an object with an id.")
    return uri


async def _party(context: Context, activity: Document) -> Party:
    party = await find_party(context, _target(activity))
    if party is None:
        raise Missing
    return party


async def _asked(context: Context, answer: Document) -> tuple[str, str]:
    """The id of a Follow that is answered, and who asked."""
    uri = _target(answer)
    edge = await follows.find_by_activity(context, uri)
    if edge is not None:
        return uri, edge.follower
    inner = answer.get("object")
    requester = reference_id(inner.get("actor")) if isinstance(inner, dict) else None
    if requester is None:
        raise Missing
    return uri, requester


async def _remembered(context: Context, me: LocalActor, uri: str) -> Document:
    """What an id of an activity of ours stands for. Whose it was is checked by whoever takes it back."""
    located = context.origin.locate(uri)
    edge = await follows.find_by_activity(context, uri)
    if edge is not None:
        return {"type": "Follow", "object": edge.followee}
    reaction = await context.session.get(Reaction, located.id) if located is not None else None
    if reaction is None or not reaction.local:
        raise Missing
    post = await find_post(context, reaction.post_id, me)
    if post is None:
        raise Missing
    return {"type": {"boost": "Announce", "like": "Like"}[reaction.kind], "object": post.content.uri}
