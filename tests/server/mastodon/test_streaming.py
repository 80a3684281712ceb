"""Programs are told at once, once, and only what they may see, over WebSockets and events on HTTP, until revoked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from crypto.tokens import token_hash
from models import LocalActor
from server.assembly import assemble
from server.config import Settings
from server.loopback import LoopbackServer
from server.mastodon.streaming import connections
from server.oauth import tokens
from server.organizing.happenings import filters_changed
from server.organizing.people.service import delete_person
from server.organizing.posts import service as posts
from server.organizing.posts.queries import find_post
from tests.builders import make_movement
from tests.server.mastodon.talking import Headers, bearer, done, follow, id_of, post, signed_in
from tests.server.signing_in import person_on, token_for

PATIENCE = 10


class Listener:
    """A program with an open WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def next(self) -> tuple[list[str], str, Any]:
        """The next event: stream, name, and what its payload says."""
        async with asyncio.timeout(PATIENCE):
            told = json.loads(await self.socket.recv())
        payload = told.get("payload")
        assert payload is None or isinstance(payload, str)
        return told["stream"], told["event"], json.loads(payload) if payload is not None else None

    async def say(self, kind: str, stream: str, **about: str) -> None:
        await self.socket.send(json.dumps({"type": kind, "stream": stream, **about}))

    async def error(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            return json.loads(await self.socket.recv())["error"]

    async def is_closed(self) -> int | None:
        """The code with which the server ended it, within a second or two."""
        async with asyncio.timeout(3):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed:
                return self.socket.close_code


@asynccontextmanager
async def listening(live: LoopbackServer, token: str | None, query: str = "", **how: Any) -> AsyncIterator[Listener]:
    headers = bearer(token) if token else {}
    url = f"ws://127.0.0.1:{live.port}/api/v1/streaming{query}"
    async with connect(url, additional_headers=headers, proxy=None, **how) as socket:
        yield Listener(socket)


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> str:
    await person_on(live, "robin")
    return await token_for(client, "robin")


@pytest.fixture
async def kim(live: LoopbackServer, client: httpx.AsyncClient) -> Headers:
    return await signed_in(live, client, "kim")


async def test_one_socket_tells_of_many_streams(
    live: LoopbackServer, client: httpx.AsyncClient, robin: str, kim: Headers
) -> None:
    await follow(client, bearer(robin), "kim")
    async with listening(live, robin, "?stream=user") as program:
        await program.say("subscribe", "public:local")
        await program.say("subscribe", "hashtag", tag="Flex")
        await program.say("subscribe", "direct")
        await program.say("subscribe", "nothing")
        assert await program.error() == "Unknown stream type"
        first = await post(client, kim, "Core hours #flex")
        told = [await program.next() for _ in range(3)]
        assert sorted(stream for stream, _, _ in told) == [["hashtag", "flex"], ["public:local"], ["user"]]
        assert {event for _, event, _ in told} == {"update"}
        assert {payload["id"] for _, _, payload in told} == {first["id"]}
        at_home = next(payload for stream, _, payload in told if stream == ["user"])
        assert at_home == (await client.get(f"/api/v1/statuses/{first['id']}", headers=bearer(robin))).json()

        await program.say("unsubscribe", "public:local")
        await program.say("unsubscribe", "hashtag", tag="flex")
        await program.say("subscribe", "nothing")
        await program.error()
        await post(client, kim, "@robin only for you", visibility="direct")
        two = [await program.next() for _ in range(2)]
        assert sorted((stream[0], event) for stream, event, _ in two) == [
            ("direct", "conversation"),
            ("user", "notification"),
        ]
        assert {payload.get("type", "conversation") for _, _, payload in two} == {"mention", "conversation"}


async def test_a_status_is_told_of_from_boost_to_end(
    live: LoopbackServer, client: httpx.AsyncClient, robin: str, kim: Headers
) -> None:
    await follow(client, bearer(robin), "kim")
    first = await post(client, kim, "Core hours")
    async with listening(live, robin, "?stream=user") as program:
        boost = await done(client, kim, f"/api/v1/statuses/{first['id']}/reblog")
        stream, event, payload = await program.next()
        assert (stream, event, payload["id"], payload["reblog"]["id"]) == (["user"], "update", boost["id"], first["id"])
        await done(client, kim, f"/api/v1/statuses/{first['id']}/unreblog")
        assert await program.next() == (["user"], "delete", int(boost["id"]))
        async with live.assembly.federation.writing() as unit:
            author = await unit.session.get_one(LocalActor, await id_of(client, "kim"))
            row = await find_post(unit, first["uri"], author)
            assert row is not None
            await posts.edit(unit, author=author, post_id=row.id, text="Core hours, changed")
        stream, event, payload = await program.next()
        assert (stream, event) == (["user"], "status.update")
        assert "changed" in payload["content"]
        await client.delete(f"/api/v1/statuses/{first['id']}", headers=kim)
        assert await program.next() == (["user"], "delete", int(first["id"]))
        async with live.assembly.federation.writing() as unit:
            filters_changed(unit, await unit.session.get_one(LocalActor, await id_of(client, "robin")))
        assert await program.next() == (["user"], "filters_changed", None)


async def test_nobody_is_told_what_they_may_not_see(
    live: LoopbackServer, client: httpx.AsyncClient, robin: str, kim: Headers
) -> None:
    async with live.assembly.federation.writing() as unit:
        organizer = await unit.session.get_one(LocalActor, await id_of(client, "kim"))
        made = await make_movement(unit, organizer=organizer)
    as_circle = bearer(await token_for(client, "kim", speaker=made.circle.id))
    member = kim["Authorization"].partition(" ")[2]
    everything = ("public", "public:local", "hashtag", "direct")
    async with listening(live, robin, "?stream=user") as outsider, listening(live, member, "?stream=user") as insider:
        for stream in everything:
            await outsider.say("subscribe", stream, tag="flex")
        await outsider.say("subscribe", "nothing")
        await outsider.error()
        inside = await post(client, as_circle, "Thursday #flex", visibility="private")
        closed = await post(client, kim, "for my followers #flex", visibility="private")
        quiet = await post(client, kim, "unlisted #flex", visibility="unlisted")
        assert [(await insider.next())[2]["id"] for _ in range(3)] == [inside["id"], closed["id"], quiet["id"]]
        await client.delete(f"/api/v1/statuses/{inside['id']}", headers=as_circle)
        assert (await insider.next())[1:] == ("delete", int(inside["id"]))
        await client.delete(f"/api/v1/statuses/{closed['id']}", headers=kim)
        assert (await insider.next())[1:] == ("delete", int(closed["id"]))
        last = await post(client, kim, "for all to see", visibility="public")
        assert [(await outsider.next())[2]["id"] for _ in range(2)] == [last["id"]] * 2, "nothing else came before"


async def test_tokens_come_three_ways_and_count_for_their_scopes(
    live: LoopbackServer, client: httpx.AsyncClient, robin: str
) -> None:
    async with listening(live, None, "?stream=user", subprotocols=[robin]) as program:
        assert program.socket.subprotocol == robin
    async with listening(live, None, f"?stream=user&access_token={robin}"):
        pass
    narrow = await token_for(client, "robin", scope="read:statuses write:statuses")
    wrong = [
        (None, "?stream=user", 401),
        ("nobody's", "?stream=user", 401),
        (narrow, "?stream=user:notification", 403),
        (robin, "?stream=everything", 422),
        (robin, "?stream=hashtag", 422),
        (robin, "?stream=list&list=1", 404),
    ]
    for token, query, status in wrong:
        with pytest.raises(InvalidStatus) as refused:
            async with listening(live, token, query):
                pass
        assert refused.value.response.status_code == status
        assert list(json.loads(refused.value.response.body or b"")) == ["error"]
    async with listening(live, narrow, "?stream=user") as program, listening(live, robin, "?stream=user") as wide:
        lee = await signed_in(live, client, "lee")
        await post(client, lee, "@robin hello")
        assert (await wide.next())[1] == "notification"
        await post(client, bearer(narrow), "mine")
        assert (await program.next())[1] == "update", "no notification came before, its scope does not cover it"


async def test_whoever_is_revoked_or_gone_hears_nothing_more(
    live: LoopbackServer, client: httpx.AsyncClient, robin: str, kim: Headers
) -> None:
    await follow(client, kim, "robin")
    other = await token_for(client, "kim")
    kims = kim["Authorization"].partition(" ")[2]
    async with listening(live, kims, "?stream=user") as first, listening(live, other, "?stream=user") as second:
        async with live.assembly.federation.writing() as unit:
            await tokens.revoke_hash(unit, token_hash(kims))
        assert await first.is_closed() == 1008
        await post(client, bearer(robin), "still there?")
        assert (await second.next())[1] == "update"
        async with live.assembly.federation.writing() as unit:
            await delete_person(unit, person=await unit.session.get_one(LocalActor, await id_of(client, "kim")))
        assert await second.is_closed() == 1008


async def test_another_process_revokes_and_posts(
    live: LoopbackServer, client: httpx.AsyncClient, robin: str, kim: Headers, database_kind: str
) -> None:
    settings = live.assembly.settings
    await follow(client, bearer(robin), "kim")
    async with listening(live, robin, "?stream=user") as program:
        await program.say("subscribe", "nothing")
        await program.error()
        async with assemble(Settings(**settings.model_dump(exclude_unset=True))) as beside:
            if database_kind == "postgres":  # on SQLite it is not heard, and found when the program looks
                async with beside.federation.writing() as unit:
                    author = await unit.session.get_one(LocalActor, await id_of(client, "kim"))
                    await posts.publish(unit, author=author, text="From elsewhere", audience="public")
                assert (await program.next())[1] == "update"
            async with beside.federation.writing() as unit:
                await tokens.revoke_hash(unit, token_hash(robin))
        assert await program.is_closed() == 1008


async def test_there_are_only_so_many_and_the_slow_are_let_go(
    live: LoopbackServer, client: httpx.AsyncClient, robin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_OF_TOKEN", 1)
    monkeypatch.setattr(connections, "MOST_WAITING", 1)
    async with listening(live, robin, "?stream=user") as program:
        with pytest.raises(InvalidStatus) as refused:
            async with listening(live, robin, "?stream=user"):
                pass
        assert refused.value.response.status_code == 429
        assert (await client.get("/api/v1/streaming/user", headers=bearer(robin))).status_code == 429
        await program.say("subscribe", "public")
        await program.say("subscribe", "public:local")
        await program.say("subscribe", "nothing")
        await program.error()
        await post(client, bearer(robin), "three streams at once, and room for one")
        assert await program.is_closed() == 1008
    async with listening(live, robin, "?stream=user"):
        pass


async def test_a_stream_of_events_over_http(client: httpx.AsyncClient, robin: str) -> None:
    assert (await client.get("/api/v1/streaming/health")).text == "OK"
    assert (await client.get("/api/v1/streaming/user")).status_code == 401
    assert (await client.get("/api/v1/streaming/hashtag", headers=bearer(robin))).status_code == 422
    path = f"/api/v1/streaming/hashtag/local?tag=flex&access_token={robin}"
    async with asyncio.timeout(PATIENCE), client.stream("GET", path) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": thump"
        said = await post(client, bearer(robin), "Shorter #Flex meetings")
        found = [line async for line in _until_data(lines)]
    assert found[-2] == "event: update"
    assert json.loads(found[-1].removeprefix("data: "))["id"] == said["id"]


async def _until_data(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith("data: "):
            return
