"""The client API over a real server: posting, reading, reacting, following, in the forms that clients send."""

from typing import Any

import httpx
import pytest

from server.loopback import LoopbackServer
from server.organizing.posts import service
from server.organizing.refusal import Refusal, Refused
from tests.server.signing_in import person_on, token_for


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> dict[str, str]:
    """The headers of somebody signed in."""
    await person_on(live)
    return bearer(await token_for(client, "robin"))


@pytest.fixture
async def kim(live: LoopbackServer, client: httpx.AsyncClient) -> dict[str, str]:
    """Those of somebody else."""
    await person_on(live, "kim")
    return bearer(await token_for(client, "kim"))


async def post(client: httpx.AsyncClient, who: dict[str, str], text: str, **more: Any) -> dict[str, Any]:
    answer = await client.post("/api/v1/statuses", json={"status": text, **more}, headers=who)
    assert answer.status_code == 200, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def test_a_status_is_posted_and_read_with_all_its_fields(
    client: httpx.AsyncClient, robin: dict[str, str], kim: dict[str, str]
) -> None:
    made = await post(client, robin, "Shorter meetings, @kim. #flex", spoiler_text="Work", visibility="public")
    seen = (await client.get(f"/api/v1/statuses/{made['id']}")).json()
    assert seen["content"].startswith("<p>Shorter meetings")
    assert seen["spoiler_text"] == "Work"
    assert seen["visibility"] == "public"
    assert seen["account"]["acct"] == "robin"
    assert [mention["acct"] for mention in seen["mentions"]] == ["kim"]
    assert [tag["name"] for tag in seen["tags"]] == ["flex"]
    assert seen["created_at"].endswith(".000Z")
    assert seen["url"].endswith(f"/@robin/{made['id']}")


@pytest.mark.parametrize("form", ["json", "data", "multipart"])
async def test_every_form_of_body_is_read(client: httpx.AsyncClient, robin: dict[str, str], form: str) -> None:
    fields: dict[str, Any] = {"status": "one", "visibility": "unlisted"}
    how: dict[str, Any] = {"files": {name: (None, value) for name, value in fields.items()}}
    answer = await client.post("/api/v1/statuses", headers=robin, **(how if form == "multipart" else {form: fields}))
    assert answer.json()["visibility"] == "unlisted"


async def test_timelines_are_paged_both_ways(client: httpx.AsyncClient, robin: dict[str, str]) -> None:
    ids = [(await post(client, robin, f"n{number}"))["id"] for number in range(5)]
    first = await client.get("/api/v1/timelines/home", params={"limit": 2}, headers=robin)
    assert [status["id"] for status in first.json()] == ids[:2:-1]
    older = await client.get(first.links["next"]["url"].partition("live.localhost")[2].partition("/")[2], headers=robin)
    assert [status["id"] for status in older.json()] == ids[2:0:-1]
    newer = await client.get("/api/v1/timelines/public", params={"min_id": ids[0], "limit": 2})
    assert [status["id"] for status in newer.json()] == [ids[2], ids[1]]
    since = await client.get("/api/v1/timelines/public", params={"since_id": ids[2]})
    assert [status["id"] for status in since.json()] == [ids[4], ids[3]]


async def test_reactions_show_at_once(client: httpx.AsyncClient, robin: dict[str, str], kim: dict[str, str]) -> None:
    made = await post(client, robin, "Pay bands for everybody")
    liked = await client.post(f"/api/v1/statuses/{made['id']}/favourite", headers=kim)
    assert (liked.json()["favourited"], liked.json()["favourites_count"]) == (True, 1)
    boost = (await client.post(f"/api/v1/statuses/{made['id']}/reblog", headers=kim)).json()
    assert boost["reblog"]["id"] == made["id"]
    assert boost["reblog"]["reblogged"] is True
    assert boost["account"]["acct"] == "kim"
    assert (await client.get(f"/api/v1/statuses/{boost['id']}")).json()["reblog"]["id"] == made["id"]
    back = await client.post(f"/api/v1/statuses/{made['id']}/unreblog", headers=kim)
    assert (back.json()["reblogged"], back.json()["reblogs_count"]) == (False, 0)


async def test_threads_and_deleting(client: httpx.AsyncClient, robin: dict[str, str], kim: dict[str, str]) -> None:
    root = await post(client, robin, "What would you change first?")
    reply = await post(client, kim, "Core hours", in_reply_to_id=root["id"])
    assert reply["in_reply_to_id"] == root["id"]
    assert reply["in_reply_to_account_id"] == root["account"]["id"]
    around = (await client.get(f"/api/v1/statuses/{root['id']}/context")).json()
    assert [status["id"] for status in around["descendants"]] == [reply["id"]]
    refused = await client.delete(f"/api/v1/statuses/{root['id']}", headers=kim)
    assert (refused.status_code, refused.json()) == (404, {"error": "There is no such post."})
    gone = await client.delete(f"/api/v1/statuses/{root['id']}", headers=robin)
    assert gone.json()["text"] == "What would you change first?"
    assert (await client.get(f"/api/v1/statuses/{root['id']}")).json() == {"error": "Record not found"}


async def test_following_shows_in_the_relationship(
    client: httpx.AsyncClient, robin: dict[str, str], kim: dict[str, str]
) -> None:
    kims = (await client.get("/api/v1/accounts/lookup", params={"acct": "kim"})).json()["id"]
    followed = (await client.post(f"/api/v1/accounts/{kims}/follow", headers=robin)).json()
    assert (followed["id"], followed["following"]) == (kims, True)
    listed = await client.get("/api/v1/accounts/relationships", params={"id[]": [kims]}, headers=robin)
    assert listed.json() == [followed]
    await post(client, kim, "seen by robin")
    assert len((await client.get("/api/v1/timelines/home", headers=robin)).json()) == 1
    assert (await client.get(f"/api/v1/accounts/{kims}/followers", headers=robin)).json() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": ""}, 422),
        ({"status": "x" * 5_001}, 422),
        ({"status": "x", "visibility": "everybody"}, 422),
        ({"status": "x", "visibility": "direct"}, 422),
        ({"status": "a\0b"}, 400),
        ({"status": "x", "in_reply_to_id": "1"}, 404),
        ({"status": {"a": 1}}, 422),
    ],
)
async def test_bad_input_is_one_clear_error_and_changes_nothing(
    client: httpx.AsyncClient, robin: dict[str, str], body: dict[str, Any], status: int
) -> None:
    answer = await client.post("/api/v1/statuses", json=body, headers=robin)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert (await client.get("/api/v1/timelines/home", headers=robin)).json() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"status": ' + b"[" * 100_000, b'{"status": "\\ud800"}'])
async def test_what_is_no_json_is_a_bad_request(client: httpx.AsyncClient, robin: dict[str, str], body: bytes) -> None:
    answer = await client.post("/api/v1/statuses", content=body, headers=robin | {"Content-Type": "application/json"})
    assert answer.status_code == 400


async def test_what_is_refused_is_rolled_back(
    live: LoopbackServer, client: httpx.AsyncClient, robin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to a refusal is made after the unit of work has ended, not in it."""
    publish = service.publish

    async def refuse_late(*given: Any, **more: Any) -> Any:
        await publish(*given, **more)
        raise Refused(Refusal("Too late."))

    monkeypatch.setattr(service, "publish", refuse_late)
    answer = await client.post("/api/v1/statuses", json={"status": "half done"}, headers=robin)
    assert (answer.status_code, answer.json()) == (422, {"error": "Too late."})
    assert (await client.get("/api/v1/timelines/home", headers=robin)).json() == []
