"""Polls between servers: ours go out as a Question and are voted in by Notes; others' are shown and voted in."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from federation.authority import NotAuthorized
from federation.context import Context, Viewer
from federation.table import Outcome
from federation.vocabulary import Document
from federation.vocabulary.actors import Actor
from models import LocalActor, PostEdit, Vote
from server.organizing.people.service import delete_person
from server.organizing.posts import polls, records, service, strangers, tallies, votes
from server.organizing.posts.inbox import handle_create_note, handle_update_note
from server.organizing.posts.polls_inbox import handle_create_vote
from server.organizing.posts.records import StoredPost
from server.organizing.posts.served import object_document
from server.organizing.refusal import Refused
from tests.builders import know, make_person, make_remote_actor, sent
from tests.posting import created, let_follow, make_stage, note

DAYS = ("Monday", "Friday", "never")


async def ask(
    context: Context, author: LocalActor, audience: str = "public", *, multiple: bool = False, hides: bool = False
) -> StoredPost:
    poll = polls.asked(context, DAYS, timedelta(hours=1), multiple=multiple, hides_totals=hides)
    row = await service.publish(context, author=author, text="When?", audience=audience, poll=poll)
    return await records.opened_one(context, row)


def ballot(voter: Actor, post: StoredPost, name: str, **fields: Any) -> Document:
    """A vote as Mastodon sends it."""
    document = note(voter, name=name, inReplyTo=post.content.uri, to=[post.content.author], cc=[]) | fields
    del document["content"], document["published"]
    return document


async def cast(context: Context, voter: Actor, post: StoredPost, name: str, **fields: Any) -> Outcome:
    return await handle_create_vote(context, created(voter, ballot(voter, post, name, **fields)))


async def counted(context: Context, post: StoredPost) -> tuple[tuple[int, ...], int | None]:
    (found,) = await tallies.with_counts(context, [post])
    assert found.content.poll is not None
    return found.content.poll.counts, found.content.poll.voters


async def question(context: Context, post: StoredPost) -> Document:
    document = await object_document(context, post.id, Viewer())
    assert document is not None
    return document


async def test_our_poll_is_a_question_and_votes_are_counted_once(context: Context) -> None:
    stage = await make_stage(context)
    post = await ask(context, stage.movement)
    (create,) = await sent(context)
    asked = create.activity["object"]
    assert (asked["type"], "anyOf" in asked, "closed" in asked) == ("Question", False, False)
    assert [(option["name"], option["replies"]["totalItems"]) for option in asked["oneOf"]] == [
        (day, 0) for day in DAYS
    ]
    assert await cast(context, stage.fan, post, "Friday") is Outcome.DONE
    for again in ("Friday", "Monday"):
        assert await cast(context, stage.fan, post, again) is Outcome.IGNORED
    assert await cast(context, stage.stranger, post, "Someday") is Outcome.IGNORED
    assert await cast(context, stage.stranger, post, "never") is Outcome.DONE
    assert await counted(context, post) == ((0, 1, 1), 2)
    served = await question(context, post)
    assert [option["replies"]["totalItems"] for option in served["oneOf"]] == [0, 1, 1]
    assert served["votersCount"] == 2
    assert "fan.example" not in json.dumps(served)
    forged = ballot(stage.fan, post, "Monday")
    with pytest.raises(NotAuthorized):
        await handle_create_vote(context, created(stage.stranger, forged))
    assert await handle_create_note(context, created(stage.member, ballot(stage.member, post, "never"))) is (
        Outcome.IGNORED
    )
    replies = await context.session.execute(select(func.count()).select_from(Vote))
    assert replies.scalar_one() == 2


async def test_of_several_options_each_counts_and_the_voter_once(context: Context) -> None:
    stage = await make_stage(context)
    post = await ask(context, stage.movement, multiple=True)
    for day in ("Monday", "Friday", "Friday"):
        await cast(context, stage.fan, post, day)
    assert await counted(context, post) == ((1, 1, 0), 1)
    assert [len((await question(context, post))[key]) for key in ("anyOf",)] == [3]


async def test_only_whom_a_poll_is_for_votes_in_it(context: Context) -> None:
    """Not even somebody else on a server that has a copy."""
    stage = await make_stage(context)
    post = await ask(context, stage.circle, "circle")
    neighbour = await know(context, make_remote_actor("neighbour", host="member.example"))
    for outsider in (stage.fan, stage.stranger, neighbour):
        assert await cast(context, outsider, post, "Friday") is Outcome.IGNORED
    assert await cast(context, stage.member, post, "Friday") is Outcome.DONE
    assert await counted(context, post) == ((0, 1, 0), 1)


async def test_a_poll_that_is_over_is_told_once_and_takes_no_vote(context: Context) -> None:
    stage = await make_stage(context)
    post = await ask(context, stage.movement, hides=True)
    await cast(context, stage.fan, post, "Friday")
    assert [option["replies"]["totalItems"] for option in (await question(context, post))["oneOf"]] == [0, 0, 0]
    assert await polls.close_ended(context) == 0
    context.now += timedelta(hours=1, seconds=1)
    assert await cast(context, stage.stranger, post, "Friday") is Outcome.IGNORED
    before = len(await sent(context))
    assert [await polls.close_ended(context), await polls.close_ended(context)] == [1, 0]
    (update,) = (await sent(context))[before:]
    told = update.activity["object"]
    assert (update.activity["type"], told["type"], "updated" in told) == ("Update", "Question", False)
    assert [option["replies"]["totalItems"] for option in told["oneOf"]] == [0, 1, 0]
    assert told["closed"] == told["endTime"]


def asked_elsewhere(author: Actor, **fields: Any) -> Document:
    options = [{"type": "Note", "name": day, "replies": {"type": "Collection", "totalItems": 2}} for day in DAYS]
    return note(author, "When?", type="Question", oneOf=options, endTime="2026-06-08T20:00:00Z", votersCount=6) | fields


async def test_a_poll_elsewhere_is_shown_and_voted_in_by_a_note_to_its_author(context: Context) -> None:
    stage = await make_stage(context)
    document = asked_elsewhere(stage.fan)
    robin = await make_person(context)
    await let_follow(context, robin, stage.fan)
    assert await handle_create_note(context, created(stage.fan, document)) is Outcome.DONE
    post = await records.find_stored(context, document["id"])
    assert post is not None
    await polls.vote(context, actor=robin, post=post.id, choices=[1])
    (create,) = await sent(context)
    vote = create.activity["object"]
    assert (create.inbox, create.activity["to"], vote["to"]) == (stage.fan.inbox, [stage.fan.id], [stage.fan.id])
    assert (vote["name"], vote["inReplyTo"], "content" in vote) == ("Friday", document["id"], False)
    with pytest.raises(Refused, match="already voted"):
        await polls.vote(context, actor=robin, post=post.id, choices=[1])
    post = await records.find_stored(context, document["id"])
    assert post is not None
    assert await counted(context, post) == ((2, 3, 2), 7)
    told = asked_elsewhere(stage.fan, id=document["id"], votersCount=9)
    told["oneOf"][1]["replies"]["totalItems"] = 5
    assert await handle_update_note(context, created(stage.fan, told, verb="Update")) is Outcome.DONE
    post = await records.find_stored(context, document["id"])
    assert post is not None
    assert await counted(context, post) == ((2, 5, 2), 9)
    assert post.content.updated is None
    assert (await context.session.execute(select(func.count()).select_from(PostEdit))).scalar_one() == 0
    assert await votes.are_in(context, [post.id]) == {post.id}
    context.now += timedelta(days=1)
    with pytest.raises(Refused, match="already ended"):
        await polls.vote(context, actor=stage.local_fan, post=post.id, choices=[0])


async def test_other_options_are_another_poll(context: Context) -> None:
    stage = await make_stage(context)
    robin = await make_person(context)
    await let_follow(context, robin, stage.fan)
    document = asked_elsewhere(stage.fan)
    await handle_create_note(context, created(stage.fan, document))
    await polls.vote(context, actor=robin, post=document["id"], choices=[1])
    changed = document | {"oneOf": [{"name": "May"}, {"name": "June"}], "updated": "2026-06-07T20:30:00Z"}
    assert await handle_update_note(context, created(stage.fan, changed, verb="Update")) is Outcome.DONE
    post = await polls.vote(context, actor=robin, post=document["id"], choices=[1])
    assert post.content.poll is not None
    assert post.content.poll.options == ("May", "June")


async def test_a_strangers_poll_stays_while_somebody_here_voted(context: Context) -> None:
    document = asked_elsewhere(make_remote_actor("sam", host="stranger.example"))
    stage = await make_stage(context)
    document["tag"] = [{"type": "Mention", "href": context.origin.actor(stage.local_fan.id)}]
    document["cc"] = [context.origin.actor(stage.local_fan.id)]
    author = await know(context, make_remote_actor("sam", host="stranger.example"))
    assert await handle_create_note(context, created(author, document)) is Outcome.DONE
    await polls.vote(context, actor=stage.local_fan, post=document["id"], choices=[1])
    context.now += strangers.KEEP_UNASKED + timedelta(days=1)
    assert await strangers.review(context) == 1
    assert await records.find_stored(context, document["id"]) is not None
    await delete_person(context, person=stage.local_fan)
    assert (await context.session.execute(select(func.count()).select_from(Vote))).scalar_one() == 0


async def test_the_numbers_of_others_are_taken_for_numbers_and_no_more(context: Context) -> None:
    stage = await make_stage(context)
    await let_follow(context, await make_person(context), stage.fan)
    options = [
        {"name": "a" * 600, "replies": {"totalItems": -5}},
        {"name": "b", "replies": [1]},
        {"name": "b"},
        "c",
        {"name": "d", "replies": {"totalItems": True}},
        {"name": "e", "replies": {"totalItems": 2**60}},
    ]
    document = asked_elsewhere(stage.fan, oneOf=options, votersCount="many")
    assert await handle_create_note(context, created(stage.fan, document)) is Outcome.DONE
    post = await records.find_stored(context, document["id"])
    assert post is not None
    assert post.content.poll is not None
    assert [len(option) for option in post.content.poll.options] == [500, 1, 1, 1]
    assert post.content.poll.counts == (0, 0, 0, 2**53 - 1)
    assert post.content.poll.voters == 0
