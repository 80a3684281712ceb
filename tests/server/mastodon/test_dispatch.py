"""What it costs to tell many: as many questions to the database for thirty listeners as for one."""

from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import event

from models import LocalActor
from server.db import Database
from server.mastodon.streaming.connections import Connection, Connections, Full
from server.mastodon.streaming.dispatch import Dispatch
from server.mastodon.streaming.streams import Stream
from server.oauth.tokens import Caller
from server.organizing.happenings import Happening
from server.organizing.posts import service as posts
from tests.builders import make_person
from tests.posting import let_follow


def listen(stack: ExitStack, connections: Connections, me: LocalActor, number: int, stream: str) -> Connection:
    caller = Caller(token=number.to_bytes(32), app="", scopes=("read",), person=me, speaker=me)
    connection = stack.enter_context(connections.opened(caller, me))
    connection.streams.add(Stream(stream))
    return connection


@pytest.mark.parametrize("stream", ["public", "user"])
async def test_many_connections_cost_no_more_questions_than_one(database: Database, stream: str) -> None:
    async with database.writing() as unit:
        author, follower, *others = [await make_person(unit, f"p{number}") for number in range(6)]
        await let_follow(unit, follower, author)
        await posts.publish(unit, author=author, text="To all", audience="public")
        what = next(found for text in unit.happenings if (found := Happening.parse(text)) is not None)
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    costs = []
    for count in (1, 30):
        connections = Connections()
        with ExitStack() as stack:
            reached = [listen(stack, connections, follower, number, stream) for number in range(count)]
            strangers = [listen(stack, connections, each, 100 + n, stream) for n, each in enumerate(others)]
            asked.clear()
            async with database.reading() as unit:
                await Dispatch(unit, connections).tell(what)
            costs.append(len([each for each in asked if each.lstrip().upper().startswith("SELECT")]))
            for connection in reached:
                message = await connection.next()
                assert message is not None
                assert (message.stream.name, message.event) == (stream, "update")
                assert connection._waiting.empty(), "once"
            assert all(each._waiting.empty() is (stream == "user") for each in strangers)
    assert costs[0] == costs[1] > 0


async def test_there_is_room_for_only_so_many(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with database.writing() as unit:
        me = await make_person(unit, "robin")
    monkeypatch.setattr("server.mastodon.streaming.connections.MOST", 2)
    connections = Connections()
    with ExitStack() as stack:
        for number in range(2):
            listen(stack, connections, me, number, "user")
        with pytest.raises(Full):
            listen(stack, connections, me, 3, "user")
    assert len(connections) == 0
    with ExitStack() as stack:
        listen(stack, connections, me, 3, "user")
