"""A poll over two servers: asked here, voted in there, counted here, and told there once it is over."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from federation.context import Context
from models import Poll
from server.organizing.posts import polls, records, service, tallies
from server.organizing.posts.records import StoredPost
from tests.journeys.stage import Stage, stage


async def asked(set_up: Stage) -> str:
    """The id of a poll of the movement's."""
    async with set_up.home.assembly.federation.writing() as unit:
        poll = polls.asked(unit, ("Monday", "Friday"), timedelta(hours=1), multiple=True, hides_totals=True)
        row = await service.publish(unit, author=set_up.movement, text="When?", audience="public", poll=poll)
        return unit.origin.object(row.id)


async def over(set_up: Stage, uri: str) -> None:
    """What would be an hour later."""
    async with set_up.home.assembly.federation.writing() as unit:
        post = await records.find_stored(unit, uri)
        assert post is not None
        assert post.content.poll is not None
        past = unit.now.replace(microsecond=0) - timedelta(seconds=1)
        ended = type(post.content.poll)(options=post.content.poll.options, multiple=True, ends=past, hides_totals=True)
        await records.replace_content(unit, post, post.content.but(poll=ended))
        await unit.session.execute(update(Poll).values(ends_at=past))


def numbers(post: StoredPost | None) -> tuple[tuple[int, ...], int | None]:
    assert post is not None
    assert post.content.poll is not None
    return post.content.poll.counts, post.content.poll.voters


async def test_a_poll_is_voted_in_from_another_server_and_told_when_it_is_over(
    tmp_path: Path, server_database_urls: tuple[str | None, str | None]
) -> None:
    async with stage(tmp_path, server_database_urls) as set_up:
        await set_up.ask_to_follow(set_up.movement)
        await set_up.until_related(set_up.movement, "accepted")
        uri = await asked(set_up)
        await set_up.until_kim_reads("When?")
        async with set_up.away.assembly.federation.writing() as unit:
            assert numbers(await records.find_stored(unit, uri)) == ((0, 0), 0)
            await polls.vote(unit, actor=set_up.kim, post=uri, choices=[0, 1])

        async def counted(unit: Context) -> bool:
            post = await records.find_stored(unit, uri)
            assert post is not None
            return numbers((await tallies.with_counts(unit, [post]))[0]) == ((1, 1), 1)

        await set_up.home.until(counted)
        await over(set_up, uri)

        async def told(unit: Context) -> bool:
            post = await records.find_stored(unit, uri)
            assert post is not None
            assert post.content.poll is not None
            return post.content.poll.is_over(unit.now) and numbers(post) == ((1, 1), 1)

        await set_up.away.until(told)
