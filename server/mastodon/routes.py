"""Every resource of the client API, in the order in which addresses are compared."""

from fastapi import APIRouter

from server.mastodon import accounts, instance, polls, reacting, scheduled, statuses, timelines

RESOURCES = (instance, accounts, statuses, reacting, polls, scheduled, timelines)


def build_router() -> APIRouter:
    """All of them."""
    router = APIRouter()
    for resource in RESOURCES:
        router.include_router(resource.routes)
    return router
