"""Searching finds what was named in full, and nobody by guessing; hashtags have a timeline."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server.loopback import LoopbackServer, loopback_server
from tests.server.signing_in import person_on, token_for


async def signed_in(live: LoopbackServer, client: httpx.AsyncClient, handle: str = "robin") -> dict[str, str]:
    await person_on(live, handle)
    return {"Authorization": f"Bearer {await token_for(client, handle)}"}


async def find(client: httpx.AsyncClient, who: dict[str, str], q: str, **more: str) -> dict[str, list[str]]:
    answer = await client.get("/api/v2/search", params={"q": q} | more, headers=who)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return {
        "accounts": [account["acct"] for account in found["accounts"]],
        "statuses": [status["id"] for status in found["statuses"]],
        "hashtags": [tag["name"] for tag in found["hashtags"]],
    }


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[LoopbackServer]:
    """Another server, with somebody on it."""
    async with loopback_server("far", tmp_path / "far") as server:
        await person_on(server, "mona")
        yield server


async def test_what_is_named_in_full_is_found(
    live: LoopbackServer, client: httpx.AsyncClient, far: LoopbackServer
) -> None:
    robin, kim = await signed_in(live, client), await signed_in(live, client, "kim")
    said = {"status": "Four days #Pay", "visibility": "public"}
    open_post = (await client.post("/api/v1/statuses", json=said, headers=kim)).json()
    closed = (await client.post("/api/v1/statuses", json=said | {"visibility": "private"}, headers=kim)).json()
    assert (await find(client, robin, "@kim"))["accounts"] == ["kim"]
    assert (await find(client, robin, f"https://{live.domain}/@kim".replace("https", "http")))["accounts"] == ["kim"]
    assert (await find(client, robin, "ki")) == {"accounts": [], "statuses": [], "hashtags": ["ki"]}
    assert (await find(client, robin, "#pay", type="hashtags"))["hashtags"] == ["pay"]
    assert (await find(client, robin, open_post["uri"]))["statuses"] == [open_post["id"]]
    assert (await find(client, robin, closed["uri"]))["statuses"] == []
    address = f"@mona@{far.domain}"
    assert (await find(client, robin, address))["accounts"] == []
    assert (await find(client, robin, address, resolve="true"))["accounts"] == [address[1:]]
    assert (await find(client, robin, address))["accounts"] == [address[1:]]
    tagged = (await client.get("/api/v1/timelines/tag/pay")).json()
    assert [status["id"] for status in tagged] == [open_post["id"]]
    assert (await client.get("/api/v1/timelines/tag/pa")).json() == []
    await client.post(f"/api/v1/accounts/{open_post['account']['id']}/block", headers=robin)
    assert (await find(client, robin, "@kim"))["accounts"] == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_odd_searches_find_nothing_and_break_nothing(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin = await signed_in(live, client)
    for odd in ("", "@", "@@", "@a@b@c", "https://", "http://[", "%", "'; --", "@x@localhost:1", "\u202e" * 50):
        found = await find(client, robin, odd, resolve="true")
        assert found["accounts"] == found["statuses"] == []
    assert (await client.get("/api/v2/search", params={"q": "x" * 2_001}, headers=robin)).status_code == 422
    assert (await client.get("/api/v2/search", params={"q": "x"})).status_code == 401
