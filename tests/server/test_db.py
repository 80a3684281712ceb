"""What the database keeps, or tells in its errors, beyond its tables."""

import logging
import socket
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from federation.context import Context
from models import LocalActor, Post
from server.assembly import assemble
from server.config import Settings
from server.db import Database, create_engine
from server.loopback import loopback_server
from server.organizing.following import service as following
from server.organizing.membership import service as membership
from server.organizing.people import service as people
from server.organizing.posts import service as posts
from tests.builders import know, make_movement, make_person, make_remote_actor
from tests.faults.mounts import read_only, small_disk
from tests.faults.relay import relaying
from tests.posting import let_follow, let_join
from tests.server.configured import configured

MARKER = "Thursdaymarker"

WRONG = {
    "taken": "INSERT INTO server_settings (name, value) VALUES (:marker, 'x'), (:marker, 'x')",
    "missing": "INSERT INTO server_settings (name, value) VALUES (:marker, NULL)",
    "no such column": "INSERT INTO server_settings (name, word) VALUES (:marker, 'x')",
    "no number": "INSERT INTO server_settings (name, value) VALUES (CAST(:marker AS integer), NULL)",
    "no number there": "INSERT INTO server_settings (name, value) VALUES (CAST(:marker || '' AS integer), NULL)",
}


@pytest.mark.parametrize("kind", WRONG)
async def test_errors_tell_no_values(database: Database, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with configured(Settings()):
        logging.getLogger().addHandler(caplog.handler)
        caplog.set_level(logging.DEBUG)
        with pytest.raises(DBAPIError) as caught:
            async with database.writing() as context:
                await context.session.execute(text(WRONG[kind]), {"marker": MARKER})
        logging.getLogger("server").exception("a deed failed", exc_info=caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert "INSERT INTO server_settings" in shown
    assert MARKER not in shown
    assert "a deed failed" in caplog.text
    assert MARKER not in caplog.text


@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_a_connection_that_nobody_confirms_is_given_up(database_url: str) -> None:
    """Over a network PostgreSQL may be gone without a word; the system is asked to find out."""
    async with relaying(database_url) as relay:
        engine = create_engine(relay.url)
        async with engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            place = driver._transport.get_extra_info("socket")
            assert place.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert place.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        await engine.dispose()


async def test_what_was_opened_while_nothing_could_be_written_is_not_used_again(tmp_path: Path) -> None:
    write = text("INSERT INTO words VALUES ('x')")
    with small_disk(tmp_path / "data", mebibytes=4):
        engine = create_engine(f"sqlite+aiosqlite:///{tmp_path}/data/x.sqlite3")
        async with engine.begin() as first:
            await first.execute(text("CREATE TABLE words (word TEXT)"))
        async with engine.connect():
            with read_only(tmp_path / "data"), pytest.raises(DBAPIError):
                async with engine.begin() as second:
                    await second.execute(write)
            async with engine.begin() as third:
                await third.execute(write)
        await engine.dispose()


async def test_a_reader_hinders_the_emptying_of_the_log(database: Database) -> None:
    async with database.reading() as reader:
        await reader.session.execute(text("SELECT count(*) FROM posts"))
        async with database.writing() as context:
            await make_person(context)
        assert await database.truncate_log() is not database.is_sqlite
        async with database.writing() as context:
            await make_person(context, "kim")
    assert await database.truncate_log()
    async with database.writing() as context:
        await make_person(context, "sam")


async def _delete_post(context: Context, robin: LocalActor) -> None:
    post = await posts.publish(context, author=robin, text=MARKER, audience="public")
    await posts.delete(context, author=robin, post_id=post.id)


async def _delete_person(context: Context, robin: LocalActor) -> None:
    await people.delete_person(context, person=robin)


async def _end_membership(context: Context, robin: LocalActor) -> None:
    kim = await make_person(context, "kim")
    circle = (await make_movement(context, "flex", organizer=robin)).circle
    await let_join(context, kim, circle)
    await membership.remove(context, circle=circle, member=context.origin.actor(kim.id), by=robin)


async def _end_follow(context: Context, robin: LocalActor) -> None:
    fan = await know(context, make_remote_actor("fan"))
    await let_follow(context, fan, robin)
    await following.remove_follower(context, owner=robin, follower=fan.id)


@pytest.mark.parametrize("deed", [_delete_post, _delete_person, _end_membership, _end_follow])
async def test_deeds_after_which_the_log_is_emptied(
    database: Database, deed: Callable[[Context, LocalActor], Awaitable[None]]
) -> None:
    async with database.writing() as context:
        robin = await make_person(context)
        assert "log" not in context.wakes
        await deed(context, robin)
        assert "log" in context.wakes


@pytest.mark.parametrize("by", ["the server", "another process"])
async def test_what_was_deleted_is_in_no_file(tmp_path: Path, by: str) -> None:
    """The server is running, so that its files are as whoever takes the disk would find them."""
    async with loopback_server("us", tmp_path / "data") as server:
        async with server.assembly.federation.writing() as context:
            robin = await make_person(context)
            circle = (await make_movement(context, "flex", organizer=robin)).circle
            public = await posts.publish(context, author=robin, text=MARKER, audience="public")
            secret = await posts.publish(context, author=circle, text=MARKER * 10, audience="circle")
        async with server.assembly.federation.reading() as context:
            sealed = (await context.session.get_one(Post, secret.id)).sealed_document
        assert sealed is not None
        markers = (MARKER.encode(), sealed[-100:])

        def found() -> bool:
            files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
            return any(marker in file for marker in markers for file in files)

        async def gone(_: Context) -> bool:
            return not found()

        assert found()
        deeds = [(robin, public.id), (circle, secret.id)]
        if by == "the server":
            await _delete(server.assembly.database, deeds)
        else:
            async with assemble(server.assembly.settings, create=False) as beside:
                await _delete(beside.database, deeds)
        await server.until(gone)


async def _delete(database: Database, deeds: list[tuple[LocalActor, str]]) -> None:
    async with database.writing() as context:
        for author, post_id in deeds:
            await posts.delete(context, author=author, post_id=post_id)
