"""What strangers make known goes after a while; whoever is needed stays."""

from datetime import date, timedelta

from sqlalchemy import select, update
from sqlmodel import col

from federation import follows
from federation.application import Application
from federation.context import Context
from federation.remote import forget_actor, known_actor
from federation.remote_store import REVIEW_AFTER, uri_index
from federation.review import BATCH, review_actors
from federation.table import Outcome
from models import RemoteActor
from server.application import Groundswell
from server.config import Settings
from server.db import Database
from server.organizing.posts.inbox import handle_create_note
from server.organizing.posts.reactions_inbox import handle_like_object
from server.organizing.posts.service import publish
from tests.builders import activity, know, make_movement, make_person, make_remote_actor, received
from tests.conftest import Clock
from tests.posting import created, let_follow, let_join, note

GROUNDSWELL: Application = Groundswell(Settings(domain="groundswell.test"))


async def review(context: Context) -> None:
    while await review_actors(context, GROUNDSWELL):
        pass


async def day_of(context: Context, uri: str) -> date:
    statement = select(col(RemoteActor.review_on)).where(col(RemoteActor.uri_index) == uri_index(context, uri))
    return (await context.session.execute(statement)).scalar_one()


async def test_a_stranger_is_forgotten_when_the_day_comes_and_not_before(database: Database, clock: Clock) -> None:
    mona = make_remote_actor("mona")
    async with database.writing() as context:
        await know(context, mona)
    clock.advance(days=REVIEW_AFTER.days - 1)
    async with database.writing() as context:
        assert await review_actors(context, GROUNDSWELL) == 0
        assert await known_actor(context, mona.id) is not None
    clock.advance(days=1)
    async with database.writing() as context:
        assert await review_actors(context, GROUNDSWELL) == 1
        assert await known_actor(context, mona.id) is None
        assert await review_actors(context, GROUNDSWELL) == 0


async def test_whoever_is_needed_stays_and_is_asked_about_again(database: Database, clock: Clock) -> None:
    names = ("follower", "followee", "member", "group", "author", "writer", "liker")
    them = {name: make_remote_actor(name, type="Group" if name == "group" else "Person") for name in names}
    async with database.writing() as context:
        made, person = await make_movement(context), await make_person(context)
        for actor in them.values():
            await know(context, actor)
        await let_follow(context, them["follower"], made.actor)
        await let_follow(context, person, them["followee"], state="requested")
        await let_join(context, them["member"], made.circle)
        await let_join(context, person, them["group"])
        public = note(them["author"], to=[*note("x")["to"], context.origin.actor(person.id)])
        await handle_create_note(context, created(them["author"], public))
        direct = note(them["writer"], to=[context.origin.actor(person.id)], cc=[])
        await handle_create_note(context, created(them["writer"], direct))
        post = await publish(context, author=made.actor, text="Hello", audience="public")
        like = activity(them["liker"], "Like", context.origin.object(post.id))
        assert await handle_like_object(context, received(them["liker"], like)) is Outcome.DONE
    clock.advance(days=REVIEW_AFTER.days + 1)
    async with database.writing() as context:
        await review(context)
        # A like keeps nobody: it can be had by anyone, for nothing.
        assert await known_actor(context, them.pop("liker").id) is None
        for name, actor in them.items():
            assert await known_actor(context, actor.id) is not None, name
            assert await day_of(context, actor.id) == (clock.now + REVIEW_AFTER).date()


async def test_a_suspended_actor_stays_suspended(database: Database, clock: Clock) -> None:
    mona = make_remote_actor("mona")
    async with database.writing() as context:
        await know(context, mona)
        await forget_actor(context, mona.id, "suspended")
    clock.advance(days=REVIEW_AFTER.days + 1)
    async with database.writing() as context:
        await review(context)
        states = (await context.session.execute(select(col(RemoteActor.state)))).scalars().all()
    assert states == ["suspended"]


async def test_many_are_looked_at_in_steps(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        for number in range(BATCH + 3):
            await know(context, make_remote_actor(f"n{number}"))
    clock.advance(days=REVIEW_AFTER.days)
    async with database.writing() as context:
        looked_at = [await review_actors(context, GROUNDSWELL) for _ in range(3)]
    assert looked_at == [BATCH, 3, 0]


async def test_the_moment_of_a_fetch_does_not_line_up_with_other_tables(database: Database, clock: Clock) -> None:
    clock.advance(seconds=7.123456)
    async with database.writing() as context:
        await know(context, make_remote_actor("mona"))
        [fetched] = (await context.session.execute(select(col(RemoteActor.fetched_at)))).scalars()
        assert (fetched.second, fetched.microsecond) == (0, 0)
        assert timedelta(0) <= clock.now - fetched < timedelta(minutes=1)
        await context.session.execute(update(RemoteActor).values(state="active"))
        await forget_actor(context, make_remote_actor("mona").id)
        [fetched] = (await context.session.execute(select(col(RemoteActor.fetched_at)))).scalars()
        assert (fetched.second, fetched.microsecond) == (0, 0)
        assert await follows.with_edges(context, ["https://far.example/users/mona"]) == set()
