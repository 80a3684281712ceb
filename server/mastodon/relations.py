"""How one stands to others: followed, blocked, muted, noted, endorsed; and domains that one shut out."""

from typing import Annotated, Any

from fastapi import Request, Response

from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.account import Account, MutedAccount, Relationship
from server.mastodon.ids import find_account, find_accounts
from server.mastodon.people import page_of_accounts, page_of_rows
from server.mastodon.serialize.accounts import accounts_of, parties_of
from server.mastodon.serialize.relationships import relationship_of, relationships_of
from server.organizing.following import options
from server.organizing.following import service as following
from server.organizing.parties import Party, uri_of
from server.organizing.personal.records import Kind
from server.organizing.relations import queries, service

routes = router()

MOST_ASKED = 80
"""Relationships in one answer."""


class Wanted(Given):
    """Which accounts."""

    id: list[str] = []


class Following(Given):
    """How to follow."""

    reblogs: bool | None = None
    notify: bool | None = None
    languages: list[str] | None = None


class Muting(Given):
    """How to mute; `duration` in seconds, 0 for ever."""

    notifications: bool = True
    duration: int = 0


class Noted(Given):
    """A remark."""

    comment: str = ""


class Shut(Given):
    """Which domain."""

    domain: str


@routes.get("/api/v1/accounts/relationships")
async def relationships(
    work: Annotated[Work, reads("read:follows")], wanted: Annotated[Wanted, given(Wanted)]
) -> list[Relationship]:
    """How one stands to these accounts; unknown ones are left out."""
    return await relationships_of(work.context, work.me, await find_accounts(work.context, wanted.id[:MOST_ASKED]))


@routes.post("/api/v1/accounts/{account_id}/follow")
async def follow(
    account_id: str, work: Annotated[Work, writes("write:follows")], how: Annotated[Following, given(Following)]
) -> Relationship:
    """Follows, or asks to; of a circle, applies to it. Again: changes how."""
    party = await _party(work, account_id)
    await following.follow(work.context, follower=work.me, followee=party)
    own, other = work.context.origin.actor(work.me.id), uri_of(work.context.origin, party)
    languages = how.languages
    if languages is not None:
        languages = sorted({language.partition("-")[0].lower() for language in languages if language})
    now = await options.of_pair(work.context, follower=own, followee=other)
    chosen = now.but(boosts=how.reblogs, notify=how.notify, languages=languages)
    await options.choose(work.context, follower=own, followee=other, options=chosen)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/unfollow")
async def unfollow(account_id: str, work: Annotated[Work, writes("write:follows")]) -> Relationship:
    """Follows no more, or takes the request back."""
    party = await _party(work, account_id)
    await following.unfollow(work.context, follower=work.me, followee=party)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/remove_from_followers")
async def remove_from_followers(account_id: str, work: Annotated[Work, writes("write:follows")]) -> Relationship:
    """Ends that an account follows; nothing where it does not."""
    party = await _party(work, account_id)
    before = await relationship_of(work.context, work.me, party)
    if before.followed_by or before.requested_by:
        await following.remove_follower(work.context, owner=work.me, follower=uri_of(work.context.origin, party))
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/block")
async def block(account_id: str, work: Annotated[Work, writes("write:blocks")]) -> Relationship:
    """Shows nothing of either to the other; follows end."""
    party = await _party(work, account_id)
    await service.block(work.context, actor=work.me, other=party)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/unblock")
async def unblock(account_id: str, work: Annotated[Work, writes("write:blocks")]) -> Relationship:
    """Takes a block back."""
    party = await _party(work, account_id)
    await service.unblock(work.context, actor=work.me, other=party)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/mute")
async def mute(
    account_id: str, work: Annotated[Work, writes("write:mutes")], how: Annotated[Muting, given(Muting)]
) -> Relationship:
    """Shows nothing of an account in timelines, for a while or for ever."""
    party = await _party(work, account_id)
    await service.mute(work.context, actor=work.me, other=party, notifications=how.notifications, seconds=how.duration)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/unmute")
async def unmute(account_id: str, work: Annotated[Work, writes("write:mutes")]) -> Relationship:
    """Takes a mute back."""
    party = await _party(work, account_id)
    await service.unmute(work.context, actor=work.me, other=party)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/note")
async def note(
    account_id: str, work: Annotated[Work, writes("write:accounts")], said: Annotated[Noted, given(Noted)]
) -> Relationship:
    """Keeps a remark about an account, for one's own eyes."""
    party = await _party(work, account_id)
    await service.note(work.context, actor=work.me, other=party, comment=said.comment)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/pin")
@routes.post("/api/v1/accounts/{account_id}/endorse")
async def endorse(account_id: str, work: Annotated[Work, writes("write:accounts")]) -> Relationship:
    """Puts an account that one follows among those whom one would recommend."""
    party = await _party(work, account_id)
    await service.endorse(work.context, actor=work.me, other=party)
    return await relationship_of(work.context, work.me, party)


@routes.post("/api/v1/accounts/{account_id}/unpin")
@routes.post("/api/v1/accounts/{account_id}/unendorse")
async def unendorse(account_id: str, work: Annotated[Work, writes("write:accounts")]) -> Relationship:
    """Takes it off that list."""
    party = await _party(work, account_id)
    await service.unendorse(work.context, actor=work.me, other=party)
    return await relationship_of(work.context, work.me, party)


@routes.get("/api/v1/blocks")
async def blocks(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:blocks")],
    page: Annotated[Paged, given(Paged)],
) -> list[Account]:
    """Whom one blocked."""
    kept = await queries.kept_about_actors(work.context, work.me, Kind.BLOCK)
    return await page_of_accounts(request, response, work.context, page, [(one.number, one.about) for one in kept])


@routes.get("/api/v1/mutes")
async def mutes(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:mutes")],
    page: Annotated[Paged, given(Paged)],
) -> list[MutedAccount]:
    """Whom one muted, and until when."""
    kept = await queries.kept_about_actors(work.context, work.me, Kind.MUTE)
    until = {one.about: one.until for one in kept}
    rows = page_of_rows(request, response, work.context, page, [(one.number, one.about) for one in kept])
    known = await parties_of(work.context, [uri for _, uri in rows])
    uris = [uri for _, uri in rows if uri in known]
    accounts = await accounts_of(work.context, [known[uri] for uri in uris])
    return [
        MutedAccount(**account.model_dump(), mute_expires_at=until[uri])
        for uri, account in zip(uris, accounts, strict=True)
    ]


@routes.get("/api/v1/endorsements")
async def endorsements(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:accounts")],
    page: Annotated[Paged, given(Paged)],
) -> list[Account]:
    """Whom one would recommend; for one's own eyes."""
    kept = await queries.kept_about_actors(work.context, work.me, Kind.ENDORSEMENT)
    return await page_of_accounts(request, response, work.context, page, [(one.number, one.about) for one in kept])


@routes.get("/api/v1/domain_blocks")
async def domain_blocks(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:blocks")],
    page: Annotated[Paged, given(Paged)],
) -> list[str]:
    """The domains that one shut out."""
    kept = await queries.domains(work.context, work.me)
    rows = page_of_rows(request, response, work.context, page, [(one.number, one.about) for one in kept])
    return [domain for _, domain in rows]


@routes.post("/api/v1/domain_blocks")
async def block_domain(
    work: Annotated[Work, writes("write:blocks")], wanted: Annotated[Shut, given(Shut)]
) -> dict[str, Any]:
    """Hears nothing of a domain any more."""
    await service.shut_out(work.context, actor=work.me, domain=wanted.domain)
    return {}


@routes.delete("/api/v1/domain_blocks")
async def unblock_domain(
    work: Annotated[Work, writes("write:blocks")], wanted: Annotated[Shut, given(Shut)]
) -> dict[str, Any]:
    """Hears a domain again."""
    await service.let_in(work.context, actor=work.me, domain=wanted.domain)
    return {}


async def _party(work: Work, account_id: str) -> Party:
    party = await find_account(work.context, account_id)
    if party is None:
        raise Missing
    return party
