"""Every resource of the client API, in the order in which addresses are compared."""

from fastapi import APIRouter

from server.mastodon import accounts, credentials, follow_requests, instance, relations, statuses, timelines

RESOURCES = (instance, credentials, relations, follow_requests, accounts, statuses, timelines)


def build_router() -> APIRouter:
    """All of them."""
    router = APIRouter()
    for resource in RESOURCES:
        router.include_router(resource.routes)
    return router
