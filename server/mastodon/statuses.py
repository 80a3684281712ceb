"""Statuses: posting, reading, reacting."""

from typing import Annotated

from server.api.access import Visit, Work, looks, writes
from server.api.errors import Missing
from server.api.parameters import given
from server.api.routing import router
from server.mastodon.composing import NewStatus, compose
from server.mastodon.entities.status import Context, Status
from server.mastodon.ids import find_status
from server.mastodon.serialize.statuses import status_of, statuses_of
from server.organizing.posts import reactions, service
from server.organizing.posts.queries import find_post, thread
from server.organizing.posts.sight import as_viewer
from server.organizing.posts.timelines import Entry

routes = router()


@routes.post("/api/v1/statuses")
async def create_status(
    work: Annotated[Work, writes("write:statuses")], new: Annotated[NewStatus, given(NewStatus)]
) -> Status:
    """Posts, as whomever the token speaks for."""
    row = await compose(work.context, work.me, new)
    post = await find_post(work.context, row.id, work.me)
    if post is None:
        raise Missing
    return await status_of(work.context, work.me, post)


@routes.get("/api/v1/statuses/{status_id}")
async def show_status(status_id: str, visit: Annotated[Visit, looks("read:statuses")]) -> Status:
    """One status."""
    return await _shown(visit, await _entry(visit, status_id))


@routes.get("/api/v1/statuses/{status_id}/context")
async def show_context(status_id: str, visit: Annotated[Visit, looks("read:statuses")]) -> Context:
    """The thread around a status, as far as its viewer may see it."""
    entry = await _entry(visit, status_id)
    found = await thread(visit.context, entry.post.content.uri, visit.viewer)
    if found is None:
        raise Missing
    around = [Entry(post.row.number, post) for post in (*found.ancestors, *found.descendants)]
    statuses = {status.id: status for status in await statuses_of(visit.context, visit.me, around)}
    return Context(
        ancestors=[statuses[str(post.row.number)] for post in found.ancestors if str(post.row.number) in statuses],
        descendants=[statuses[str(post.row.number)] for post in found.descendants if str(post.row.number) in statuses],
    )


@routes.delete("/api/v1/statuses/{status_id}")
async def delete_status(status_id: str, work: Annotated[Work, writes("write:statuses")]) -> Status:
    """Deletes one's own status, here and where it went; returns it with the text that it was made from."""
    entry = await _entry(work, status_id)
    shown = await _shown(work, entry)
    await service.delete(work.context, author=work.me, post_id=entry.post.id)
    return shown.model_copy(update={"text": entry.post.content.source or ""})


@routes.post("/api/v1/statuses/{status_id}/favourite")
async def favourite(status_id: str, work: Annotated[Work, writes("write:favourites")]) -> Status:
    """Likes a status."""
    entry = await _entry(work, status_id)
    await reactions.like(work.context, actor=work.me, post=entry.post.id)
    return await status_of(work.context, work.me, entry.post)


@routes.post("/api/v1/statuses/{status_id}/unfavourite")
async def unfavourite(status_id: str, work: Annotated[Work, writes("write:favourites")]) -> Status:
    """Takes a like back."""
    entry = await _entry(work, status_id)
    await reactions.unlike(work.context, actor=work.me, post=entry.post.id)
    return await status_of(work.context, work.me, entry.post)


@routes.post("/api/v1/statuses/{status_id}/reblog")
async def reblog(status_id: str, work: Annotated[Work, writes("write:statuses")]) -> Status:
    """Boosts a status; returns the boost, which holds it."""
    entry = await _entry(work, status_id)
    boost = await reactions.boost(work.context, actor=work.me, post=entry.post.id)
    own = work.context.origin.actor(work.me.id)
    return await _shown(work, Entry(boost.number, entry.post, own, boost.published_at))


@routes.post("/api/v1/statuses/{status_id}/unreblog")
async def unreblog(status_id: str, work: Annotated[Work, writes("write:statuses")]) -> Status:
    """Takes a boost back."""
    entry = await _entry(work, status_id)
    await reactions.unboost(work.context, actor=work.me, post=entry.post.id)
    return await status_of(work.context, work.me, entry.post)


async def _entry(work: Work | Visit, status_id: str) -> Entry:
    entry = await find_status(work.context, status_id, as_viewer(work.context, work.me))
    if entry is None:
        raise Missing
    return entry


async def _shown(work: Work | Visit, entry: Entry) -> Status:
    found = await statuses_of(work.context, work.me, [entry])
    if not found:
        raise Missing
    return found[0]
