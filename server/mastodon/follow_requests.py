"""Those who ask to follow, or to become a member of a circle, and the answer."""

from typing import Annotated

from fastapi import Request, Response

from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged
from server.api.parameters import given
from server.api.routing import router
from server.mastodon.entities.account import Account, Relationship
from server.mastodon.ids import find_account
from server.mastodon.people import page_of_accounts
from server.mastodon.serialize.relationships import relationship_of
from server.organizing.following import service
from server.organizing.following.queries import place_of
from server.organizing.membership.queries import waiting_for
from server.organizing.parties import Party, uri_of

routes = router()


@routes.get("/api/v1/follow_requests")
async def follow_requests(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:follows")],
    page: Annotated[Paged, given(Paged)],
) -> list[Account]:
    """Who waits for an answer; of a circle, who applied."""
    waiting = await waiting_for(work.context, work.me)
    rows = [(place_of(work.context, one.uri, one.since), one.uri) for one in waiting]
    return await page_of_accounts(request, response, work.context, page, rows)


@routes.post("/api/v1/follow_requests/{account_id}/authorize")
async def authorize(account_id: str, work: Annotated[Work, writes("write:follows")]) -> Relationship:
    """Lets somebody follow, or into a circle."""
    party = await _asking(work, account_id)
    await service.accept_request(work.context, owner=work.me, requester=uri_of(work.context.origin, party))
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/follow_requests/{account_id}/reject")
async def reject(account_id: str, work: Annotated[Work, writes("write:follows")]) -> Relationship:
    """Turns somebody away."""
    party = await _asking(work, account_id)
    await service.reject_request(work.context, owner=work.me, requester=uri_of(work.context.origin, party))
    return await relationship_of(work.context, work.me, party)


async def _asking(work: Work, account_id: str) -> Party:
    party = await find_account(work.context, account_id)
    waiting = {one.uri for one in await waiting_for(work.context, work.me)}
    if party is None or uri_of(work.context.origin, party) not in waiting:
        raise Missing
    return party
