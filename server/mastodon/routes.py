"""Every resource of the client API, in the order in which addresses are compared."""

from fastapi import APIRouter

from server.mastodon import (
    accounts,
    credentials,
    discovery,
    filters,
    filters_v1,
    follow_requests,
    instance,
    lists,
    markers,
    media,
    relations,
    reports,
    statuses,
    tags,
    timelines,
)

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
    reports,
    statuses,
    timelines,
)


def build_router() -> APIRouter:
    """All of them."""
    router = APIRouter()
    for resource in RESOURCES:
        router.include_router(resource.routes)
    return router
