"""Statuses: posting, reading, editing, deleting."""

from typing import Annotated

from fastapi import Request

from server.api.access import Visit, Work, looks, reads, writes
from server.api.errors import Missing, Unprocessable
from server.api.idempotency import HEADER, Once
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.composing import EditedStatus, NewStatus, compose, know_those_named, language_of
from server.mastodon.entities.account import Account
from server.mastodon.entities.scheduled import ScheduledStatus
from server.mastodon.entities.status import Context, Status, StatusEdit, StatusSource
from server.mastodon.ids import find_status
from server.mastodon.serialize.history import history_of
from server.mastodon.serialize.scheduled import scheduled_of
from server.mastodon.serialize.statuses import status_of, statuses_of
from server.organizing.posts import scheduled, service
from server.organizing.posts.people_named import named_in
from server.organizing.posts.queries import find_post, thread
from server.organizing.posts.revisions import versions_of
from server.organizing.posts.scheduled import Scheduled
from server.organizing.posts.sight import as_viewer
from server.organizing.posts.timelines import Entry

MOST_AT_ONCE = 40
"""Statuses that can be asked for by their ids."""

routes = router()


class Wanted(Given):
    """Which statuses."""

    id: list[str] = []


@routes.post("/api/v1/statuses")
async def create_status(
    request: Request,
    work: Annotated[Work, writes("write:statuses", before=know_those_named)],
    new: Annotated[NewStatus, given(NewStatus)],
) -> Status | ScheduledStatus:
    """Posts, as whomever the token speaks for, or schedules; under one key of the client's once."""
    once = Once(work.context, work.caller, request.headers.get(HEADER))
    made = await once.answered()
    if made is None:
        done = await compose(work.context, work.me, new)
        made = f"scheduled {done.number}" if isinstance(done, Scheduled) else f"posted {done.id}"
        await once.done(made)
    return await _made(work, made)


@routes.get("/api/v1/statuses")
async def show_statuses(
    visit: Annotated[Visit, looks("read:statuses")], wanted: Annotated[Wanted, given(Wanted)]
) -> list[Status]:
    """Several at once; those that their viewer may not see are left out."""
    found = [await find_status(visit.context, wished, visit.viewer) for wished in wanted.id[:MOST_AT_ONCE]]
    return await statuses_of(visit.context, visit.me, [entry for entry in found if entry is not None])


@routes.get("/api/v1/statuses/{status_id}")
async def show_status(status_id: str, visit: Annotated[Visit, looks("read:statuses")]) -> Status:
    """One status."""
    return await shown(visit, await entry_of(visit, status_id))


@routes.get("/api/v1/statuses/{status_id}/context")
async def show_context(status_id: str, visit: Annotated[Visit, looks("read:statuses")]) -> Context:
    """The thread around a status, as far as its viewer may see it."""
    entry = await entry_of(visit, status_id)
    found = await thread(visit.context, entry.post.content.uri, visit.viewer)
    if found is None:
        raise Missing
    around = [Entry(post.row.number, post) for post in (*found.ancestors, *found.descendants)]
    statuses = {status.id: status for status in await statuses_of(visit.context, visit.me, around)}
    return Context(
        ancestors=[statuses[str(post.row.number)] for post in found.ancestors if str(post.row.number) in statuses],
        descendants=[statuses[str(post.row.number)] for post in found.descendants if str(post.row.number) in statuses],
    )


@routes.put("/api/v1/statuses/{status_id}")
async def edit_status(
    status_id: str,
    work: Annotated[Work, writes("write:statuses", before=know_those_named)],
    changed: Annotated[EditedStatus, given(EditedStatus)],
) -> Status:
    """Changes one's own status; its poll stays as it is."""
    entry = await entry_of(work, status_id)
    poll = entry.post.content.poll
    if changed.poll is not None and changed.poll.options != list(poll.options if poll is not None else ()):
        raise Unprocessable("Validation failed: A poll cannot be changed")
    await service.edit(
        work.context,
        author=work.me,
        post_id=entry.post.id,
        text=changed.status,
        content_warning=changed.spoiler_text,
        sensitive=changed.sensitive,
        language=language_of(changed.language),
        media=changed.media_ids,
        mentions=await named_in(work.context, changed.status or ""),
    )
    return await shown(work, await entry_of(work, status_id))


@routes.get("/api/v1/statuses/{status_id}/source")
async def show_source(status_id: str, work: Annotated[Work, reads("read:statuses")]) -> StatusSource:
    """What one's own status was made from."""
    entry = await entry_of(work, status_id)
    if entry.post.content.author != work.context.origin.actor(work.me.id):
        raise Missing
    content = entry.post.content
    return StatusSource(id=status_id, text=content.source or "", spoiler_text=content.summary or "")


@routes.get("/api/v1/statuses/{status_id}/history")
async def show_history(status_id: str, visit: Annotated[Visit, looks("read:statuses")]) -> list[StatusEdit]:
    """What a status said, oldest first, as far as it is kept."""
    entry = await entry_of(visit, status_id)
    return await history_of(visit.context, entry.post, await versions_of(visit.context, entry.post))


@routes.get("/api/v1/statuses/{status_id}/favourited_by")
async def favourited_by(status_id: str, visit: Annotated[Visit, looks("read:accounts")]) -> list[Account]:
    """Empty, whoever asks: nothing lists people (PRODUCT.md, Safety)."""
    await entry_of(visit, status_id)
    return []


@routes.get("/api/v1/statuses/{status_id}/reblogged_by")
async def reblogged_by(status_id: str, visit: Annotated[Visit, looks("read:accounts")]) -> list[Account]:
    """Empty, whoever asks: nothing lists people (PRODUCT.md, Safety)."""
    await entry_of(visit, status_id)
    return []


@routes.delete("/api/v1/statuses/{status_id}")
async def delete_status(status_id: str, work: Annotated[Work, writes("write:statuses")]) -> Status:
    """Deletes one's own status, here and where it went; returns it with the text that it was made from."""
    entry = await entry_of(work, status_id)
    was = await shown(work, entry)
    await service.delete(work.context, author=work.me, post_id=entry.post.id)
    return was.model_copy(update={"text": entry.post.content.source or ""})


async def entry_of(work: Work | Visit, status_id: str) -> Entry:
    """The status with an id. Raises `Missing` unless whoever asks may see it."""
    entry = await find_status(work.context, status_id, as_viewer(work.context, work.me))
    if entry is None:
        raise Missing
    return entry


async def shown(work: Work | Visit, entry: Entry) -> Status:
    """A status as whoever asks sees it. Raises `Missing` when its author is not known any more."""
    found = await statuses_of(work.context, work.me, [entry])
    if not found:
        raise Missing
    return found[0]


async def _made(work: Work, made: str) -> Status | ScheduledStatus:
    """What was made, as it is now: when a request is repeated it may be gone."""
    kind, _, reference = made.partition(" ")
    if kind == "posted":
        post = await find_post(work.context, reference, work.me)
        if post is not None:
            return await status_of(work.context, work.me, post)
    else:
        waiting = await scheduled.find(work.context, work.context.origin.actor(work.me.id), int(reference))
        if waiting is not None:
            return (await scheduled_of(work.context, [waiting]))[0]
    raise Missing
