"""The worker lets go of what strangers left, when its day has come."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import SQLModel

from federation.context import Context
from federation.remote_store import REVIEW_AFTER
from models import Post, RemoteActor
from server.assembly import assemble
from server.config import Settings
from server.organizing.posts.inbox import handle_create_note
from server.organizing.posts.strangers import KEEP_UNASKED
from server.running import working
from tests.builders import know, make_person, make_remote_actor
from tests.conftest import Clock
from tests.posting import created, note


async def count(context: Context, model: type[SQLModel]) -> int:
    return int((await context.session.execute(select(func.count()).select_from(model))).scalar_one())


async def test_a_running_server_lets_go_of_strangers(tmp_path: Path, clock: Clock) -> None:
    mona = make_remote_actor("mona")
    async with assemble(Settings(data_dir=tmp_path / "data", domain="flex.test"), clock=clock) as assembly:
        async with assembly.database.writing() as context:
            person = await make_person(context)
            await know(context, mona)
            direct = note(mona, to=[context.origin.actor(person.id)], cc=[])
            await handle_create_note(context, created(mona, direct))
        clock.now += KEEP_UNASKED + REVIEW_AFTER + timedelta(days=1)
        async with working(assembly), asyncio.timeout(20):
            left = 1
            while left:
                await asyncio.sleep(0.02)
                async with assembly.database.reading() as context:
                    left = await count(context, Post) + await count(context, RemoteActor)
