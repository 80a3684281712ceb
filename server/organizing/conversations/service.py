"""Notes direct posts in the conversations of those here who have them. Never commits."""

from federation.context import Context
from models import LocalActor
from server.organizing import happenings
from server.organizing.conversations import records
from server.organizing.conversations.records import Record
from server.organizing.notifications.reception import unwelcome
from server.organizing.parties import local_actor
from server.organizing.posts.content import Audience
from server.organizing.posts.records import StoredPost
from server.organizing.refusal import Refusal, Refused

NO_SUCH = Refusal("Record not found", missing=True)


async def note(context: Context, post: StoredPost) -> None:
    """Puts a direct post into the conversation of its author and of all it is addressed to, as far as they are here."""
    if post.audience is not Audience.DIRECT:
        return
    author = post.content.author
    for owner in await _owners(context, post):
        if owner.id in await unwelcome(context, author, [owner]):
            continue
        thread = _thread(context, owner, post)
        known = await records.find(context, owner, thread)
        record = known or Record(people=tuple(sorted(_people(post))))
        is_own = author == context.origin.actor(owner.id)
        stored = await records.put(
            context, owner, thread, record.but(posts=(*record.posts, post.id), unread=not is_own)
        )
        happenings.happened(context, happenings.Kind.CONVERSATION, stored.id)


async def forget(context: Context, post: StoredPost) -> None:
    """Takes a direct post out again; where it was the only one, the conversation goes."""
    if post.audience is not Audience.DIRECT:
        return
    for owner in await _owners(context, post):
        record = await records.find(context, owner, _thread(context, owner, post))
        if record is None or post.id not in record.posts:
            continue
        left = tuple(other for other in record.posts if other != post.id)
        if left:
            await records.change(context, owner, record.but(posts=left))
        else:
            await records.remove(context, owner, record)


async def mark(context: Context, owner: LocalActor, conversation: str, *, unread: bool) -> Record:
    """Marks one of the owner's as read, or as unread again. Raises `Refused`."""
    record = (await _own(context, owner, conversation)).but(unread=unread)
    await records.change(context, owner, record)
    return record


async def remove(context: Context, owner: LocalActor, conversation: str) -> None:
    """Takes one of the owner's from the list; its posts stay. Raises `Refused`."""
    await records.remove(context, owner, await _own(context, owner, conversation))


async def _own(context: Context, owner: LocalActor, conversation: str) -> Record:
    record = await records.find_own(context, owner, conversation)
    if record is None:
        raise Refused(NO_SUCH)
    return record


async def _owners(context: Context, post: StoredPost) -> list[LocalActor]:
    found = [await local_actor(context, uri) for uri in sorted(_people(post)) if context.origin.owns(uri)]
    return [actor for actor in found if actor is not None]


def _people(post: StoredPost) -> set[str]:
    return {post.content.author, *post.content.named}


def _thread(context: Context, owner: LocalActor, post: StoredPost) -> bytes:
    root = post.row.root_index or post.row.uri_index
    return records.thread_index(context, owner, root, _people(post))
