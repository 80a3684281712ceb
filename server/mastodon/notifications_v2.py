"""What one was told, with what many did alike shown as one."""

from typing import Annotated, Any

from fastapi import Request, Response

from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged, link
from server.api.parameters import given
from server.api.routing import router
from server.mastodon.entities.account import Account
from server.mastodon.entities.notification import Count, GroupedNotifications
from server.mastodon.notifications import MOST_COUNTED, Counted, Which
from server.mastodon.serialize.accounts import accounts_of, parties_of
from server.mastodon.serialize.notifications import groups_of
from server.organizing.notifications import queries, records
from server.organizing.notifications.kinds import TOGETHER
from server.organizing.notifications.queries import group_key
from server.organizing.notifications.reading import last_read

routes = router()


class GroupedPage(Which, Paged):
    """Which part of them, and what is put together."""

    grouped_types: list[str] = [kind.value for kind in TOGETHER]
    expand_accounts: str = "full"


class GroupedCount(Counted):
    """Which unread groups."""

    grouped_types: list[str] = [kind.value for kind in TOGETHER]


@routes.get("/api/v2/notifications")
async def show_groups(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:notifications")],
    page: Annotated[GroupedPage, given(GroupedPage)],
) -> GroupedNotifications:
    """One's notifications in groups, by the newest of each."""
    window = page.window(limit=40)
    chosen = await page.chosen(work.context)
    groups = await queries.groups_of(work.context, work.me, chosen, window, together=page.grouped_types)
    numbers = sorted((record.number for group in groups for record in group.page), reverse=True)
    link(response, request, work.context, [*numbers[:1], *numbers[-1:]], more=len(groups) == window.size)
    return await groups_of(work.context, work.me, groups)


@routes.get("/api/v2/notifications/unread_count")
async def unread_count(
    work: Annotated[Work, reads("read:notifications")], which: Annotated[GroupedCount, given(GroupedCount)]
) -> Count:
    """How many groups have something in them that one has not read."""
    read = await last_read(work.context, work.me)
    chosen = await which.chosen(work.context)
    unread = [each for each in await queries.all_of(work.context, work.me, chosen) if each.number > read]
    groups = {group_key(record, which.grouped_types) for record in unread}
    return Count(count=min(len(groups), max(1, min(which.limit, MOST_COUNTED))))


@routes.get("/api/v2/notifications/{key}")
async def show_group(key: str, work: Annotated[Work, reads("read:notifications")]) -> GroupedNotifications:
    """One group."""
    return await groups_of(work.context, work.me, [await _group(work, key)])


@routes.get("/api/v2/notifications/{key}/accounts")
async def show_accounts(key: str, work: Annotated[Work, reads("read:notifications")]) -> list[Account]:
    """Everybody in a group, newest first."""
    group = await _group(work, key)
    parties = await parties_of(work.context, {record.sender for record in group.page})
    ordered = [parties[sender] for sender in dict.fromkeys(r.sender for r in group.page) if sender in parties]
    return await accounts_of(work.context, ordered)


@routes.post("/api/v2/notifications/{key}/dismiss")
async def dismiss(key: str, work: Annotated[Work, writes("write:notifications")]) -> dict[str, Any]:
    """Forgets a group."""
    group = await _group(work, key)
    await records.forget_rows(work.context, work.me, group.page)
    return {}


async def _group(work: Work, key: str) -> queries.Group:
    group = await queries.group_of(work.context, work.me, key)
    if group is None:
        raise Missing
    return group
