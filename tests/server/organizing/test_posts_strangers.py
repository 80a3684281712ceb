"""What strangers write: taken in measure, and gone after a while unless somebody here came to need it."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from federation.context import Context
from federation.table import Outcome
from federation.vocabulary.activities import PUBLIC
from models import LocalActor, Post
from server.db import Database
from server.organizing import budgets
from server.organizing.posts import records, strangers
from server.organizing.posts.inbox import handle_create_note
from server.organizing.posts.reactions import like
from server.organizing.posts.reactions_inbox import handle_announce_object, handle_like_object
from server.organizing.posts.service import publish
from server.organizing.posts.strangers import KEEP_UNASKED
from tests.builders import activity, know, make_person, make_remote_actor, received
from tests.conftest import Clock
from tests.posting import created, let_follow, note

MONA = make_remote_actor("mona")


async def write_to(context: Context, person: LocalActor) -> str:
    """A post by a stranger to a person here."""
    document = note(MONA, to=[PUBLIC, context.origin.actor(person.id)])
    assert await handle_create_note(context, created(MONA, document)) is Outcome.DONE
    return str(document["id"])


async def count(context: Context) -> int:
    return int((await context.session.execute(select(func.count()).select_from(Post))).scalar_one())


async def review(context: Context) -> None:
    while await strangers.review(context):
        pass


async def days(context: Context) -> set[date | None]:
    return set((await context.session.execute(select(col(Post.review_on)))).scalars())


async def test_a_strangers_post_goes_when_its_day_comes(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        await write_to(context, await make_person(context))
    clock.advance(days=KEEP_UNASKED.days - 1)
    async with database.writing() as context:
        await review(context)
        assert await count(context) == 1
    clock.advance(days=1)
    async with database.writing() as context:
        await review(context)
        assert await count(context) == 0


async def test_what_somebody_here_needs_stays(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        person = await make_person(context)
        await know(context, MONA)
        liked, answered = await write_to(context, person), await write_to(context, person)
        await write_to(context, person)
        await like(context, actor=person, post=liked)
        await publish(context, author=person, text="Thank you", audience="public", reply_to=answered)
    clock.advance(days=KEEP_UNASKED.days)
    async with database.writing() as context:
        await review(context)
        assert {await records.find_row(context, uri) is not None for uri in (liked, answered)} == {True}
        assert await count(context) == 3  # with our own answer
        assert await days(context) == {None, (clock.now + KEEP_UNASKED).date()}


async def test_posts_of_those_followed_here_stay(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        person = await make_person(context)
        await write_to(context, person)
        await know(context, MONA)
        await let_follow(context, person, MONA)
        assert await handle_create_note(context, created(MONA, note(MONA))) is Outcome.DONE
        assert None in await days(context)
    clock.advance(days=10 * KEEP_UNASKED.days)
    async with database.writing() as context:
        await review(context)
        assert await count(context) == 2


async def test_what_is_boosted_into_a_timeline_goes_too(database: Database, clock: Clock) -> None:
    booster = make_remote_actor("booster")
    async with database.writing() as context:
        await know(context, booster)
        await let_follow(context, await make_person(context), booster)
        boosted = note(MONA)
        announce = activity(booster, "Announce", boosted["id"], to=[PUBLIC])
        assert await handle_announce_object(context, received(booster, announce, object=boosted)) is Outcome.DONE
    clock.advance(days=KEEP_UNASKED.days)
    async with database.writing() as context:
        await review(context)
        assert await count(context) == 0


async def test_beyond_the_most_the_oldest_go_first(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "MOST_KEPT", 2)
    async with database.writing() as context:
        person = await make_person(context)
    uris = []
    for _ in range(4):
        async with database.writing() as context:
            uris.append(await write_to(context, person))
        clock.advance(days=1)
    async with database.writing() as context:
        await review(context)
        assert [await records.find_row(context, uri) is not None for uri in uris] == [False, False, True, True]


async def test_strangers_of_one_domain_write_so_much_a_day(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "STRANGERS_POSTS", replace(budgets.STRANGERS_POSTS, limit=20))
    async with database.writing() as context:
        person = await make_person(context)
        to = [PUBLIC, context.origin.actor(person.id)]
        authors = [make_remote_actor("mallory", host=f"n{number}.evil.example") for number in range(4)]
        for number in range(budgets.STRANGERS_POSTS.limit):
            author = authors[number % 4]
            assert await handle_create_note(context, created(author, note(author, to=to))) is Outcome.DONE
        for author in authors:
            assert await handle_create_note(context, created(author, note(author, to=to))) is Outcome.IGNORED
        await write_to(context, person)
        await know(context, authors[0])
        await let_follow(context, person, authors[0])
        assert await handle_create_note(context, created(authors[0], note(authors[0]))) is Outcome.DONE
    clock.advance(days=1)
    async with database.writing() as context:
        author = authors[1]
        assert await handle_create_note(context, created(author, note(author, to=to))) is Outcome.DONE


async def test_one_domain_reacts_so_often_an_hour(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "REACTIONS", replace(budgets.REACTIONS, limit=20))
    async with database.writing() as context:
        person = await make_person(context)
        post = await publish(context, author=person, text="Hello", audience="public")
        uri = context.origin.object(post.id)

        async def like_by(name: str, host: str) -> Outcome:
            actor = make_remote_actor(name, host=host)
            return await handle_like_object(context, received(actor, activity(actor, "Like", uri)))

        for number in range(budgets.REACTIONS.limit):
            assert await like_by(f"n{number}", f"n{number % 7}.evil.example") is Outcome.DONE
        assert await like_by("one-more", "n8.evil.example") is Outcome.IGNORED
        assert await like_by("fan", "fan.example") is Outcome.DONE
