"""What strangers write: taken in measure, and gone after a while unless somebody here came to need it."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from federation.context import Context
from federation.table import Outcome
from federation.vocabulary.activities import PUBLIC
from models import LocalActor, Post
from server.db import Database
from server.organizing import budgets
from server.organizing.membership.states import State
from server.organizing.posts import reactions_inbox, records, strangers
from server.organizing.posts.inbox import handle_create_note, handle_delete_object
from server.organizing.posts.reactions import like
from server.organizing.posts.reactions_inbox import handle_announce_object, handle_like_object
from server.organizing.posts.service import publish
from server.organizing.posts.strangers import KEEP_UNASKED
from tests.builders import activity, know, make_person, make_remote_actor, received
from tests.conftest import Clock
from tests.posting import created, let_follow, let_join, make_stage, note

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


async def test_what_was_deleted_goes_too_and_stops_nothing(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        person = await make_person(context)
        deleted = await write_to(context, person)
        await handle_delete_object(context, received(MONA, activity(MONA, "Delete", deleted)))
        kept = await write_to(context, person)
    clock.advance(days=records.KEEP_TOMBSTONES.days)
    async with database.writing() as context:
        await review(context)
        assert await records.find_row(context, deleted) is None
        assert await records.find_row(context, kept) is not None
    clock.advance(days=KEEP_UNASKED.days)
    async with database.writing() as context:
        await review(context)
        assert await count(context) == 0


async def test_what_nobody_can_open_goes_and_stops_nothing(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        person = await make_person(context)
        directs = [note(MONA, to=[context.origin.actor(person.id)], cc=[]) for _ in range(2)]
        for direct in directs:
            await handle_create_note(context, created(MONA, direct))
        spoilt = update(Post).where(col(Post.uri_index) == records.uri_index(context, directs[0]["id"]))
        await context.session.execute(spoilt.values(sealed_document=b"\x01" * 64))
    clock.advance(days=KEEP_UNASKED.days)
    async with database.writing() as context:
        await review(context)
        assert await count(context) == 0


async def test_members_are_no_strangers(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "STRANGERS_POSTS", replace(budgets.STRANGERS_POSTS, limit=1, in_all=1))
    async with database.writing() as context:
        stage = await make_stage(context)
        await write_to(context, stage.local_member)  # and with that strangers have written enough
        direct = note(stage.member, to=[context.origin.actor(stage.circle.id)], cc=[])
        assert await handle_create_note(context, created(stage.member, direct)) is Outcome.DONE
        applicant = await know(context, make_remote_actor("applicant", host="new.example"))
        await let_join(context, applicant, stage.circle, state=State.APPLIED)
        asked = note(applicant, to=[context.origin.actor(stage.circle.id)], cc=[])
        assert await handle_create_note(context, created(applicant, asked)) is Outcome.RETRY
    clock.advance(days=2 * KEEP_UNASKED.days)
    async with database.writing() as context:
        await review(context)
        assert await records.find_row(context, direct["id"]) is not None


async def test_whoever_was_asked_may_answer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "STRANGERS_POSTS", replace(budgets.STRANGERS_POSTS, limit=1))
    async with database.writing() as context:
        person = await make_person(context)
        await know(context, MONA)
        await write_to(context, person)
        asked = await publish(context, author=person, text="And you?", audience="direct", mentions=[MONA])
        answer = note(MONA, to=[context.origin.actor(person.id)], cc=[], inReplyTo=context.origin.object(asked.id))
        assert await handle_create_note(context, created(MONA, answer)) is Outcome.DONE
        assert await handle_create_note(context, created(MONA, note(MONA, to=answer["to"]))) is Outcome.IGNORED


async def test_a_flood_makes_room_by_itself(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MOST_KEPT", 12)
    async with database.writing() as context:
        person = await make_person(context)
        honest = [await write_to(context, person) for _ in range(3)]
    clock.advance(days=1)
    async with database.writing() as context:
        for number in range(20):
            evil = make_remote_actor("mallory", host=f"n{number % 3}.evil.example")
            await handle_create_note(context, created(evil, note(evil, to=[context.origin.actor(person.id)], cc=[])))
        await review(context)
        assert await count(context) == 12
        assert {await records.find_row(context, uri) is not None for uri in honest} == {True}


async def test_what_led_to_our_words_stays_up_to_the_root(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        person = await make_person(context)
        root = await write_to(context, person)
        to = [PUBLIC, context.origin.actor(person.id)]
        chain = [root]
        for _ in range(2):
            document = note(MONA, to=to, inReplyTo=chain[-1])
            await handle_create_note(context, created(MONA, document))
            chain.append(document["id"])
        beside = note(MONA, to=to, inReplyTo=root)
        await handle_create_note(context, created(MONA, beside))
        await know(context, MONA)
        await publish(context, author=person, text="Indeed", audience="public", reply_to=chain[-1])
    clock.advance(days=KEEP_UNASKED.days)
    async with database.writing() as context:
        await review(context)
        assert [await records.find_row(context, uri) is not None for uri in chain] == [True] * 3
        assert await records.find_row(context, beside["id"]) is None


async def test_no_post_has_endless_reactions(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactions_inbox, "MOST_REACTIONS", 3)
    person = await make_person(context)
    post = await publish(context, author=person, text="Hello", audience="public")
    ends = []
    for number in range(5):
        fan = make_remote_actor(f"n{number}")
        like_it = activity(fan, "Like", context.origin.object(post.id))
        ends.append(await handle_like_object(context, received(fan, like_it)))
    assert ends == [Outcome.DONE] * 3 + [Outcome.IGNORED] * 2
