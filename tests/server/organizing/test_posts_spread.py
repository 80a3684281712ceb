"""Posts of a circle leave for each server at a moment of its own; what must not wait does not."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from federation.schedule import LONGEST_SPREAD
from models import Delivery
from server.organizing.posts import reactions, service
from tests.builders import make_remote_actor
from tests.posting import let_follow, let_join, make_stage

MEAN = timedelta(seconds=90)


async def waits(context: Context) -> set[timedelta]:
    due = (await context.session.execute(select(col(Delivery.due)))).scalars()
    return {moment - context.now for moment in due}


async def forget(context: Context) -> None:
    for delivery in (await context.session.execute(select(Delivery))).scalars():
        await context.session.delete(delivery)


@pytest.fixture
async def unhurried(context: Context) -> Context:
    context.unhurried = MEAN
    return context


async def test_a_circles_posts_edits_and_boosts_wait_and_its_deletes_do_not(unhurried: Context) -> None:
    context, stage = unhurried, await make_stage(unhurried)
    for number in range(12):
        await let_join(context, make_remote_actor("m", host=f"h{number}.example"), stage.circle)
    post = await service.publish(context, author=stage.circle, text="Tonight", audience="circle")
    created = await waits(context)
    assert len(created) == 13
    assert timedelta() < min(created) < max(created) <= LONGEST_SPREAD
    await forget(context)
    await service.edit(context, author=stage.circle, post_id=post.id, text="Tomorrow")
    assert len(await waits(context)) == 13
    await forget(context)
    open_post = await service.publish(context, author=stage.movement, text="Everybody", audience="public")
    await forget(context)
    await reactions.boost(context, actor=stage.circle, post=open_post.id)
    assert timedelta() not in await waits(context)
    await forget(context)
    await service.delete(context, author=stage.circle, post_id=post.id)
    assert await waits(context) == {timedelta()}


@pytest.mark.parametrize("audience", ["public", "unlisted", "supporters"])
async def test_other_posts_leave_at_once(unhurried: Context, audience: str) -> None:
    stage = await make_stage(unhurried)
    await let_follow(unhurried, make_remote_actor("eve", host="eve.example"), stage.movement)
    await service.publish(unhurried, author=stage.movement, text="Everybody", audience=audience)
    assert await waits(unhurried) == {timedelta()}
