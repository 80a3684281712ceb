"""Queues what the life of a post makes: Create, Update, Delete. Proves public ones only (WIRE 3.1, HOSTILE F5)."""

from collections.abc import Sequence
from datetime import timedelta

from crypto.proofs import add_proof
from crypto.tokens import random_id
from federation.context import Context
from federation.identities import proof_key_for
from federation.vocabulary import Document, builders
from federation.vocabulary.contexts import DATA_INTEGRITY_V1
from models import LocalActor
from server.organizing.posts import tallies, wire
from server.organizing.posts.audiences import send_to_audience
from server.organizing.posts.content import Audience
from server.organizing.posts.copies import inboxes_of_post
from server.organizing.posts.records import StoredPost, scope_of_post


async def send_create(context: Context, author: LocalActor, post: StoredPost) -> None:
    """Sends a new post to those it is for."""
    await _send(context, author, post, wire.create_of(context.origin, post, context.now))


async def send_update(context: Context, author: LocalActor, post: StoredPost) -> None:
    """Sends an edited post, whole, to those it is for now. Who left since it was published gets no more content."""
    (counted,) = await tallies.with_counts(context, [post])
    activity = builders.update(
        id=context.origin.activity(random_id()),
        actor=post.content.author,
        object=wire.note_of(context.origin, counted, context.now),
    )
    await _send(context, author, post, activity)


async def send_delete(context: Context, author: LocalActor, post: StoredPost) -> None:
    """Tells those a post was for, and every other server known to have it, that it is no more.

    Call it before the row is blanked.
    """
    activity = builders.delete(
        id=context.origin.activity(random_id()),
        actor=post.content.author,
        object_id=post.content.uri,
        to=list(post.content.to),
        cc=list(post.content.cc),
    )
    await _send(context, author, post, activity, also=await inboxes_of_post(context, post), is_urgent=True)


async def send_pin(context: Context, author: LocalActor, post: StoredPost, *, pinned: bool) -> None:
    """Tells those an open post was for that it is pinned, or no more (WIRE 5.11)."""
    own = post.content.author
    build = builders.add if pinned else builders.remove
    activity = build(
        id=context.origin.activity(random_id()),
        actor=own,
        object=post.content.uri,
        target=context.origin.actor(author.id, "featured"),
        to=list(post.content.to),
        cc=list(post.content.cc),
    )
    await _send(context, author, post, activity)


async def _send(
    context: Context,
    author: LocalActor,
    post: StoredPost,
    activity: Document,
    *,
    also: Sequence[str] = (),
    is_urgent: bool = False,
) -> None:
    if post.audience is Audience.PUBLIC:
        activity = await _proved(context, author, activity)
    await send_to_audience(
        context,
        author,
        post.audience,
        activity,
        about=post.content.uri,
        scope=await scope_of_post(context, post.row),
        besides=post.content.inboxes,
        elsewhere=also,
        spread=timedelta() if post.audience is not Audience.CIRCLE or is_urgent else context.unhurried,
    )


async def _proved(context: Context, author: LocalActor, activity: Document) -> Document:
    """With a proof that outlives the delivery: whoever gets the activity forwarded can check it (FEP-8b32)."""
    method, key = await proof_key_for(context, author.id)
    document = activity | {"@context": [*activity["@context"], DATA_INTEGRITY_V1]}
    return add_proof(document, key=key, verification_method=method, created=context.now)
