"""Searching: for one account by its address, for one post by its address, for a hashtag. People are not searched for.

There is no search by words yet.
"""

import asyncio
from contextlib import suppress
from typing import Annotated

from pydantic import Field

from federation.context import Context
from federation.fetch_errors import FetchFailed
from federation.remote import look_up
from models import LocalActor
from server.api.access import Errand, runs
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.account import Account
from server.mastodon.entities.search import Found
from server.mastodon.entities.status import Status
from server.mastodon.entities.tag import FullTag
from server.mastodon.ids import find_by_address, find_party
from server.mastodon.serialize.accounts import account_of
from server.mastodon.serialize.statuses import status_of
from server.mastodon.tags import tag_of
from server.organizing.parties import Party, uri_of
from server.organizing.posts.queries import find_post
from server.organizing.relations.silence import silence_of
from server.organizing.tags.policy import may_name

PATIENCE = 8.0
"""Seconds that looking somebody up elsewhere may take."""

_ADDRESSES = ("https://", "http://")

routes = router()


class Search(Given):
    """What is searched for, of which kind (`accounts`, `statuses`, `hashtags`), and whether elsewhere too."""

    q: Annotated[str, Field(max_length=2_000)]
    type: str | None = None
    resolve: bool = False
    offset: int = 0

    def wants(self, kind: str) -> bool:
        """Whether this kind is asked for. There is never a second page."""
        return self.type in (None, "", kind) and self.offset <= 0


@routes.get("/api/v2/search")
@routes.get("/api/v1/search")
async def search(errand: Annotated[Errand, runs("read:search")], wanted: Annotated[Search, given(Search)]) -> Found:
    """Finds what was named in full; with `resolve`, an account that nobody here knew yet."""
    asked = wanted.q.strip()
    elsewhere = await _looked_up(errand, asked) if wanted.resolve and wanted.wants("accounts") else None
    async with errand.assembly.federation.reading() as context:
        return Found(
            accounts=await _accounts(context, errand.me, asked, elsewhere) if wanted.wants("accounts") else [],
            statuses=await _statuses(context, errand.me, asked) if wanted.wants("statuses") else [],
            hashtags=_hashtags(context, asked) if wanted.wants("hashtags") else [],
        )


async def _looked_up(errand: Errand, asked: str) -> Party | None:
    """Somebody on another server, asked for there. Never within a unit of work."""
    if "@" not in asked.removeprefix("@") and not asked.startswith(_ADDRESSES):
        return None
    with suppress(FetchFailed, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            return await look_up(errand.assembly.federation, asked)
    return None


async def _accounts(context: Context, me: LocalActor, asked: str, elsewhere: Party | None) -> list[Account]:
    party = elsewhere or (await _known(context, asked))
    own = context.origin.actor(me.id)
    if party is None or (await silence_of(context, own)).covers(uri_of(context.origin, party)):
        return []
    return [await account_of(context, party)]


async def _known(context: Context, asked: str) -> Party | None:
    if not asked.startswith(_ADDRESSES):
        return await find_by_address(context, asked)
    profile = asked.removeprefix(context.origin.profile(""))
    return await (find_party(context, asked) if profile == asked else find_by_address(context, profile))


async def _statuses(context: Context, me: LocalActor, asked: str) -> list[Status]:
    post = await find_post(context, asked, me) if asked.startswith(_ADDRESSES) else None
    return [await status_of(context, me, post)] if post is not None else []


def _hashtags(context: Context, asked: str) -> list[FullTag]:
    name = asked.removeprefix("#")
    return [tag_of(context, name)] if name and may_name(name=name) is None else []
