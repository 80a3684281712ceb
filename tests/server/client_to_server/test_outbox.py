"""ActivityPub client to server over a real server: what the owner posts to the outbox is done by the same services."""

from typing import Any

import httpx
import pytest

from federation.vocabulary.activities import PUBLIC
from models import LocalActor
from server.client_to_server.acts import ACTS
from server.loopback import LoopbackServer
from tests.server.signing_in import person_on, token_for


class Owner:
    """An actor here, by whose token its outbox is posted to."""

    def __init__(self, client: httpx.AsyncClient, actor: str, path: str, token: str) -> None:
        self.client, self.actor, self.path = client, actor, path
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/activity+json"}

    async def post(self, document: Any, *, expect: int = 201) -> httpx.Response:
        answer = await self.client.post(f"{self.path}/outbox", json=document, headers=self.headers)
        assert answer.status_code == expect, answer.text
        return answer

    async def inbox(self) -> list[dict[str, Any]]:
        page = await self.client.get(f"{self.path}/inbox", params={"cursor": "start"}, headers=self.headers)
        items: list[dict[str, Any]] = page.json()["orderedItems"]
        return items


async def owner(live: LoopbackServer, client: httpx.AsyncClient, handle: str) -> Owner:
    person = await person_on(live, handle)
    actor = live.assembly.federation.origin.actor(person.id)
    return Owner(client, actor, actor.partition(live.domain)[2], await token_for(client, handle))


async def test_a_story_told_in_activities(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = await owner(live, client, "robin"), await owner(live, client, "kim")
    followed = await kim.post({"type": "Follow", "actor": kim.actor, "object": robin.actor})
    note = {"type": "Note", "content": "<p>Shorter <b>meetings</b></p>", "to": [PUBLIC], "summary": "Work"}
    made = await robin.post(note)
    created = (await client.get(made.headers["location"].partition(live.domain)[2])).json()
    assert created["object"]["content"] == "<p>Shorter meetings</p>"
    assert created["object"]["summary"] == "Work"
    uri = created["object"]["id"]
    assert [(item["type"], item["object"]["id"]) for item in await kim.inbox()] == [("Create", uri)]
    await kim.post({"type": "Like", "object": uri})
    boost = await kim.post({"type": "Announce", "object": uri})
    assert [item["type"] for item in await kim.inbox()] == ["Announce"]
    await kim.post({"type": "Undo", "object": boost.headers["location"]})
    reply = {"type": "Note", "source": {"content": "By *half*"}, "inReplyTo": uri, "to": [PUBLIC], "cc": [robin.actor]}
    await kim.post({"type": "Create", "object": reply})
    await robin.post({"type": "Update", "object": {"id": uri, "type": "Note", "content": "Shorter by half"}})
    assert (await client.get(uri.partition(live.domain)[2])).json()["content"] == "<p>Shorter by half</p>"
    await kim.post({"type": "Undo", "object": followed.headers["location"]})
    assert [item["object"].get("inReplyTo") for item in await kim.inbox()] == [uri]
    await robin.post({"type": "Delete", "object": uri})
    assert (await client.get(uri.partition(live.domain)[2])).status_code == 410


async def test_requests_are_answered(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = await owner(live, client, "robin"), await owner(live, client, "kim")
    async with live.assembly.federation.writing() as context:
        person = await context.session.get_one(LocalActor, robin.path.rpartition("/")[2])
        person.locked = True
        context.session.add(person)
    asked = await kim.post({"type": "Follow", "object": robin.actor})
    follow = asked.headers["location"]
    await kim.post({"type": "Accept", "object": follow}, expect=404)
    await robin.post({"type": "Accept", "object": {"id": follow, "type": "Follow", "actor": kim.actor}})
    await robin.post({"type": "Note", "content": "for followers", "to": [f"{robin.actor}/followers"]})
    assert len(await kim.inbox()) == 1
    await robin.post({"type": "Reject", "object": follow}, expect=404)


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ([], 400),
        ({}, 422),
        ({"type": "Explode"}, 422),
        ({"type": "Create", "object": "https://far.example/1"}, 422),
        ({"type": "Create", "object": {"type": "Person"}}, 422),
        ({"type": "Note", "to": [PUBLIC]}, 400),
        ({"type": "Note", "content": "x", "to": ["https://far.example/nobody"]}, 422),
        ({"type": "Note", "content": "x", "to": [PUBLIC], "bcc": ["https://far.example/a"]}, 422),
        ({"type": "Note", "content": "x", "to": []}, 422),
        ({"type": "Delete", "object": "https://far.example/1"}, 404),
        ({"type": "Like"}, 422),
        ({"type": "Undo", "object": "https://far.example/1"}, 404),
        ({"type": "Follow", "object": "https://far.example/nobody"}, 404),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_what_cannot_be_done_is_said_and_changes_nothing(
    live: LoopbackServer, client: httpx.AsyncClient, document: Any, status: int
) -> None:
    robin = await owner(live, client, "robin")
    answer = await robin.post(document, expect=status)
    assert answer.json().keys() == {"error"}
    assert await robin.inbox() == []


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_nobody_posts_or_reads_for_another(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin, kim = await owner(live, client, "robin"), await owner(live, client, "kim")
    note = {"type": "Note", "content": "x", "to": [PUBLIC]}
    theirs = await client.post(f"{robin.path}/outbox", json=note, headers=kim.headers)
    assert theirs.status_code == 404
    assert (await client.get(f"{robin.path}/inbox", headers=kim.headers)).status_code == 404
    await kim.post({"type": "Create", "actor": robin.actor, "object": note}, expect=403)
    made = await robin.post(note)
    uri = (await client.get(made.headers["location"].partition(live.domain)[2])).json()["object"]["id"]
    await kim.post({"type": "Delete", "object": uri}, expect=404)
    await kim.post({"type": "Update", "object": {"id": uri, "type": "Note", "content": "y"}}, expect=404)
    liked = await robin.post({"type": "Like", "object": uri})
    await kim.post({"type": "Undo", "object": liked.headers["location"]})
    status = (await client.get("/api/v1/timelines/public", headers=robin.headers)).json()[0]
    assert status["favourites_count"] == 1
    assert (await client.post(f"{robin.path}/outbox", json=note)).status_code == 401


def test_the_table_is_what_the_documentation_says() -> None:
    assert {"Create", "Update", "Delete", "Follow", "Accept", "Reject", "Like", "Announce", "Undo"} <= set(ACTS)
