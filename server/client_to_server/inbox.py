"""Entries of a timeline as the activities by which they came. Pure but for the records of boosts."""

from collections.abc import Sequence

from federation.context import Context
from federation.vocabulary import Document
from server.organizing.posts import wire
from server.organizing.posts.timelines import Entry


async def shown_in_inbox(context: Context, entries: Sequence[Entry]) -> list[Document]:
    """A Create of each post, an Announce of each boost. What is not kept, such as the id of another's Create, is not
    invented: such an activity has none."""
    return [_activity(context, entry) for entry in entries]


def _activity(context: Context, entry: Entry) -> Document:
    content = entry.post.content
    if entry.boosted_by is not None:
        announce: Document = {"type": "Announce", "actor": entry.boosted_by, "object": content.uri}
        return announce | ({"published": entry.boosted_at.isoformat()} if entry.boosted_at is not None else {})
    created = wire.create_of(context.origin, entry.post, context.now)
    return created if entry.post.row.local else {name: value for name, value in created.items() if name != "id"}
