"""What one wants to be told of, and what waits until one accepts who did it."""

from typing import Annotated, Any

from fastapi import Request, Response

from federation.context import Context
from models import LocalActor
from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged, link
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.notification import NotificationPolicy, NotificationRequest, PolicySummary
from server.mastodon.ids import id_of_uri
from server.mastodon.serialize.notifications import requests_of
from server.organizing.notifications import queries, service
from server.organizing.notifications.queries import Request as Waiting
from server.organizing.notifications.wishes import wishes_of

routes = router()


class Wanted(Given):
    """What is to change."""

    for_not_following: str | None = None
    for_not_followers: str | None = None
    for_new_accounts: str | None = None
    for_private_mentions: str | None = None
    for_limited_accounts: str | None = None
    push_texts: str | None = None


class Several(Given):
    """Which requests."""

    id: list[str] = []


@routes.get("/api/v2/notifications/policy")
async def show_policy(work: Annotated[Work, reads("read:notifications")]) -> NotificationPolicy:
    """What one wants, and how much waits."""
    return await _policy(work.context, work.me)


@routes.patch("/api/v2/notifications/policy")
async def change_policy(
    work: Annotated[Work, writes("write:notifications")], wanted: Annotated[Wanted, given(Wanted)]
) -> NotificationPolicy:
    """Changes what is named, and leaves the rest."""
    await service.change_wishes(work.context, work.me, wanted.model_dump(exclude_none=True))
    return await _policy(work.context, work.me)


@routes.get("/api/v1/notifications/requests")
async def show_requests(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:notifications")],
    page: Annotated[Paged, given(Paged)],
) -> list[NotificationRequest]:
    """What waits, by the newest of each sender."""
    window = page.window(limit=40)
    low = max(window.since or 0, window.after or 0)
    waiting = [each for each in await queries.requests_of(work.context, work.me) if low < _number(each)]
    waiting = [each for each in waiting if _number(each) < (window.before or 2**63)]
    found = window.cut(waiting)
    link(response, request, work.context, [_number(each) for each in found], more=len(found) == window.size)
    return await requests_of(work.context, work.me, found)


@routes.get("/api/v1/notifications/requests/merged")
async def merged(work: Annotated[Work, reads("read:notifications")]) -> dict[str, bool]:
    """Whether what was accepted is where it belongs: it is, at once."""
    return {"merged": True}


@routes.post("/api/v1/notifications/requests/accept")
async def accept_several(
    work: Annotated[Work, writes("write:notifications")], wanted: Annotated[Several, given(Several)]
) -> dict[str, Any]:
    """Lets these senders through from now on."""
    await service.accept_senders(work.context, work.me, [each.sender for each in await _these(work, wanted.id)])
    return {}


@routes.post("/api/v1/notifications/requests/dismiss")
async def dismiss_several(
    work: Annotated[Work, writes("write:notifications")], wanted: Annotated[Several, given(Several)]
) -> dict[str, Any]:
    """Forgets what waits of these senders."""
    await service.dismiss_senders(work.context, work.me, [each.sender for each in await _these(work, wanted.id)])
    return {}


@routes.get("/api/v1/notifications/requests/{request_id}")
async def show_request(request_id: str, work: Annotated[Work, reads("read:notifications")]) -> NotificationRequest:
    """What waits of one sender."""
    found = await requests_of(work.context, work.me, await _these(work, [request_id]))
    if not found:
        raise Missing
    return found[0]


@routes.post("/api/v1/notifications/requests/{request_id}/accept")
async def accept(request_id: str, work: Annotated[Work, writes("write:notifications")]) -> dict[str, Any]:
    """Lets one sender through from now on."""
    (one,) = await _these(work, [request_id])
    await service.accept_senders(work.context, work.me, [one.sender])
    return {}


@routes.post("/api/v1/notifications/requests/{request_id}/dismiss")
async def dismiss(request_id: str, work: Annotated[Work, writes("write:notifications")]) -> dict[str, Any]:
    """Forgets what waits of one sender."""
    (one,) = await _these(work, [request_id])
    await service.dismiss_senders(work.context, work.me, [one.sender])
    return {}


async def _policy(context: Context, me: LocalActor) -> NotificationPolicy:
    wishes, waiting = await wishes_of(context, me), await queries.requests_of(context, me)
    count = sum(len(request.waiting) for request in waiting)
    summary = PolicySummary(pending_requests_count=len(waiting), pending_notifications_count=count)
    kept = {name: value for name, value in wishes.to_fields().items() if name != "accepted"}
    return NotificationPolicy(**kept, summary=summary)


async def _these(work: Work, ids: list[str]) -> list[Waiting]:
    """The requests with these ids. Raises `Missing` when there is one that is not waiting."""
    waiting = {id_of_uri(work.context, each.sender): each for each in await queries.requests_of(work.context, work.me)}
    if not set(ids) <= set(waiting):
        raise Missing
    return [waiting[request_id] for request_id in dict.fromkeys(ids)]


def _number(request: Waiting) -> int:
    return request.waiting[0].number
