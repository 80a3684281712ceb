"""What actors here pin on top of their own posts, for everybody to see; and, kept nowhere, what others pin."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from federation.received import Received
from federation.table import Outcome
from models import LocalActor, Post
from server.organizing.posts import policy, records
from server.organizing.posts.content import Audience
from server.organizing.posts.policy import NO_SUCH_POST
from server.organizing.posts.records import StoredPost
from server.organizing.posts.sending import send_pin
from server.organizing.refusal import Refused, require


async def pin(context: Context, *, actor: LocalActor, post: str) -> None:
    """Pins one's own open post, by the id of its row, and tells who follows. Again: nothing. Raises `Refused`."""
    found = await _own(context, actor, post)
    if found.row.pinned_at is not None:
        return
    # Locked: two pins at once on PostgreSQL count each other.
    await context.session.get(LocalActor, actor.id, with_for_update=True)
    pinned = await pinned_by(context, found.content.author)
    require(policy.may_pin(audience=found.audience, pinned=len(pinned)))
    found.row.pinned_at = context.now
    context.session.add(found.row)
    await send_pin(context, actor, found, pinned=True)


async def unpin(context: Context, *, actor: LocalActor, post: str) -> None:
    """Takes a pin off, and tells who follows. Nothing where there is none. Raises `Refused`."""
    found = await _own(context, actor, post)
    if found.row.pinned_at is None:
        return
    found.row.pinned_at = None
    context.session.add(found.row)
    await send_pin(context, actor, found, pinned=False)


async def pinned_by(context: Context, author: str) -> Sequence[StoredPost]:
    """The posts that a local actor pinned, newest pin first. Anybody may read each."""
    mine = col(Post.author_index) == records.author_index(context, author, Audience.PUBLIC)
    asked = select(Post).where(mine, col(Post.pinned_at).is_not(None), col(Post.deleted_at).is_(None))
    rows = await context.session.execute(asked.order_by(col(Post.pinned_at).desc()))
    return await records.opened(context, rows.scalars().all())


async def handle_add_object(context: Context, received: Received) -> Outcome:
    """A post added to a collection. IGNORED for the sender's own `featured`: nothing here would show it.

    REFUSED for any other collection: only its owner says what is in one (HOSTILE B9).
    """
    return _about_own_pins(received)


async def handle_remove_object(context: Context, received: Received) -> Outcome:
    """A post taken out of a collection. IGNORED for the sender's own `featured`, REFUSED for any other."""
    return _about_own_pins(received)


async def _own(context: Context, actor: LocalActor, post: str) -> StoredPost:
    found = await records.find_stored(context, post)
    if found is None or not found.row.local or found.content.author != context.origin.actor(actor.id):
        raise Refused(NO_SUCH_POST)
    return found


def _about_own_pins(received: Received) -> Outcome:
    target, own = received.activity.target, received.sender.featured
    is_own = target is not None and own is not None and target.id == own
    return Outcome.IGNORED if is_own else Outcome.REFUSED
