"""What one does with a status: like, boost, keep, pin, hear no more of it; and what one liked and kept."""

from typing import Annotated

from fastapi import Request, Response

from server.api.access import Work, reads, writes
from server.api.paging import Paged
from server.api.parameters import given
from server.api.routing import router
from server.mastodon.entities.status import Status
from server.mastodon.serialize.statuses import status_of
from server.mastodon.statuses import entry_of, shown
from server.mastodon.timelines import paged
from server.organizing.posts import kept, pins, reactions
from server.organizing.posts.timelines import Entry

routes = router()


@routes.post("/api/v1/statuses/{status_id}/favourite")
async def favourite(status_id: str, work: Annotated[Work, writes("write:favourites")]) -> Status:
    """Likes a status."""
    entry = await entry_of(work, status_id)
    await reactions.like(work.context, actor=work.me, post=entry.post.id)
    return await status_of(work.context, work.me, entry.post)


@routes.post("/api/v1/statuses/{status_id}/unfavourite")
async def unfavourite(status_id: str, work: Annotated[Work, writes("write:favourites")]) -> Status:
    """Takes a like back."""
    entry = await entry_of(work, status_id)
    await reactions.unlike(work.context, actor=work.me, post=entry.post.id)
    return await status_of(work.context, work.me, entry.post)


@routes.post("/api/v1/statuses/{status_id}/reblog")
async def reblog(status_id: str, work: Annotated[Work, writes("write:statuses")]) -> Status:
    """Boosts a status; returns the boost, which holds it."""
    entry = await entry_of(work, status_id)
    boost = await reactions.boost(work.context, actor=work.me, post=entry.post.id)
    own = work.context.origin.actor(work.me.id)
    return await shown(work, Entry(boost.number, entry.post, own, boost.published_at))


@routes.post("/api/v1/statuses/{status_id}/unreblog")
async def unreblog(status_id: str, work: Annotated[Work, writes("write:statuses")]) -> Status:
    """Takes a boost back."""
    entry = await entry_of(work, status_id)
    await reactions.unboost(work.context, actor=work.me, post=entry.post.id)
    return await status_of(work.context, work.me, entry.post)


@routes.post("/api/v1/statuses/{status_id}/bookmark")
async def bookmark(status_id: str, work: Annotated[Work, writes("write:bookmarks")]) -> Status:
    """Keeps a status for oneself."""
    entry = await entry_of(work, status_id)
    await kept.bookmark(work.context, work.me, entry.post)
    return await shown(work, await entry_of(work, status_id))


@routes.post("/api/v1/statuses/{status_id}/unbookmark")
async def unbookmark(status_id: str, work: Annotated[Work, writes("write:bookmarks")]) -> Status:
    """Keeps it no more."""
    entry = await entry_of(work, status_id)
    await kept.unbookmark(work.context, work.me, entry.post)
    return await shown(work, await entry_of(work, status_id))


@routes.post("/api/v1/statuses/{status_id}/mute")
async def mute(status_id: str, work: Annotated[Work, writes("write:mutes")]) -> Status:
    """Hears no more of the thread of a status."""
    entry = await entry_of(work, status_id)
    await kept.mute_thread(work.context, work.me, entry.post)
    return await shown(work, await entry_of(work, status_id))


@routes.post("/api/v1/statuses/{status_id}/unmute")
async def unmute(status_id: str, work: Annotated[Work, writes("write:mutes")]) -> Status:
    """Hears of it again."""
    entry = await entry_of(work, status_id)
    await kept.unmute_thread(work.context, work.me, entry.post)
    return await shown(work, await entry_of(work, status_id))


@routes.post("/api/v1/statuses/{status_id}/pin")
async def pin(status_id: str, work: Annotated[Work, writes("write:accounts")]) -> Status:
    """Pins one's own status on top of the others."""
    entry = await entry_of(work, status_id)
    await pins.pin(work.context, actor=work.me, post=entry.post.id)
    return await shown(work, await entry_of(work, status_id))


@routes.post("/api/v1/statuses/{status_id}/unpin")
async def unpin(status_id: str, work: Annotated[Work, writes("write:accounts")]) -> Status:
    """Takes a pin off."""
    entry = await entry_of(work, status_id)
    await pins.unpin(work.context, actor=work.me, post=entry.post.id)
    return await shown(work, await entry_of(work, status_id))


@routes.get("/api/v1/bookmarks")
async def bookmarks(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:bookmarks")],
    page: Annotated[Paged, given(Paged)],
) -> list[Status]:
    """What one keeps, the latest bookmark first."""
    return await paged(request, response, work, await kept.bookmarks_of(work.context, work.me, page.window()))


@routes.get("/api/v1/favourites")
async def favourites(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:favourites")],
    page: Annotated[Paged, given(Paged)],
) -> list[Status]:
    """What one liked, the latest like first."""
    return await paged(request, response, work, await kept.favourites_of(work.context, work.me, page.window()))
