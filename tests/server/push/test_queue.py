"""Pushes wait in the database: what was taken by somebody who crashed is sent again, and nothing waits for ever."""

from datetime import timedelta

from crypto.tokens import token_hash
from crypto.web_push import encode
from federation.context import Context
from models import LocalActor
from server.db import Database
from server.oauth import apps, tokens
from server.oauth.grants import Grant
from server.organizing.posts import service as posts
from server.push import queue, subscriptions
from server.push.subscriptions import Subscription
from tests.builders import make_person
from tests.conftest import Clock


async def subscribed(unit: Context, owner: LocalActor, **how: str) -> Subscription:
    program = await apps.register(unit, name="Tester", redirect_uris=[apps.OUT_OF_BAND], scopes=None)
    grant = Grant(app=program.app.id, scopes=("push",), person=owner.id, speaker=owner.id)
    token = token_hash(await tokens.issue(unit, grant))
    keys = {"p256dh": encode(b"x"), "auth": encode(b"y"), "endpoint": "https://push.example/1"}
    made = Subscription(token=token, owner=owner.id, alerts={"mention": True}, **(keys | how))
    return await subscriptions.put(unit, made)


async def test_what_was_taken_and_never_booked_is_sent_again(database: Database, clock: Clock) -> None:
    async with database.writing() as unit:
        kim, robin = await make_person(unit, "kim"), await make_person(unit, "robin")
        await subscribed(unit, robin)
        await subscribed(unit, robin, of_whom="none")
        await posts.publish(unit, author=kim, text="@robin hi", audience="public", mentions=[robin])
        assert queue.LANE in unit.wakes
    async with database.writing() as unit:
        (taken,) = await queue.take(unit, 10)
    async with database.writing() as unit:
        assert await queue.take(unit, 10) == [], "nobody else takes it meanwhile"
    clock.advance(hours=1)
    async with database.writing() as unit:
        (again,) = await queue.take(unit, 10)
        assert (again.id, again.attempts) == (taken.id, 2)
        await queue.put_off(unit, again, timedelta(hours=3))
    clock.advance(hours=2)
    async with database.writing() as unit:
        assert not await queue.is_due(unit), "as the push service wished"
    clock.now -= timedelta(days=30)
    async with database.writing() as unit:
        assert await queue.mend_times(unit) == 1
        assert await queue.is_due(unit)
    clock.advance(days=31)
    async with database.writing() as unit:
        assert not await queue.is_due(unit)
        await queue.sweep(unit)
        assert await queue.mend_times(unit) == 0


async def test_there_are_only_so_many_on_their_way(database: Database, clock: Clock) -> None:
    async with database.writing() as unit:
        kim, robin = await make_person(unit, "kim"), await make_person(unit, "robin")
        await subscribed(unit, robin)
        for _ in range(queue.MOST_WAITING + 2):
            unit.now += timedelta(seconds=1)
            await posts.publish(unit, author=kim, text="@robin hi", audience="public", mentions=[robin])
        assert len(await queue.take(unit, 1_000)) == queue.MOST_WAITING
    for _ in range(len(queue.RETRIES) + 1):
        clock.advance(hours=7)
        async with database.writing() as unit:
            for message in await queue.take(unit, 1_000):
                await queue.put_off(unit, message, None)
    clock.advance(hours=7)
    async with database.writing() as unit:
        assert await queue.take(unit, 1_000) == []
