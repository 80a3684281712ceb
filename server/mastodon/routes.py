"""Every resource of the client API, in the order in which addresses are compared."""

from fastapi import APIRouter

from server.mastodon import (
    accounts,
    conversations,
    instance,
    notification_policy,
    notifications,
    notifications_v2,
    push,
    statuses,
    timelines,
)
from server.mastodon.streaming import routes as streaming

RESOURCES = (
    instance,
    accounts,
    statuses,
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
