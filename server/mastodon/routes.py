"""Every resource of the client API, in the order in which addresses are compared."""

from fastapi import APIRouter

from server.mastodon import (
    accounts,
    conversations,
    credentials,
    discovery,
    filters,
    filters_v1,
    follow_requests,
    instance,
    lists,
    markers,
    media,
    notification_policy,
    notifications,
    notifications_v2,
    polls,
    push,
    reacting,
    relations,
    reports,
    scheduled,
    search,
    statuses,
    tags,
    timelines,
)
from server.mastodon.streaming import routes as streaming

RESOURCES = (
    instance,
    credentials,
    relations,
    follow_requests,
    accounts,
    lists,
    filters,
    filters_v1,
    markers,
    media,
    tags,
    discovery,
    search,
    reports,
    statuses,
    reacting,
    polls,
    scheduled,
    timelines,
    conversations,
    notification_policy,
    notifications,
    notifications_v2,
    push,
    streaming,
)


def build_router() -> APIRouter:
    """All of them."""
    router = APIRouter()
    for resource in RESOURCES:
        router.include_router(resource.routes)
    return router
