"""What clients show beside: a directory of those who asked to be in it, and of everything else that there is none."""

from typing import Annotated, Any

from fastapi import APIRouter

from server.api.access import Visit, Work, looks, reads, writes
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.account import Account
from server.mastodon.serialize.accounts import accounts_of
from server.organizing.people.queries import discoverable

routes: APIRouter = router()


class Directory(Given):
    """Which part of the directory."""

    offset: int = 0
    limit: int = 40
    order: str = "active"


@routes.get("/api/v1/directory")
async def directory(
    visit: Annotated[Visit, looks("read:accounts")], wanted: Annotated[Directory, given(Directory)]
) -> list[Account]:
    """Those here who chose to be found, newest first. Who is known elsewhere is nobody's business."""
    found = await discoverable(visit.context, offset=max(0, wanted.offset), limit=wanted.limit)
    return await accounts_of(visit.context, found)


@routes.get("/api/v1/trends")
@routes.get("/api/v1/trends/tags")
@routes.get("/api/v1/trends/statuses")
@routes.get("/api/v1/trends/links")
async def trends(visit: Annotated[Visit, looks("read")]) -> list[Any]:
    """None: what few people talk about would show who they are."""
    return []


@routes.get("/api/v1/suggestions")
@routes.get("/api/v2/suggestions")
async def suggestions(work: Annotated[Work, reads("read:accounts")]) -> list[Any]:
    """None: nobody is recommended to anybody."""
    return []


@routes.delete("/api/v1/suggestions/{account_id}")
async def dismiss_suggestion(account_id: str, work: Annotated[Work, writes("write:accounts")]) -> dict[str, Any]:
    """There is nothing to dismiss."""
    return {}


@routes.get("/api/v1/announcements")
async def announcements(work: Annotated[Work, reads("read")]) -> list[Any]:
    """None."""
    return []
