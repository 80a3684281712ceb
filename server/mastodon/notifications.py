"""What one was told, one by one."""

from typing import Annotated, Any

from fastapi import Request, Response

from federation.context import Context
from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged, link
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.notification import Count, Notification
from server.mastodon.ids import find_account
from server.mastodon.serialize.notifications import notifications_of
from server.organizing.notifications import queries, records
from server.organizing.notifications.queries import Chosen
from server.organizing.notifications.reading import last_read
from server.organizing.notifications.records import Record
from server.organizing.parties import uri_of
from server.organizing.window import Window

routes = router()

MOST_COUNTED = 1_000


class Which(Given):
    """Which notifications."""

    types: list[str] = []
    exclude_types: list[str] = []
    account_id: str | None = None
    include_filtered: bool = False

    async def chosen(self, context: Context) -> Chosen:
        """In our words. Raises `Missing` for an account that is not known."""
        sender = None
        if self.account_id:
            party = await find_account(context, self.account_id)
            if party is None:
                raise Missing
            sender = uri_of(context.origin, party)
        return Chosen(kinds=self.types, without=self.exclude_types, sender=sender, with_filtered=self.include_filtered)


class Page(Which, Paged):
    """Which part of them."""


class Counted(Which):
    """Which unread ones, and up to how many are counted."""

    limit: int = 100


@routes.get("/api/v1/notifications")
async def show_notifications(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:notifications")],
    page: Annotated[Page, given(Page)],
) -> list[Notification]:
    """One's notifications, newest first."""
    window = page.window(limit=40)
    found = await queries.page_of(work.context, work.me, await page.chosen(work.context), window)
    link(response, request, work.context, [record.number for record in found], more=len(found) == window.size)
    return await notifications_of(work.context, work.me, found)


@routes.get("/api/v1/notifications/unread_count")
async def unread_count(
    work: Annotated[Work, reads("read:notifications")], which: Annotated[Counted, given(Counted)]
) -> Count:
    """How many are newer than what one has read."""
    since = Window(since=await last_read(work.context, work.me), limit=1)
    chosen = await which.chosen(work.context)
    unread = [each for each in await queries.all_of(work.context, work.me, chosen) if each.number > (since.since or 0)]
    return Count(count=min(len(unread), max(1, min(which.limit, MOST_COUNTED))))


@routes.post("/api/v1/notifications/clear")
async def clear(work: Annotated[Work, writes("write:notifications")]) -> dict[str, Any]:
    """Forgets all of them."""
    await records.clear(work.context, work.me)
    return {}


@routes.get("/api/v1/notifications/{notification_id}")
async def show_notification(notification_id: str, work: Annotated[Work, reads("read:notifications")]) -> Notification:
    """One of them."""
    found = await notifications_of(work.context, work.me, [await _own(work, notification_id)])
    if not found:
        raise Missing
    return found[0]


@routes.post("/api/v1/notifications/{notification_id}/dismiss")
async def dismiss(notification_id: str, work: Annotated[Work, writes("write:notifications")]) -> dict[str, Any]:
    """Forgets one of them."""
    await records.forget_rows(work.context, work.me, [await _own(work, notification_id)])
    return {}


async def _own(work: Work, notification_id: str) -> Record:
    record = await queries.find(work.context, work.me, notification_id)
    if record is None:
        raise Missing
    return record
