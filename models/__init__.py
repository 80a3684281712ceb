"""Rows and nothing else: one table each, no behaviour, no keys, no protocol."""

from models.actors import LocalActor, RemoteActor, RemoteKey
from models.federation import (
    ActivityTally,
    Budget,
    Delivery,
    DomainBlock,
    Fanout,
    InboxItem,
    OutboxItem,
    RemoteHost,
    Tombstone,
)
from models.follows import Departure, Follow
from models.media import Medium
from models.movements import AuditEntry, Circle, Membership, Movement
from models.notifications import (
    Conversation,
    Notification,
    NotificationPolicy,
    PushMessage,
    PushSubscription,
    VapidKey,
)
from models.oauth import IdempotencyKey, OAuthApp, OAuthCode, OAuthToken
from models.people import Person
from models.personal import PersonalRecord
from models.posts import Mark, Poll, Post, PostEdit, Reaction, ScheduledPost, Vote
from models.reports import Report
from models.secrets import DataKey, ServerSetting

__all__ = [
    "ActivityTally",
    "AuditEntry",
    "Budget",
    "Circle",
    "Conversation",
    "DataKey",
    "Delivery",
    "Departure",
    "DomainBlock",
    "Fanout",
    "Follow",
    "IdempotencyKey",
    "InboxItem",
    "LocalActor",
    "Mark",
    "Medium",
    "Membership",
    "Movement",
    "Notification",
    "NotificationPolicy",
    "OAuthApp",
    "OAuthCode",
    "OAuthToken",
    "OutboxItem",
    "Person",
    "PersonalRecord",
    "Poll",
    "Post",
    "PostEdit",
    "PushMessage",
    "PushSubscription",
    "Reaction",
    "RemoteActor",
    "RemoteHost",
    "RemoteKey",
    "Report",
    "ScheduledPost",
    "ServerSetting",
    "Tombstone",
    "VapidKey",
    "Vote",
]
