"""What tests of the client API say and look at: posting, following, reading what one was told."""

from typing import Any

import httpx

from server.loopback import LoopbackServer
from tests.server.signing_in import person_on, token_for

Headers = dict[str, str]


def bearer(token: str) -> Headers:
    """The header with which a program calls."""
    return {"Authorization": f"Bearer {token}"}


async def signed_in(
    live: LoopbackServer, client: httpx.AsyncClient, handle: str, *, locked: bool = False, **how: Any
) -> Headers:
    """A new person's headers."""
    await person_on(live, handle, locked=locked)
    return bearer(await token_for(client, handle, **how))


async def post(client: httpx.AsyncClient, who: Headers, text: str, **more: Any) -> dict[str, Any]:
    """Posts, and gives back the status."""
    posted: dict[str, Any] = await done(client, who, "/api/v1/statuses", status=text, **more)
    return posted


async def done(client: httpx.AsyncClient, who: Headers, path: str, **fields: Any) -> Any:
    """What a POST answers."""
    answer = await client.post(path, json=fields, headers=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def got(client: httpx.AsyncClient, who: Headers, path: str, **query: Any) -> Any:
    """What a GET answers."""
    answer = await client.get(path, params=query, headers=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def id_of(client: httpx.AsyncClient, handle: str) -> str:
    """The id of an account."""
    return str((await client.get("/api/v1/accounts/lookup", params={"acct": handle})).json()["id"])


async def follow(client: httpx.AsyncClient, who: Headers, handle: str) -> None:
    """Follows somebody, or asks to."""
    await done(client, who, f"/api/v1/accounts/{await id_of(client, handle)}/follow")


def beside(page: httpx.Response, relation: str) -> str:
    """Where a page's `Link` leads, on the server that is spoken with; empty where there is no such page."""
    url = page.links.get(relation, {}).get("url", "")
    return "/api/" + url.partition("/api/")[2] if url else ""
