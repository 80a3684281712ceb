"""Notifications and conversations as entities, many at a time. What its receiver may not see any more is left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import LocalActor, Post
from server.mastodon.entities.account import Account
from server.mastodon.entities.notification import (
    Conversation,
    GroupedNotifications,
    Notification,
    NotificationGroup,
    NotificationRequest,
)
from server.mastodon.entities.status import Status
from server.mastodon.ids import id_of_uri
from server.mastodon.serialize.accounts import accounts_of, parties_of
from server.mastodon.serialize.statuses import statuses_of
from server.organizing.conversations.queries import Conversation as Shown
from server.organizing.notifications.queries import Group, Request, group_key
from server.organizing.notifications.records import Record
from server.organizing.posts.records import opened
from server.organizing.posts.sight import as_viewer, sight_of
from server.organizing.posts.timelines import Entry


@dataclass(slots=True)
class _Known:
    """What was looked up for a whole list: accounts by the ids of actors, statuses by the ids of their rows."""

    accounts: dict[str, Account] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)

    def shows(self, record: Record) -> bool:
        """Whether all is there that a notification speaks of."""
        return record.sender in self.accounts and (record.post is None or record.post in self.statuses)


async def notifications_of(context: Context, me: LocalActor, records: Sequence[Record]) -> list[Notification]:
    """These notifications, in this order."""
    known = await _look_up(context, me, records)
    return [
        Notification(
            id=str(record.number),
            type=record.kind,
            group_key=group_key(record),
            created_at=record.moment,
            account=known.accounts[record.sender],
            status=known.statuses[record.post] if record.post else None,
        )
        for record in records
        if known.shows(record)
    ]


async def groups_of(context: Context, me: LocalActor, groups: Sequence[Group]) -> GroupedNotifications:
    """These groups, with each account and status once."""
    known = await _look_up(context, me, [record for group in groups for record in (*group.page, *group.samples)])
    shown = [group for group in groups if known.shows(group.newest)]
    senders = [record.sender for group in shown for record in group.samples if record.sender in known.accounts]
    posts = [group.newest.post for group in shown if group.newest.post]
    return GroupedNotifications(
        accounts=[known.accounts[sender] for sender in dict.fromkeys(senders)],
        statuses=[known.statuses[post] for post in dict.fromkeys(posts)],
        notification_groups=[_group(context, group, known) for group in shown],
    )


async def requests_of(context: Context, me: LocalActor, requests: Sequence[Request]) -> list[NotificationRequest]:
    """What waits of these senders."""
    newest = [next((each for each in request.waiting if each.post), request.waiting[0]) for request in requests]
    known = await _look_up(context, me, newest)
    return [
        NotificationRequest(
            id=id_of_uri(context, request.sender),
            created_at=request.waiting[-1].moment,
            updated_at=request.waiting[0].moment,
            notifications_count=str(len(request.waiting)),
            account=known.accounts[request.sender],
            last_status=known.statuses.get(record.post or ""),
        )
        for request, record in zip(requests, newest, strict=True)
        if request.sender in known.accounts
    ]


async def conversations_of(context: Context, me: LocalActor, conversations: Sequence[Shown]) -> list[Conversation]:
    """These conversations, in this order."""
    known = _Known()
    parties = await parties_of(context, {uri for each in conversations for uri in each.others})
    known.accounts = dict(zip(parties, await accounts_of(context, list(parties.values())), strict=True))
    entries = [Entry(each.last.row.number, each.last) for each in conversations]
    statuses = {status.id: status for status in await statuses_of(context, me, entries)}
    return [
        Conversation(
            id=each.record.id,
            unread=each.record.unread,
            accounts=[known.accounts[uri] for uri in each.others if uri in known.accounts],
            last_status=statuses[str(each.last.row.number)],
        )
        for each in conversations
        if str(each.last.row.number) in statuses
    ]


async def _look_up(context: Context, me: LocalActor, records: Sequence[Record]) -> _Known:
    known = _Known()
    parties = await parties_of(context, {record.sender for record in records})
    known.accounts = dict(zip(parties, await accounts_of(context, list(parties.values())), strict=True))
    ids = {record.post for record in records if record.post}
    if not ids:
        return known
    rows = await context.session.execute(select(Post).where(col(Post.id).in_(ids), col(Post.deleted_at).is_(None)))
    posts = await opened(context, rows.scalars().all())
    seen = (await sight_of(context, as_viewer(context, me))).shown(posts)
    statuses = await statuses_of(context, me, [Entry(post.row.number, post) for post in seen])
    numbered = {status.id: status for status in statuses}
    known.statuses = {post.id: numbered[str(post.row.number)] for post in seen if str(post.row.number) in numbered}
    return known


def _group(context: Context, group: Group, known: _Known) -> NotificationGroup:
    senders = [record.sender for record in group.samples if record.sender in known.accounts]
    return NotificationGroup(
        group_key=group.key,
        notifications_count=group.count,
        type=group.kind,
        most_recent_notification_id=group.newest.number,
        page_min_id=str(group.page[-1].number),
        page_max_id=str(group.page[0].number),
        latest_page_notification_at=group.newest.moment,
        sample_account_ids=[known.accounts[sender].id for sender in dict.fromkeys(senders)],
        status_id=known.statuses[group.newest.post].id if group.newest.post else None,
    )
