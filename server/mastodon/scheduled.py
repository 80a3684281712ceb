"""Statuses before their time: listed, moved, called off."""

from typing import Annotated, Any

from fastapi import Request, Response

from server.api.access import Work, reads, writes
from server.api.errors import Missing, Unprocessable
from server.api.paging import Paged, link
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.composing import moment
from server.mastodon.entities.scheduled import ScheduledStatus
from server.mastodon.ids import number_of
from server.mastodon.serialize.scheduled import scheduled_of
from server.organizing.posts import drafts, scheduled
from server.organizing.posts.scheduled import Scheduled

routes = router()


class NewTime(Given):
    """When it is to be posted instead."""

    scheduled_at: str | None = None


@routes.get("/api/v1/scheduled_statuses")
async def list_scheduled(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:statuses")],
    page: Annotated[Paged, given(Paged)],
) -> list[ScheduledStatus]:
    """What one is going to say, what was scheduled last first."""
    window = page.window()
    rows = await scheduled.list_of(work.context, _own(work), window)
    link(response, request, work.context, [row.number for row in rows], more=len(rows) == window.size)
    return await scheduled_of(work.context, rows)


@routes.get("/api/v1/scheduled_statuses/{scheduled_id}")
async def show_scheduled(scheduled_id: str, work: Annotated[Work, reads("read:statuses")]) -> ScheduledStatus:
    """One of them."""
    return await _shown(work, await scheduled.find(work.context, _own(work), _number(scheduled_id)))


@routes.put("/api/v1/scheduled_statuses/{scheduled_id}")
async def postpone(
    scheduled_id: str, work: Annotated[Work, writes("write:statuses")], new: Annotated[NewTime, given(NewTime)]
) -> ScheduledStatus:
    """Gives it another time."""
    due = moment(new.scheduled_at)
    if due is None:
        raise Unprocessable("Record invalid")
    return await _shown(work, await drafts.postpone(work.context, work.me, _number(scheduled_id), due))


@routes.delete("/api/v1/scheduled_statuses/{scheduled_id}")
async def call_off(scheduled_id: str, work: Annotated[Work, writes("write:statuses")]) -> dict[str, Any]:
    """Does not say it after all."""
    if not await scheduled.remove(work.context, _own(work), _number(scheduled_id)):
        raise Missing
    return {}


async def _shown(work: Work, found: Scheduled | None) -> ScheduledStatus:
    if found is None:
        raise Missing
    return (await scheduled_of(work.context, [found]))[0]


def _own(work: Work) -> str:
    return work.context.origin.actor(work.me.id)


def _number(scheduled_id: str) -> int:
    number = number_of(scheduled_id)
    if number is None:
        raise Missing
    return number
