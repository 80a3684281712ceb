"""Polls and scheduled statuses as clients make them, over a real server with its worker."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from federation.context import Context
from models import LocalActor, Poll, Post, ScheduledPost, Vote
from server.loopback import LoopbackServer
from server.organizing.posts import records
from tests.server.mastodon.test_basics import bearer, kim, post, robin
from tests.server.mastodon.test_statuses import Who, ask, at_rest, circle_with, count, refuses
from tests.server.signing_in import person_on, token_for

__all__ = ["kim", "robin"]

POLL = {"options": ["Monday", "Friday", "never"], "expires_in": 3_600}


async def polled(client: httpx.AsyncClient, who: Who, **more: Any) -> Any:
    return await post(client, who, "When?", poll=POLL | more)


async def end(server: LoopbackServer, status: dict[str, Any]) -> None:
    """What would be an hour later."""
    async with server.assembly.federation.writing() as context:
        row = (await context.session.execute(select(Post).where(col(Post.number) == int(status["id"])))).scalar_one()
        stored = await records.opened_one(context, row)
        assert stored.content.poll is not None
        past = context.now.replace(microsecond=0) - timedelta(seconds=1)
        over = stored.content.but(poll=type(stored.content.poll)(options=stored.content.poll.options, ends=past))
        await records.replace_content(context, stored, over)
        await context.session.execute(update(Poll).values(ends_at=past))


async def test_a_poll_is_asked_answered_once_and_ends(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Who, kim: Who
) -> None:
    made = await polled(client, robin)
    poll = made["poll"]
    assert poll == {
        "id": made["id"],
        "expires_at": poll["expires_at"],
        "expired": False,
        "multiple": False,
        "votes_count": 0,
        "voters_count": 0,
        "voted": True,
        "own_votes": [],
        "options": [{"title": option, "votes_count": 0} for option in POLL["options"]],  # type: ignore[attr-defined]
        "emojis": [],
    }
    votes = f"polls/{made['id']}/votes"
    for choices in ([], [3], [-1], [0, 1], [0, 0], ["x"]):
        await refuses(client, kim, "POST", votes, json={"choices": choices})
    assert "your own polls" in await refuses(client, robin, "POST", votes, json={"choices": [0]})
    voted = await ask(client, kim, "POST", votes, data={"choices[]": "1"})
    assert (voted["voted"], voted["own_votes"], voted["votes_count"], voted["voters_count"]) == (True, [1], 1, 1)
    again = await refuses(client, kim, "POST", votes, json={"choices": [0]})
    assert again == "Validation failed: You have already voted on this poll"
    seen = (await client.get(f"/api/v1/polls/{made['id']}")).json()
    assert (seen["voted"], seen["own_votes"], seen["options"][1]["votes_count"]) == (False, [], 1)
    assert (await ask(client, kim, "GET", f"statuses/{made['id']}"))["poll"] == voted


async def test_a_vote_is_sealed_and_a_poll_ends_and_goes(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Who, kim: Who
) -> None:
    made = await polled(client, robin)
    votes = f"polls/{made['id']}/votes"
    once = [client.post(f"/api/v1/{votes}", json={"choices": [1]}, headers=kim) for _ in range(4)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*once)) == [200, 422, 422, 422]
    assert (await ask(client, robin, "GET", f"polls/{made['id']}"))["votes_count"] == 1
    rows = await at_rest(live, "votes")
    async with live.assembly.federation.reading() as context:
        people = (await context.session.execute(select(col(LocalActor.id)))).scalars().all()
    assert len(rows) == 1
    assert not [row for row in rows if any(person in row for person in people) or "Friday" in row]
    await end(live, made)
    assert "already ended" in await refuses(client, kim, "POST", votes, json={"choices": [0]})
    assert (await ask(client, kim, "GET", f"polls/{made['id']}"))["expired"] is True

    async def is_closed(context: Context) -> bool:
        return bool((await context.session.execute(select(col(Poll.closed_at)))).scalar_one())

    assert await live.until(is_closed), "the worker notices it by itself"
    for told in (robin, kim):
        heard = await ask(client, told, "GET", "notifications", params={"types[]": ["poll"]})
        assert [(item["status"]["id"], item["account"]["acct"]) for item in heard] == [(made["id"], "robin")]
    await ask(client, robin, "DELETE", f"statuses/{made['id']}")
    assert (await count(live, Poll), await count(live, Vote)) == (0, 0)
    await ask(client, kim, "GET", f"polls/{made['id']}", status=404)


async def test_several_choices_hidden_totals_and_circles(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    organizer, member = await person_on(live), await person_on(live, "kim")
    made = await circle_with(live, organizer, member)
    as_circle = bearer(await token_for(client, "robin", speaker=made.circle.id))
    as_kim = bearer(await token_for(client, "kim"))
    asked = await polled(client, as_circle, multiple=True, hide_totals=True)
    assert asked["visibility"] == "private"
    voted = await ask(client, as_kim, "POST", f"polls/{asked['id']}/votes", json={"choices": ["2", "0"]})
    assert (voted["multiple"], voted["own_votes"], voted["voters_count"]) == (True, [0, 2], 1)
    assert [option["votes_count"] for option in voted["options"]] == [None, None, None]
    await end(live, asked)
    over = await ask(client, as_circle, "GET", f"polls/{asked['id']}")
    assert [option["votes_count"] for option in over["options"]] == [1, 0, 1]
    assert (await client.get(f"/api/v1/polls/{asked['id']}")).status_code == 404
    kims = await polled(client, as_kim)
    refused = await refuses(client, as_circle, "POST", f"polls/{kims['id']}/votes", json={"choices": [0]})
    assert refused == "A circle does not vote."


@pytest.mark.parametrize(
    "poll",
    [
        {"options": [], "expires_in": 3_600},
        {"options": ["one"], "expires_in": 3_600},
        {"options": ["same", " same "], "expires_in": 3_600},
        {"options": ["one", ""], "expires_in": 3_600},
        {"options": ["one", "x" * 51], "expires_in": 3_600},
        {"options": list("123456789"), "expires_in": 3_600},
        {"options": ["one", "two"], "expires_in": 299},
        {"options": ["one", "two"], "expires_in": 10**30},
        {"options": ["one", "two"], "expires_in": "soon"},
        {"options": ["one", "two"]},
        {"expires_in": 3_600},
        "one",
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_what_is_no_poll_is_refused(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Who, poll: object
) -> None:
    await refuses(client, robin, "POST", "statuses", json={"status": "When?", "poll": poll})
    assert await count(live, Post) == 0


async def test_a_poll_stays_when_its_status_is_edited(client: httpx.AsyncClient, robin: Who, kim: Who) -> None:
    made = await polled(client, robin)
    await ask(client, kim, "POST", f"polls/{made['id']}/votes", json={"choices": [0]})
    path = f"statuses/{made['id']}"
    edited = await ask(client, robin, "PUT", path, json={"status": "When, then?", "poll": POLL})
    assert [option["votes_count"] for option in edited["poll"]["options"]] == [1, 0, 0]
    other = {"status": "x", "poll": {"options": ["a", "b"], "expires_in": 3_600}}
    assert await refuses(client, robin, "PUT", path, json=other) == "Validation failed: A poll cannot be changed"
    history = await ask(client, robin, "GET", f"{path}/history")
    assert [version["poll"]["options"][0] for version in history] == [{"title": "Monday"}] * 2


def moment(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


async def test_a_status_is_scheduled_moved_called_off_and_posted_in_time(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Who, kim: Who
) -> None:
    wished = {"visibility": "unlisted", "spoiler_text": "Later", "scheduled_at": moment(days=1), "language": "en"}
    keyed = robin | {"Idempotency-Key": "k"}
    first = await post(client, keyed, "Tomorrow, @kim", poll=POLL, **wished)
    assert (await post(client, keyed, "Tomorrow, @kim", poll=POLL, **wished)) == first
    assert first["scheduled_at"].endswith("Z")
    params = first["params"]
    assert (params["text"], params["visibility"], params["spoiler_text"]) == ("Tomorrow, @kim", "unlisted", "Later")
    assert params["poll"] == POLL | {"multiple": False, "hide_totals": False}
    second = await post(client, robin, "The day after", scheduled_at=moment(days=2))
    listed = await client.get("/api/v1/scheduled_statuses", params={"limit": 1}, headers=robin)
    assert [status["id"] for status in listed.json()] == [second["id"]]
    older = httpx.URL(listed.links["next"]["url"]).params
    assert await ask(client, robin, "GET", "scheduled_statuses", params=older) == [first]
    one = f"scheduled_statuses/{first['id']}"
    assert await ask(client, robin, "GET", one) == first
    for method in ("GET", "PUT", "DELETE"):
        await ask(client, kim, method, one, status=404, params={"scheduled_at": moment(days=3)})
    assert await ask(client, kim, "GET", "scheduled_statuses") == []
    moved = await ask(client, robin, "PUT", one, json={"scheduled_at": moment(days=3)})
    assert moved["scheduled_at"] > first["scheduled_at"]
    assert moved["params"] == params
    assert not [row for row in await at_rest(live, "scheduled_posts") if "Tomorrow" in row or "unlisted" in row]
    assert await ask(client, robin, "DELETE", f"scheduled_statuses/{second['id']}") == {}
    assert await count(live, Post) == 0
    async with live.assembly.federation.writing() as context:
        await context.session.execute(update(ScheduledPost).values(due_at=context.now))

    async def posted(context: Context) -> Post | None:
        return (await context.session.execute(select(Post))).scalar_one_or_none()

    made = await live.until(posted)
    status = await ask(client, kim, "GET", f"statuses/{made.number}")
    assert (status["spoiler_text"], status["visibility"], status["language"]) == ("Later", "unlisted", "en")
    assert [mention["acct"] for mention in status["mentions"]] == ["kim"]
    assert status["poll"]["expired"] is False
    assert await ask(client, robin, "GET", "scheduled_statuses") == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"scheduled_at": "soon"}, "Record invalid"),
        ({"scheduled_at": "2026-13-01"}, "Record invalid"),
        (
            {"scheduled_at": moment(minutes=4)},
            "Validation failed: Scheduled at The scheduled date must be in the future",
        ),
        ({"scheduled_at": moment(days=-1)}, "Validation failed: Scheduled at The scheduled date must be in the future"),
        ({"scheduled_at": moment(days=1), "status": ""}, "A post needs some text."),
        ({"scheduled_at": moment(days=1), "visibility": "direct"}, "A direct message needs somebody to go to."),
        (
            {"scheduled_at": moment(days=1), "media_ids": ["1"]},
            "A picture is not there, or hangs on another post already.",
        ),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_what_cannot_be_scheduled_is_refused(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Who, body: dict[str, Any], error: str
) -> None:
    assert await refuses(client, robin, "POST", "statuses", json={"status": "x"} | body) == error
    assert (await count(live, Post), await count(live, ScheduledPost)) == (0, 0)
