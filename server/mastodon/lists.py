"""Lists of those whom one follows, and their timelines."""

from typing import Annotated, Any

from fastapi import Request, Response

from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.account import Account
from server.mastodon.entities.lists import List
from server.mastodon.entities.status import Status
from server.mastodon.ids import find_account, find_accounts
from server.mastodon.people import page_of_accounts
from server.mastodon.serialize.accounts import accounts_of, parties_of
from server.mastodon.timelines import paged
from server.organizing.lists import queries, service
from server.organizing.lists.queries import OwnList
from server.organizing.parties import uri_of
from server.organizing.posts import timelines

routes = router()


class NewList(Given):
    """A list to make."""

    title: str = ""
    replies_policy: str = "list"
    exclusive: bool = False


class ListChange(Given):
    """What to change of a list."""

    title: str | None = None
    replies_policy: str | None = None
    exclusive: bool | None = None


class Members(Given):
    """Whom to put on a list, or take off it."""

    account_ids: list[str] = []


@routes.get("/api/v1/lists")
async def show_lists(work: Annotated[Work, reads("read:lists")]) -> list[List]:
    """All of one's lists."""
    return [_entity(own) for own in await queries.lists_of(work.context, work.me)]


@routes.post("/api/v1/lists")
async def create_list(work: Annotated[Work, writes("write:lists")], new: Annotated[NewList, given(NewList)]) -> List:
    """Makes an empty list."""
    return _entity(
        await service.create(
            work.context, owner=work.me, title=new.title, replies=new.replies_policy, exclusive=new.exclusive
        )
    )


@routes.get("/api/v1/lists/{list_id}")
async def show_list(list_id: str, work: Annotated[Work, reads("read:lists")]) -> List:
    """One list."""
    return _entity(await _own(work, list_id))


@routes.put("/api/v1/lists/{list_id}")
async def change_list(
    list_id: str, work: Annotated[Work, writes("write:lists")], new: Annotated[ListChange, given(ListChange)]
) -> List:
    """Changes what is given."""
    changed = await service.change(
        work.context,
        owner=work.me,
        list_id=list_id,
        title=new.title,
        replies=new.replies_policy,
        exclusive=new.exclusive,
    )
    return _entity(changed)


@routes.delete("/api/v1/lists/{list_id}")
async def delete_list(list_id: str, work: Annotated[Work, writes("write:lists")]) -> dict[str, Any]:
    """Deletes a list; nobody on it is told, or unfollowed."""
    await service.delete(work.context, owner=work.me, list_id=list_id)
    return {}


@routes.get("/api/v1/lists/{list_id}/accounts")
async def show_members(
    list_id: str,
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:lists")],
    page: Annotated[Paged, given(Paged)],
) -> list[Account]:
    """Who is on a list, newest first; with a limit of 0 everybody, as some clients ask for."""
    own = await _own(work, list_id)
    rows = list(enumerate(own.members, start=1))
    if request.query_params.get("limit") == "0":
        known = await parties_of(work.context, own.members)
        return await accounts_of(work.context, [known[uri] for _, uri in reversed(rows) if uri in known])
    return await page_of_accounts(request, response, work.context, page, rows)


@routes.post("/api/v1/lists/{list_id}/accounts")
async def add_members(
    list_id: str, work: Annotated[Work, writes("write:lists")], wanted: Annotated[Members, given(Members)]
) -> dict[str, Any]:
    """Puts accounts on a list that one follows."""
    found = await find_accounts(work.context, wanted.account_ids)
    if len(found) < len(set(wanted.account_ids)):
        raise Missing
    members = [uri_of(work.context.origin, party) for party in found]
    await service.add(work.context, owner=work.me, list_id=list_id, members=members)
    return {}


@routes.delete("/api/v1/lists/{list_id}/accounts")
async def remove_members(
    list_id: str, work: Annotated[Work, writes("write:lists")], wanted: Annotated[Members, given(Members)]
) -> dict[str, Any]:
    """Takes accounts off a list."""
    found = await find_accounts(work.context, wanted.account_ids)
    members = [uri_of(work.context.origin, party) for party in found]
    await service.take_out(work.context, owner=work.me, list_id=list_id, members=members)
    return {}


@routes.get("/api/v1/accounts/{account_id}/lists")
async def lists_with(account_id: str, work: Annotated[Work, reads("read:lists")]) -> list[List]:
    """On which of one's lists an account is."""
    party = await find_account(work.context, account_id)
    if party is None:
        raise Missing
    uri = uri_of(work.context.origin, party)
    return [_entity(own) for own in await queries.lists_of(work.context, work.me) if uri in own.members]


@routes.get("/api/v1/timelines/list/{list_id}")
async def list_timeline(
    list_id: str,
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:lists")],
    page: Annotated[Paged, given(Paged)],
) -> list[Status]:
    """What those on a list posted and boosted."""
    own = await _own(work, list_id)
    found = await timelines.timeline_list(work.context, work.me, own, page.window())
    return await paged(request, response, work, found)


async def _own(work: Work, list_id: str) -> OwnList:
    own = await queries.find_list(work.context, work.me, list_id)
    if own is None:
        raise Missing
    return own


def _entity(own: OwnList) -> List:
    return List(id=own.id, title=own.title, replies_policy=own.replies, exclusive=own.exclusive)
