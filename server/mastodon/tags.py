"""Hashtags: looked at, followed, and shown on profiles."""

from typing import Annotated, Any

from fastapi import Request, Response

from federation.context import Context
from models import LocalActor
from server.api.access import Visit, Work, looks, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.tag import FeaturedTag, FullTag
from server.mastodon.ids import find_account
from server.mastodon.people import page_of_rows
from server.organizing.posts.rendering import hashtag_url
from server.organizing.refusal import require
from server.organizing.tags import policy, queries, service
from server.organizing.tags.queries import Use

routes = router()

_UNUSED = Use()


class Named(Given):
    """Which hashtag."""

    name: str = ""


@routes.get("/api/v1/tags/{name}")
async def show_tag(name: str, visit: Annotated[Visit, looks("read")]) -> FullTag:
    """A hashtag, used or not."""
    require(policy.may_name(name=name))
    follows, features = (
        await queries.standing(visit.context, visit.me, name) if visit.me is not None else (False, False)
    )
    return tag_of(visit.context, name, following=follows, featuring=features)


@routes.post("/api/v1/tags/{name}/follow")
async def follow_tag(name: str, work: Annotated[Work, writes("write:follows")]) -> FullTag:
    """Brings public posts with it into one's home."""
    await service.follow_tag(work.context, owner=work.me, name=name)
    return await _own_tag(work, name)


@routes.post("/api/v1/tags/{name}/unfollow")
async def unfollow_tag(name: str, work: Annotated[Work, writes("write:follows")]) -> FullTag:
    """Takes them out again."""
    await service.unfollow_tag(work.context, owner=work.me, name=name)
    return await _own_tag(work, name)


@routes.post("/api/v1/tags/{name}/feature")
async def feature_tag(name: str, work: Annotated[Work, writes("write:accounts")]) -> FullTag:
    """Shows it on one's profile."""
    await service.feature(work.context, owner=work.me, name=name)
    return await _own_tag(work, name)


@routes.post("/api/v1/tags/{name}/unfeature")
async def unfeature_tag(name: str, work: Annotated[Work, writes("write:accounts")]) -> FullTag:
    """Shows it there no more."""
    await service.unfeature(work.context, owner=work.me, name=name)
    return await _own_tag(work, name)


@routes.get("/api/v1/followed_tags")
async def followed_tags(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:follows")],
    page: Annotated[Paged, given(Paged)],
) -> list[FullTag]:
    """The hashtags that one follows."""
    kept = await queries.followed(work.context, work.me)
    rows = page_of_rows(request, response, work.context, page, [(tag.number, tag.values["name"]) for tag in kept])
    featured = {tag.about for tag in await queries.featured(work.context, work.me)}
    return [tag_of(work.context, name, following=True, featuring=name.lower() in featured) for _, name in rows]


@routes.get("/api/v1/featured_tags")
async def featured_tags(work: Annotated[Work, reads("read:accounts")]) -> list[FeaturedTag]:
    """The hashtags on one's profile."""
    return await _featured(work.context, work.me)


@routes.post("/api/v1/featured_tags")
async def create_featured_tag(
    work: Annotated[Work, writes("write:accounts")], new: Annotated[Named, given(Named)]
) -> FeaturedTag:
    """Shows one more."""
    kept = await service.feature(work.context, owner=work.me, name=new.name)
    return next(tag for tag in await _featured(work.context, work.me) if tag.id == kept.id)


@routes.get("/api/v1/featured_tags/suggestions")
async def suggested_tags(work: Annotated[Work, reads("read:accounts")]) -> list[FullTag]:
    """The hashtags that one uses most and does not show yet."""
    shown = {tag.about for tag in await queries.featured(work.context, work.me)}
    used = await queries.uses(work.context, work.me)
    return [tag_of(work.context, name) for name in queries.suggested(used, shown)]


@routes.delete("/api/v1/featured_tags/{tag_id}")
async def delete_featured_tag(tag_id: str, work: Annotated[Work, writes("write:accounts")]) -> dict[str, Any]:
    """Shows one no more."""
    await service.unfeature_by_id(work.context, owner=work.me, record_id=tag_id)
    return {}


@routes.get("/api/v1/accounts/{account_id}/featured_tags")
async def featured_tags_of(account_id: str, visit: Annotated[Visit, looks("read:accounts")]) -> list[FeaturedTag]:
    """The hashtags on a profile here; those of others are not asked for."""
    party = await find_account(visit.context, account_id)
    if party is None:
        raise Missing
    return await _featured(visit.context, party) if isinstance(party, LocalActor) else []


async def _featured(context: Context, owner: LocalActor) -> list[FeaturedTag]:
    kept = await queries.featured(context, owner)
    used = await queries.uses(context, owner) if kept else {}
    found = []
    for tag in kept:
        use = used.get(tag.about, _UNUSED)
        last = use.last.isoformat() if use.last is not None else None
        name = tag.values["name"]
        found.append(
            FeaturedTag(
                id=tag.id,
                name=name,
                url=hashtag_url(context.origin, name),
                statuses_count=str(use.count),
                last_status_at=last,
            )
        )
    return found


async def _own_tag(work: Work, name: str) -> FullTag:
    follows, features = await queries.standing(work.context, work.me, name)
    return tag_of(work.context, name, following=follows, featuring=features)


def tag_of(context: Context, name: str, *, following: bool = False, featuring: bool = False) -> FullTag:
    url = hashtag_url(context.origin, name)
    return FullTag(id=name.lower(), name=name, url=url, following=following, featuring=featuring)
