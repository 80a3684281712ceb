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
from models.movements import AuditEntry, Circle, Membership, Movement
from models.oauth import IdempotencyKey, OAuthApp, OAuthCode, OAuthToken
from models.people import Person
from models.posts import Mark, Poll, Post, PostEdit, Reaction, ScheduledPost, Vote
from models.reports import Report
from models.secrets import DataKey, ServerSetting

__all__ = [
    "ActivityTally",
    "AuditEntry",
    "Budget",
    "Circle",
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
    "Membership",
    "Movement",
    "OAuthApp",
    "OAuthCode",
    "OAuthToken",
    "OutboxItem",
    "Person",
    "Poll",
    "Post",
    "PostEdit",
    "Reaction",
    "RemoteActor",
    "RemoteHost",
    "RemoteKey",
    "Report",
    "ScheduledPost",
    "ServerSetting",
    "Tombstone",
    "Vote",
]
