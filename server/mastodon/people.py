"""Pages of accounts: lists of one's own, in which everybody has a number."""

from collections.abc import Sequence

from fastapi import Request, Response

from federation.context import Context
from server.api.paging import Paged, link
from server.mastodon.entities.account import Account
from server.mastodon.serialize.accounts import accounts_of, parties_of

Numbered = tuple[int, str]
"""The place of somebody in a list, and the id of the actor."""


async def page_of_accounts(
    request: Request, response: Response, context: Context, page: Paged, rows: Sequence[Numbered]
) -> list[Account]:
    """The page that is asked for, of rows in any order, with links to those beside; the unknown are left out."""
    chosen = page_of_rows(request, response, context, page, rows)
    known = await parties_of(context, [uri for _, uri in chosen])
    return await accounts_of(context, [known[uri] for _, uri in chosen if uri in known])


def page_of_rows(
    request: Request, response: Response, context: Context, page: Paged, rows: Sequence[Numbered]
) -> list[Numbered]:
    """The same for rows that are no accounts."""
    newest = sorted(rows, reverse=True)
    chosen = page.window(limit=40).among(newest, lambda row: row[0])
    more = bool(chosen) and chosen[-1] != newest[-1]
    link(response, request, context, [number for number, _ in chosen], more=more)
    return chosen
