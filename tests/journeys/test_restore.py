"""A server is lost and comes back on another machine: those who followed it hear the next post. On both databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import select

from crypto import age
from federation.context import Context
from models import Post
from server.backups.creating import create
from server.backups.opening import open_into
from server.backups.restoring import restore
from server.config import Settings
from server.loopback import LoopbackServer, loopback_server
from server.organizing.following import service as following
from server.organizing.membership import queries as membership
from server.organizing.posts import service as posts
from server.organizing.posts.records import opened
from tests.builders import make_movement, make_person
from tests.conftest import Clock
from tests.journeys.stage import Stage

Urls = tuple[str | None, str | None]

CIRCLE_WORDS, SUPPORTER_WORDS = "circlemarker at noon", "supportermarker tomorrow"


@asynccontextmanager
async def lasting_stage(folder: Path, home: LoopbackServer, away: LoopbackServer) -> AsyncIterator[Stage]:
    """A movement with its circle at home, and Kim away, who follows the one and belongs to the other."""
    async with home.assembly.federation.writing() as unit:
        robin = await make_person(unit, "robin")
        flex = await make_movement(unit, organizer=robin)
        group, circle = flex.actor, flex.circle
    async with away.assembly.federation.writing() as unit:
        kim = await make_person(unit, "kimmarker")
    scene = Stage(home, away, robin, group, circle, kim)
    await scene.ask_to_follow(group)
    await scene.until_related(group, "accepted")
    await scene.ask_to_follow(circle)

    async def asked(unit: Context) -> bool:
        return bool(await membership.requests_of(unit, circle))

    await home.until(asked)
    async with home.assembly.federation.writing() as unit:
        await following.accept_request(unit, owner=circle, requester=scene.kim_uri)
    await scene.until_related(circle, "accepted")
    await scene.publish(circle, CIRCLE_WORDS, "circle")
    await scene.publish(group, SUPPORTER_WORDS, "supporters")
    await scene.until_kim_reads(CIRCLE_WORDS)
    await scene.until_kim_reads(SUPPORTER_WORDS)
    yield scene


def with_backups(settings: Settings, folder: Path) -> tuple[Settings, str]:
    """Settings of a server that keeps backups, and the identity that opens them."""
    identity, recipient = age.new_identity()
    return settings.model_copy(update={"backup_dir": folder, "backup_recipients": (recipient,)}), identity


async def emptied(url: str | None) -> None:
    """What a new machine's PostgreSQL is."""
    if url is not None:
        connection = await asyncpg.connect(url)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()


async def write_on(scene: Stage, enough: asyncio.Event) -> int:
    """Posts until told that it is enough; how many."""
    count = 0
    while not enough.is_set():
        await scene.publish(scene.movement, f"Note number {count}.", "public")
        count += 1
    return count


async def numbers_of(server: LoopbackServer) -> list[int]:
    """The numbers of the notes that a server still has."""
    async with server.assembly.federation.reading() as unit:
        rows = (await unit.session.execute(select(Post))).scalars().all()
        texts = [post.content.html for post in await opened(unit, rows)]
    return sorted(int(text.split("Note number ")[1].split(".")[0]) for text in texts if "Note number" in text)


async def test_followers_hear_the_next_post_of_a_server_that_was_lost(
    tmp_path: Path, server_database_urls: Urls, clock: Clock
) -> None:
    home_url, away_url = server_database_urls
    async with loopback_server("heron", tmp_path / "away", database_url=away_url) as away:
        async with (
            loopback_server("kestrel", tmp_path / "home", database_url=home_url) as home,
            lasting_stage(tmp_path, home, away) as scene,
        ):
            settings, identity = with_backups(home.assembly.settings, tmp_path / "backups")
            enough = asyncio.Event()
            writing = asyncio.create_task(write_on(scene, enough))
            made = await asyncio.to_thread(lambda: asyncio.run(create(settings, now=clock.now, with_root_key=True)))
            enough.set()
            written = await writing
            port = home.port
        shutil.rmtree(tmp_path / "home")
        (tmp_path / "home.key").unlink()
        await emptied(home_url)

        place = settings.model_copy(update={"data_dir": tmp_path / "other machine" / "home"})
        await asyncio.to_thread(lambda: asyncio.run(restore(made.path, identity, place)))
        async with loopback_server("kestrel", place.data_dir, database_url=home_url, port=port) as home:
            kept = await numbers_of(home)
            assert kept == list(range(len(kept)))
            assert len(kept) <= written
            scene = Stage(home, away, scene.robin, scene.movement, scene.circle, scene.kim)
            await scene.publish(scene.movement, "We are back.", "supporters")
            await scene.publish(scene.circle, "All of us.", "circle")
            await scene.until_kim_reads("We are back.")
            await scene.until_kim_reads("All of us.")
            async with away.assembly.federation.writing() as unit:
                await posts.publish(unit, author=scene.kim, text="Good.", audience="public")


async def test_a_copied_data_directory_without_the_root_key_shows_nothing_sealed(
    tmp_path: Path, server_database_urls: Urls, clock: Clock
) -> None:
    home_url, away_url = server_database_urls
    async with (
        loopback_server("heron", tmp_path / "away", database_url=away_url) as away,
        loopback_server("kestrel", tmp_path / "home", database_url=home_url) as home,
        lasting_stage(tmp_path, home, away),
    ):
        settings, identity = with_backups(home.assembly.settings, tmp_path / "backups")
        shutil.copytree(tmp_path / "home", tmp_path / "copy" / "data")
        made = await asyncio.to_thread(lambda: asyncio.run(create(settings, now=clock.now)))
        (tmp_path / "copy" / "backup").mkdir()
        copy = open_into(made.path, identity, tmp_path / "copy" / "backup")
    shutil.copy(made.path, tmp_path / "copy")
    secret = bytes.fromhex((tmp_path / "home.key").read_text().splitlines()[1])
    copied = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert b"flex" in copy.database.read_bytes()
    for marker in (b"kimmarker", b"circlemarker", b"supportermarker", secret, secret.hex().encode()):
        assert [path.name for path in copied if marker in path.read_bytes()] == []
