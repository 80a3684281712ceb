"""Home and public timelines."""

from typing import Annotated

from fastapi import Request, Response

from server.api.access import Visit, Work, looks, reads
from server.api.paging import Paged, link
from server.api.parameters import given
from server.api.routing import router
from server.mastodon.entities.status import Status
from server.mastodon.serialize.statuses import statuses_of
from server.organizing.posts import timelines
from server.organizing.posts.timelines import Page
from server.organizing.refusal import require
from server.organizing.tags.policy import may_name

routes = router()


class PublicParameters(Paged):
    """Which public timeline."""

    local: bool = False
    remote: bool = False


@routes.get("/api/v1/timelines/home")
async def home(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:statuses")],
    page: Annotated[Paged, given(Paged)],
) -> list[Status]:
    """What those whom one follows posted, one's circles, and oneself."""
    found = await timelines.timeline_home(work.context, work.me, page.window())
    return await paged(request, response, work, found)


@routes.get("/api/v1/timelines/public")
async def public(
    request: Request,
    response: Response,
    visit: Annotated[Visit, looks("read:statuses")],
    wanted: Annotated[PublicParameters, given(PublicParameters)],
) -> list[Status]:
    """Everything public that is kept here."""
    found = await timelines.timeline_public(
        visit.context, wanted.window(), viewer=visit.viewer, local=wanted.local, remote=wanted.remote
    )
    return await paged(request, response, visit, found)


@routes.get("/api/v1/timelines/tag/{name}")
async def tag(
    name: str,
    request: Request,
    response: Response,
    visit: Annotated[Visit, looks("read:statuses")],
    wanted: Annotated[PublicParameters, given(PublicParameters)],
) -> list[Status]:
    """Everything public with a hashtag."""
    require(may_name(name=name))
    found = await timelines.timeline_tag(
        visit.context, name, wanted.window(), viewer=visit.viewer, local=wanted.local, remote=wanted.remote
    )
    return await paged(request, response, visit, found)


async def paged(request: Request, response: Response, work: Work | Visit, page: Page) -> list[Status]:
    """A page of a timeline as its viewer sees it, with links to the pages beside."""
    numbers = [entry.number for entry in page.entries]
    last = [page.before] if page.before is not None else []
    link(response, request, work.context, [*numbers[:1], *(last or numbers[-1:])], more=page.before is not None)
    return await statuses_of(work.context, work.me, page.entries)
