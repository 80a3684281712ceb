"""`kill -9` while things fall due and clients repeat themselves: each is said once, and each poll told once."""

import asyncio
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from federation.vocabulary.html import plain_text
from models import Post
from server.oauth import apps, tokens
from server.oauth.grants import Grant
from server.organizing.posts import records, scheduled
from server.organizing.posts.scheduled import Draft
from tests.faults.site import Roles, Site, site

MANY = 40
"""Things that fall due, and requests that are repeated."""

pytestmark = pytest.mark.timeout(180)


async def let_in(made: Site) -> str:
    """A token of the author's."""
    async with made.open.database.writing() as context:
        program = await apps.register(context, name="Tester", redirect_uris=[apps.OUT_OF_BAND], scopes=None)
        grant = Grant(app=program.app.id, scopes=("write",), person=made.author.id, speaker=made.author.id)
        return await tokens.issue(context, grant)


async def schedule(made: Site) -> None:
    async with made.open.database.writing() as context:
        own = context.origin.actor(made.author.id)
        for number in range(MANY):
            draft = Draft(text=f"due {number}", audience="public")
            await scheduled.put(context, own, draft, context.now + timedelta(seconds=number / 20))


async def say(client: httpx.AsyncClient, number: int) -> None:
    """Posts under a key until it is answered, as clients do whose connection broke."""
    while True:
        try:
            headers = {"Idempotency-Key": f"key {number}"}
            body = {"status": f"said {number}"}
            if (await client.post("/api/v1/statuses", json=body, headers=headers)).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.05)


async def texts(made: Site) -> list[str]:
    async with made.open.database.reading() as context:
        rows = (await context.session.execute(select(Post).where(col(Post.local)))).scalars().all()
        return sorted(plain_text(post.content.html) for post in await records.opened(context, rows))


@pytest.mark.parametrize(
    ("database_kind", "roles"),
    [("sqlite", ("run",)), ("postgres", ("web", "worker"))],
    indirect=["database_kind"],
)
async def test_what_falls_due_and_what_is_repeated_is_said_once(
    tmp_path: Path, server_database_urls: tuple[str | None, str | None], roles: Roles
) -> None:
    random = Random(str(roles))
    async with site(tmp_path, server_database_urls[0]) as made:
        token = await let_in(made)
        headers = {"Authorization": f"Bearer {token}", "Host": made.settings.public_domain}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{made.settings.port}", headers=headers) as client:
            await made.start(*roles)
            await schedule(made)
            tasks = [asyncio.create_task(say(client, number)) for number in range(MANY)]
            for _ in range(4):
                await asyncio.sleep(random.uniform(0.1, 0.6))
                await made.kill(*roles)
                await made.start(*roles)
            await asyncio.gather(*tasks)
            await made.until("SELECT count(*) FROM scheduled_posts")
        await made.end()
        expected = sorted(f"{word} {number}" for word in ("due", "said") for number in range(MANY))
        assert await texts(made) == expected
