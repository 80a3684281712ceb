"""Accounts: found by whoever knows their address, and listed to nobody."""

from typing import Annotated, Any

from fastapi import Request, Response

from models import LocalActor
from server.api.access import Visit, Work, asks, looks, reads
from server.api.errors import Forbidden, Missing
from server.api.paging import Paged
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.account import Account, FamiliarFollowers
from server.mastodon.entities.status import Status
from server.mastodon.ids import find_account, find_accounts, find_by_address
from server.mastodon.people import page_of_accounts
from server.mastodon.serialize.accounts import account_of, accounts_of
from server.mastodon.serialize.statuses import statuses_of
from server.mastodon.timelines import paged
from server.organizing.following import queries as following
from server.organizing.movements.queries import is_circle
from server.organizing.parties import Party, uri_of
from server.organizing.personal.records import Kind
from server.organizing.posts import pins, timelines
from server.organizing.posts.timelines import Entry
from server.organizing.relations.queries import kept_about_actors
from server.organizing.relations.silence import silence_of

routes = router()

MOST_ASKED = 40
"""Accounts in one answer."""


class Wanted(Given):
    """Which accounts."""

    id: list[str] = []


class WantedPosts(Paged):
    """Which of an account's statuses."""

    exclude_replies: bool = False
    exclude_reblogs: bool = False
    only_media: bool = False
    pinned: bool = False
    tagged: str | None = None


class Looked(Given):
    """An account by its address."""

    acct: str


class Searched(Given):
    """What was typed."""

    q: str = ""
    offset: int = 0


@routes.post("/api/v1/accounts")
async def register(visit: Annotated[Visit, asks("write:accounts")]) -> Account:
    """Nobody registers by a client: who runs this server, or an invitation, lets people in."""
    raise Forbidden("This action is not allowed")


@routes.get("/api/v1/accounts")
async def show_accounts(
    visit: Annotated[Visit, looks("read:accounts")], wanted: Annotated[Wanted, given(Wanted)]
) -> list[Account]:
    """Accounts by their ids; unknown ones are left out."""
    return await accounts_of(visit.context, await find_accounts(visit.context, wanted.id[:MOST_ASKED]))


@routes.get("/api/v1/accounts/lookup")
async def look_up(visit: Annotated[Visit, looks("read:accounts")], wanted: Annotated[Looked, given(Looked)]) -> Account:
    """An account of this server, or one elsewhere that is known here, by its address."""
    party = await find_by_address(visit.context, wanted.acct)
    if party is None:
        raise Missing
    return await account_of(visit.context, party)


@routes.get("/api/v1/accounts/search")
async def search_accounts(
    work: Annotated[Work, reads("read:accounts")], wanted: Annotated[Searched, given(Searched)]
) -> list[Account]:
    """The account whose whole address was typed: there is no directory of people to search in."""
    party = await find_by_address(work.context, wanted.q.strip()) if wanted.offset <= 0 else None
    own = work.context.origin.actor(work.me.id)
    if party is None or (await silence_of(work.context, own)).covers(uri_of(work.context.origin, party)):
        return []
    return [await account_of(work.context, party)]


@routes.get("/api/v1/accounts/familiar_followers")
async def familiar_followers(
    work: Annotated[Work, reads("read:follows")], wanted: Annotated[Wanted, given(Wanted)]
) -> list[FamiliarFollowers]:
    """Nobody, whoever asks about whomever."""
    known = await find_accounts(work.context, wanted.id[:MOST_ASKED])
    return [FamiliarFollowers(id=account.id) for account in await accounts_of(work.context, known)]


@routes.get("/api/v1/accounts/{account_id}")
async def show_account(account_id: str, visit: Annotated[Visit, looks("read:accounts")]) -> Account:
    """One account."""
    return await account_of(visit.context, await _party(visit, account_id))


@routes.get("/api/v1/accounts/{account_id}/statuses")
async def statuses(
    account_id: str,
    request: Request,
    response: Response,
    visit: Annotated[Visit, looks("read:statuses")],
    wanted: Annotated[WantedPosts, given(WantedPosts)],
) -> list[Status]:
    """What an account posted and boosted, as its viewer may see it; or what it pinned."""
    author = await _party(visit, account_id)
    if wanted.pinned:
        pinned = await pins.pinned_by(visit.context, uri_of(visit.context.origin, author))
        return await statuses_of(visit.context, visit.me, [Entry(post.row.number, post) for post in pinned])
    wish = timelines.Wish(
        replies=not wanted.exclude_replies,
        boosts=not wanted.exclude_reblogs,
        only_media=wanted.only_media,
        tag=wanted.tagged,
    )
    author_or_id = author if isinstance(author, LocalActor) else author.id
    found = await timelines.timeline_of(visit.context, author_or_id, visit.viewer, wanted.window(), wish)
    return await paged(request, response, visit, found)


@routes.get("/api/v1/accounts/{account_id}/followers")
async def followers(
    account_id: str,
    request: Request,
    response: Response,
    visit: Annotated[Visit, looks("read:accounts")],
    page: Annotated[Paged, given(Paged)],
) -> list[Account]:
    """One's own followers; of everybody else nobody: nothing lists people to others (PRODUCT.md, Safety).

    A circle's followers are its members, whose handles are hidden once they are admitted.
    """
    if not await _is_own(visit, account_id) or visit.me is None or await is_circle(visit.context, visit.me):
        return []
    edges = await following.followers(visit.context, visit.me)
    rows = [(following.place_of(visit.context, edge.follower, edge.since), edge.follower) for edge in edges]
    return await page_of_accounts(request, response, visit.context, page, rows)


@routes.get("/api/v1/accounts/{account_id}/following")
async def followed(
    account_id: str,
    request: Request,
    response: Response,
    visit: Annotated[Visit, looks("read:accounts")],
    page: Annotated[Paged, given(Paged)],
) -> list[Account]:
    """Whom one follows oneself; of everybody else nobody."""
    if not await _is_own(visit, account_id) or visit.me is None:
        return []
    edges = await following.following(visit.context, visit.me)
    rows = [(following.place_of(visit.context, edge.followee, edge.since), edge.followee) for edge in edges]
    return await page_of_accounts(request, response, visit.context, page, rows)


@routes.get("/api/v1/accounts/{account_id}/endorsements")
async def endorsements(
    account_id: str,
    request: Request,
    response: Response,
    visit: Annotated[Visit, looks("read:accounts")],
    page: Annotated[Paged, given(Paged)],
) -> list[Account]:
    """Whom one would recommend oneself; of everybody else nobody."""
    if not await _is_own(visit, account_id) or visit.me is None:
        return []
    kept = await kept_about_actors(visit.context, visit.me, Kind.ENDORSEMENT)
    return await page_of_accounts(request, response, visit.context, page, [(one.number, one.about) for one in kept])


@routes.get("/api/v1/accounts/{account_id}/identity_proofs")
async def identity_proofs(account_id: str, work: Annotated[Work, reads("read:accounts")]) -> list[Any]:
    """There are none any more."""
    await _party(work, account_id)
    return []


async def _is_own(visit: Visit, account_id: str) -> bool:
    party = await _party(visit, account_id)
    return visit.me is not None and isinstance(party, LocalActor) and party.id == visit.me.id


async def _party(work: Work | Visit, account_id: str) -> Party:
    party = await find_account(work.context, account_id)
    if party is None:
        raise Missing
    return party
