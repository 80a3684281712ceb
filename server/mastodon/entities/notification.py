"""Notifications, by themselves and in groups; how they are wanted; conversations; and where pushes go."""

from typing import Any

from server.mastodon.entities.account import Account
from server.mastodon.entities.base import Entity, Moment
from server.mastodon.entities.status import Status


class Notification(Entity):
    """Something that happened to somebody."""

    id: str
    type: str
    group_key: str
    created_at: Moment
    account: Account
    status: Status | None = None
    report: Any | None = None
    event: Any | None = None
    moderation_warning: Any | None = None


class NotificationGroup(Entity):
    """Notifications that are shown as one. The ids beginning with `page` are of the part that was asked for."""

    group_key: str
    notifications_count: int
    type: str
    most_recent_notification_id: int
    page_min_id: str | None = None
    page_max_id: str | None = None
    latest_page_notification_at: Moment | None = None
    sample_account_ids: list[str]
    status_id: str | None = None
    report: Any | None = None
    event: Any | None = None
    moderation_warning: Any | None = None


class GroupedNotifications(Entity):
    """Groups, with all the accounts and statuses that they name."""

    accounts: list[Account]
    partial_accounts: list[Any] = []
    statuses: list[Status]
    notification_groups: list[NotificationGroup]


class Count(Entity):
    """How many."""

    count: int


class PolicySummary(Entity):
    """What waits."""

    pending_requests_count: int
    pending_notifications_count: int


class NotificationPolicy(Entity):
    """What somebody wants to be told of. `push_texts` is ours: `neutral`, or `full` with names and words."""

    for_not_following: str
    for_not_followers: str
    for_new_accounts: str
    for_private_mentions: str
    for_limited_accounts: str
    push_texts: str
    summary: PolicySummary


class NotificationRequest(Entity):
    """What waits of one sender."""

    id: str
    created_at: Moment
    updated_at: Moment
    notifications_count: str
    account: Account
    last_status: Status | None = None


class Conversation(Entity):
    """Direct statuses of one thread."""

    id: str
    unread: bool
    accounts: list[Account]
    last_status: Status | None


class WebPushSubscription(Entity):
    """Where pushes go, and about what."""

    id: str
    endpoint: str
    standard: bool = True
    alerts: dict[str, bool]
    policy: str
    server_key: str
