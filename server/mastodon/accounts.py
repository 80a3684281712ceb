"""Accounts: one's own, others', and how one stands to them."""

from typing import Annotated

from fastapi import Request, Response

from models import LocalActor
from server.api.access import Visit, Work, asks, looks, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.account import Account, CredentialAccount, Relationship
from server.mastodon.entities.status import Status
from server.mastodon.ids import find_account
from server.mastodon.serialize.accounts import account_of, own_account
from server.mastodon.serialize.relationships import relationship_of, relationships_of
from server.mastodon.serialize.statuses import statuses_of
from server.mastodon.timelines import paged
from server.organizing.following import service as following
from server.organizing.parties import Party, uri_of
from server.organizing.people.queries import find_actor
from server.organizing.posts import pins, timelines
from server.organizing.posts.timelines import Entry

routes = router()


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


@routes.get("/api/v1/accounts/verify_credentials")
async def verify_credentials(work: Annotated[Work, reads("profile")]) -> CredentialAccount:
    """As whom the token speaks."""
    return await own_account(work.context, work.me)


@routes.get("/api/v1/accounts/relationships")
async def relationships(
    work: Annotated[Work, reads("read:follows")], wanted: Annotated[Wanted, given(Wanted)]
) -> list[Relationship]:
    """How one stands to these accounts; unknown ones are left out."""
    parties = [party for account in wanted.id[:80] if (party := await find_account(work.context, account)) is not None]
    return await relationships_of(work.context, work.me, parties)


@routes.get("/api/v1/accounts/lookup")
async def look_up(visit: Annotated[Visit, looks("read:accounts")], wanted: Annotated[Looked, given(Looked)]) -> Account:
    """An account of this server, or one elsewhere that is known here, by its address."""
    name, _, host = wanted.acct.removeprefix("@").partition("@")
    if host and host.lower() != visit.context.origin.domain:
        raise Missing
    actor = await find_actor(visit.context, name)
    if actor is None or actor.state != "active":
        raise Missing
    return await account_of(visit.context, actor)


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
async def followers(account_id: str, visit: Annotated[Visit, asks("read:accounts")]) -> list[Account]:
    """Empty, whoever asks about whomever: nothing lists people (PRODUCT.md, Safety)."""
    await _party(visit, account_id)
    return []


@routes.post("/api/v1/accounts/{account_id}/follow")
async def follow(account_id: str, work: Annotated[Work, writes("write:follows")]) -> Relationship:
    """Follows, or asks to; of a circle, applies to it."""
    party = await _party(work, account_id)
    await following.follow(work.context, follower=work.me, followee=party)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/unfollow")
async def unfollow(account_id: str, work: Annotated[Work, writes("write:follows")]) -> Relationship:
    """Follows no more, or takes the request back."""
    party = await _party(work, account_id)
    await following.unfollow(work.context, follower=work.me, followee=party)
    return await relationship_of(work.context, work.me, party)


async def _party(work: Work | Visit, account_id: str) -> Party:
    party = await find_account(work.context, account_id)
    if party is None:
        raise Missing
    return party
