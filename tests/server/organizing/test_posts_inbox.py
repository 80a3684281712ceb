"""Posts from elsewhere: kept when they concern somebody here, changed and deleted by their author, and nobody else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from federation.authority import NotAuthorized
from federation.context import Context
from federation.origin import host_of
from federation.table import Outcome
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.actors import Actor
from federation.vocabulary.documents import Malformed
from models import DomainBlock, Post
from server.organizing import budgets
from server.organizing.posts import records, service
from server.organizing.posts.content import Audience
from server.organizing.posts.inbox import handle_create_note, handle_delete_object, handle_update_note
from server.organizing.posts.queries import find_post
from tests.builders import activity, know, make_person, make_remote_actor, received, sent
from tests.posting import Stage, created, let_follow, let_join, make_stage, note, viewer

MONA = make_remote_actor("mona")
MALLORY = make_remote_actor("mallory", host="evil.example")


async def count_posts(context: Context) -> int:
    return int((await context.session.execute(select(func.count()).select_from(Post))).scalar_one())


async def take(context: Context, sender: Actor, document: Document, **fields: Any) -> Outcome:
    return await handle_create_note(context, created(sender, document, **fields))


async def kept(context: Context, document: Document) -> records.StoredPost | None:
    return await records.find_stored(context, document["id"])


async def delete_of(context: Context, sender: Actor, uri: str) -> Outcome:
    tombstone = {"id": uri, "type": "Tombstone"}
    return await handle_delete_object(context, received(sender, activity(sender, "Delete", tombstone)))


async def followed(context: Context, actor: Actor = MONA) -> Actor:
    """An actor whom a person here follows."""
    await know(context, actor)
    await let_follow(context, await make_person(context), actor)
    return actor


@pytest.mark.parametrize("kind", ["Note", "Article", "Page", "Question", "Event", "Video"])
async def test_what_a_followed_actor_posts_is_kept(context: Context, kind: str) -> None:
    await followed(context)
    document = note(MONA, "Words", type=kind, name="Title")
    assert await take(context, MONA, document) is Outcome.DONE
    post = await kept(context, document)
    assert post is not None
    assert (post.row.kind, post.audience, post.content.author) == (kind, Audience.PUBLIC, MONA.id)
    assert "Words" in post.content.html
    assert await take(context, MONA, document) is Outcome.IGNORED
    assert await count_posts(context) == 1


INBOUND = Path(__file__).parents[2] / "golden" / "inbound"
FOREIGN = [
    pytest.param(path.parent.name, json.loads(path.read_text()), id=f"{path.parent.name}-{path.stem}")
    for path in sorted(INBOUND.glob("*/create-*.json"))
]


@pytest.mark.parametrize(("software", "document"), FOREIGN)
async def test_what_other_software_sends_is_kept_as_it_is_meant(
    context: Context, software: str, document: Document
) -> None:
    uri, author = document["actor"], document["object"]["attributedTo"]
    sender = make_remote_actor(id=uri, followers=f"{uri}/followers", host=host_of(uri))
    await followed(context, sender if author == uri else replace(sender, id=author))
    arrival = received(sender, document, object=document["object"])
    assert await handle_create_note(context, arrival) is Outcome.DONE
    post = await kept(context, document["object"])
    assert post is not None
    assert post.content.author == author
    expected = {"akkoma": Audience.DIRECT, "mastodon": Audience.UNLISTED}.get(software, Audience.PUBLIC)
    assert post.audience is (Audience.PUBLIC if post.row.kind == "Question" else expected)
    assert await handle_create_note(context, arrival) is Outcome.IGNORED


async def test_what_concerns_nobody_is_not_kept(context: Context) -> None:
    stage = await make_stage(context)
    for document in (
        note(MONA),
        note(MONA, inReplyTo="https://far.example/unknown"),
        note(MONA, to=[f"{context.origin.actor(stage.movement.id)}/followers"], cc=[]),
        note(MONA, to=[f"{context.origin.actor(stage.circle.id)}/followers"], cc=[]),
        note(MONA, to=[context.origin.actor("nobody")], cc=[]),
    ):
        assert await take(context, MONA, document) is Outcome.IGNORED
    assert await count_posts(context) == 0


async def test_a_mention_without_an_address_gives_nothing(context: Context) -> None:
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    tag = [{"type": "Mention", "href": own, "name": "@robin@groundswell.test"}]
    document = note(MONA, to=[f"{MONA.id}/followers"], cc=[], tag=tag)
    assert await take(context, MONA, document) is Outcome.IGNORED
    await know(context, MONA)
    await let_follow(context, await make_person(context, "lee"), MONA)
    assert await take(context, MONA, document) is Outcome.DONE
    assert await find_post(context, document["id"], robin) is None


async def test_who_is_addressed_has_it_and_nobody_else(context: Context) -> None:
    robin, lee = await make_person(context), await make_person(context, "lee")
    document = note(MONA, "Only you", to=[context.origin.actor(robin.id)], cc=[])
    assert await take(context, MONA, document) is Outcome.DONE
    post = await kept(context, document)
    assert post is not None
    assert post.audience is Audience.DIRECT
    assert post.row.document is None
    assert await find_post(context, document["id"], robin) is not None
    assert await find_post(context, document["id"], lee) is None
    assert await find_post(context, document["id"], viewer(MALLORY)) is None


async def test_an_own_inbox_makes_a_silent_recipient(context: Context) -> None:
    robin, lee = await make_person(context), await make_person(context, "lee")
    document = note(MONA, to=[f"{MONA.id}/followers"], cc=[])
    assert await take(context, MONA, document, inbox_of=robin) is Outcome.DONE
    assert await find_post(context, document["id"], robin) is not None
    assert await find_post(context, document["id"], lee) is None


async def test_an_answer_for_all_to_see_is_kept_and_a_closed_one_to_others_is_not(context: Context) -> None:
    robin = await make_person(context)
    post = await service.publish(context, author=robin, text="Who?", audience="public")
    parent = context.origin.object(post.id)
    assert await take(context, MONA, note(MONA, inReplyTo=parent)) is Outcome.DONE
    closed = note(MONA, inReplyTo=parent, to=[f"{MONA.id}/followers"], cc=[])
    assert await take(context, MONA, closed) is Outcome.IGNORED


@pytest.mark.parametrize("known", [True, False])
async def test_followers_are_recognised_by_their_collection_only(context: Context, *, known: bool) -> None:
    await followed(context)
    collection = f"{MONA.id}/followers" if known else f"{MONA.id}/friends"
    document = note(MONA, to=[collection], cc=[])
    assert await take(context, MONA, document) is Outcome.DONE
    post = await kept(context, document)
    assert post is not None
    assert post.audience is (Audience.FOLLOWERS if known else Audience.DIRECT)


async def test_an_object_that_says_nothing_is_for_whom_the_activity_is(context: Context) -> None:
    await followed(context)
    document = note(MONA)
    del document["to"], document["cc"]
    wrapped = activity(MONA, "Create", document, to=[PUBLIC])
    assert await handle_create_note(context, received(MONA, wrapped, object=document)) is Outcome.DONE
    post = await kept(context, document)
    assert post is not None
    assert post.audience is Audience.PUBLIC


FORGED = [
    {"attributedTo": MONA.id},
    {"id": f"{MONA.id}/statuses/1"},
    {"id": f"{MONA.id}/statuses/1", "attributedTo": MONA.id},
    {"attributedTo": 1},
    {"attributedTo": [MONA.id, MALLORY.id]},
    {"attributedTo": [MALLORY.id, MONA.id]},
    {"attributedTo": {"id": "https://groundswell.test/ap/actors/admin"}},
    {"id": "https://groundswell.test/ap/objects/1"},
    {"id": "https://GROUNDSWELL.test./ap/objects/1", "attributedTo": "https://groundswell.test/ap/actors/a"},
    {"attributedTo": "https://evil.example/users/somebody-else"},
    {"attributedTo": None},
    {"type": "Person"},
]


@pytest.mark.parametrize("fields", FORGED)
async def test_nobody_posts_for_another(context: Context, fields: Document) -> None:
    await followed(context, MALLORY)
    await know(context, MONA)
    document = note(MALLORY, **fields)
    try:
        outcome = await take(context, MALLORY, document)
    except (NotAuthorized, Malformed):
        outcome = Outcome.REFUSED
    assert outcome is Outcome.REFUSED
    assert await count_posts(context) == 0


async def test_an_organizer_posts_for_the_group_of_its_own_server(context: Context) -> None:
    group = make_remote_actor("choir", type="Group")
    await followed(context, group)
    document = note(group, type="Event", name="Rehearsal", actor=MONA.id)
    assert await take(context, MONA, document) is Outcome.DONE
    post = await kept(context, document)
    assert post is not None
    assert post.content.author == group.id


async def test_nobody_widens_a_post_by_another_activity(context: Context) -> None:
    """CVE-2024-37903: a Create around a known object reaches nobody new (HOSTILE B2)."""
    robin, lee = await make_person(context), await make_person(context, "lee")
    document = note(MONA, to=[context.origin.actor(robin.id)], cc=[])
    await take(context, MONA, document)
    wider = document | {"to": [PUBLIC, context.origin.actor(lee.id)]}
    for sender in (MONA, MALLORY):
        wrapped = activity(sender, "Create", wider, to=[context.origin.actor(lee.id)])
        repeat = received(sender, wrapped, object=wider, recipient_id=lee.id)
        try:
            assert await handle_create_note(context, repeat) is not Outcome.DONE
        except NotAuthorized:
            assert sender is MALLORY
    assert await find_post(context, document["id"], lee) is None
    own = await service.publish(context, author=robin, text="Mine", audience="direct", mentions=[MONA])
    before = await sent(context)
    forged = note(MALLORY, id=context.origin.object(own.id), to=[context.origin.actor(lee.id)])
    with pytest.raises((NotAuthorized, Malformed)):
        await take(context, MALLORY, forged)
    assert await sent(context) == before
    assert await find_post(context, own.id, lee) is None


async def test_an_update_by_the_author_changes_the_text_and_nothing_else(context: Context) -> None:
    await followed(context)
    document = note(MONA, "First", to=[f"{MONA.id}/followers"], cc=[])
    await take(context, MONA, document)
    changed = document | {"content": "<p>Second</p>", "updated": "2026-06-07T20:30:00Z", "to": [PUBLIC]}
    update = created(MONA, changed, verb="Update")
    assert await handle_update_note(context, update) is Outcome.DONE
    post = await kept(context, document)
    assert post is not None
    assert "Second" in post.content.html
    assert (post.audience, post.row.document) == (Audience.FOLLOWERS, None)
    older = document | {"content": "<p>Older</p>", "updated": "2026-06-07T20:10:00Z"}
    assert await handle_update_note(context, created(MONA, older, verb="Update")) is Outcome.IGNORED
    moved = changed | {"inReplyTo": "https://far.example/other", "updated": "2026-06-07T20:40:00Z"}
    assert await handle_update_note(context, created(MONA, moved, verb="Update")) is Outcome.REFUSED
    post = await kept(context, document)
    assert post is not None
    assert "Second" in post.content.html


async def test_new_totals_of_a_poll_are_no_new_text(context: Context) -> None:
    await followed(context)
    document = note(MONA, "Tea?", type="Question", oneOf=[{"type": "Note", "name": "Yes"}])
    await take(context, MONA, document)
    totals = created(MONA, document | {"content": "<p>Else</p>"}, verb="Update")
    assert await handle_update_note(context, totals) is Outcome.IGNORED


async def test_an_update_of_the_unknown_is_news(context: Context) -> None:
    document = note(MONA, updated="2026-06-07T20:30:00Z")
    assert await handle_update_note(context, created(MONA, document, verb="Update")) is Outcome.IGNORED
    await followed(context)
    assert await handle_update_note(context, created(MONA, document, verb="Update")) is Outcome.DONE
    assert await count_posts(context) == 1


async def test_nobody_changes_or_deletes_what_is_anothers(context: Context) -> None:
    """CVE-2026-73090: the owner is read from what is stored (HOSTILE B1)."""
    await followed(context)
    neighbour = make_remote_actor("neighbour")
    document = note(MONA, "Mine")
    await take(context, MONA, document)
    own = await service.publish(context, author=await make_person(context, "lee"), text="Ours", audience="public")
    for sender in (MALLORY, neighbour):
        for payload in (document, document | {"attributedTo": sender.id}):
            forged = created(sender, payload | {"content": "Taken", "updated": "2026-06-07T20:30:00Z"}, verb="Update")
            try:
                assert await handle_update_note(context, forged) is Outcome.REFUSED
            except (NotAuthorized, Malformed):
                continue
        assert await delete_of(context, sender, document["id"]) is Outcome.REFUSED
        assert await delete_of(context, sender, context.origin.object(own.id)) is Outcome.REFUSED
    post = await kept(context, document)
    assert post is not None
    assert "Mine" in post.content.html
    assert await find_post(context, own.id, viewer(MONA)) is not None


async def test_what_the_author_deletes_is_gone_for_good(context: Context) -> None:
    await followed(context)
    document = note(MONA, "Regrets")
    await take(context, MONA, document)
    assert await delete_of(context, MONA, document["id"]) is Outcome.DONE
    row = await records.find_row(context, document["id"])
    assert row is not None
    assert (row.document, row.sealed_document, row.parent_index, row.group_index) == (None, None, None, None)
    assert row.author_index == b"\0" * 16
    assert await delete_of(context, MONA, document["id"]) is Outcome.IGNORED
    assert await take(context, MONA, document) is Outcome.IGNORED
    edited = document | {"updated": "2026-06-07T20:30:00Z"}
    assert await handle_update_note(context, created(MONA, edited, verb="Update")) is Outcome.IGNORED
    assert await find_post(context, document["id"], viewer(MONA)) is None


async def test_a_delete_that_came_first_keeps_the_late_create_out(context: Context) -> None:
    await followed(context)
    document = note(MONA)
    # Of another origin it means nothing, of a neighbour it binds the neighbour only.
    assert await delete_of(context, MALLORY, document["id"]) is Outcome.IGNORED
    assert await delete_of(context, make_remote_actor("neighbour"), document["id"]) is Outcome.DONE
    assert await take(context, MONA, document) is Outcome.DONE
    late = note(MONA)
    assert await delete_of(context, MONA, late["id"]) is Outcome.DONE
    assert await delete_of(context, MONA, late["id"]) is Outcome.DONE
    assert await take(context, MONA, late) is Outcome.IGNORED
    assert await count_posts(context) == 1


async def test_remembered_deletes_have_a_limit(context: Context) -> None:
    for number in range(budgets.REMEMBERED_DEEDS.limit):
        assert await delete_of(context, MALLORY, f"https://evil.example/{number}") is Outcome.DONE
    assert await delete_of(context, MALLORY, "https://evil.example/more") is Outcome.IGNORED
    assert await delete_of(context, MONA, f"{MONA.id}/1") is Outcome.DONE


async def test_a_post_to_a_crowd_of_strangers_is_dropped(context: Context) -> None:
    people = [await make_person(context, f"p{number}") for number in range(11)]
    crowd = [context.origin.actor(person.id) for person in people]
    assert await take(context, MONA, note(MONA, to=crowd)) is Outcome.IGNORED
    assert await take(context, MONA, note(MONA, to=crowd[:10])) is Outcome.DONE


async def test_whoever_is_shut_out_is_not_heard(context: Context) -> None:
    await followed(context, MALLORY)
    context.session.add(DomainBlock(domain="evil.example", since=context.now.date()))
    assert await take(context, MALLORY, note(MALLORY)) is Outcome.IGNORED


async def test_a_vote_is_never_shown_as_an_answer(context: Context) -> None:
    robin = await make_person(context)
    post = await service.publish(context, author=robin, text="Tea?", audience="public")
    vote = note(MONA, name="Yes", inReplyTo=context.origin.object(post.id), to=[context.origin.actor(robin.id)])
    del vote["content"]
    assert await take(context, MONA, vote) is Outcome.IGNORED
    assert await count_posts(context) == 1


async def test_a_date_in_the_future_puts_nothing_on_top(context: Context) -> None:
    await followed(context)
    document = note(MONA, published="2999-01-01T00:00:00Z")
    await take(context, MONA, document)
    post = await kept(context, document)
    assert post is not None
    assert post.content.published == context.now
    ancient = note(MONA, published="1066-10-14T09:00:00Z")
    assert await take(context, MONA, ancient) is Outcome.DONE


async def test_a_members_message_stays_between_member_and_circle(context: Context) -> None:
    stage: Stage = await make_stage(context)
    document = note(stage.member, "To you", to=[context.origin.actor(stage.circle.id)], cc=[])
    assert await take(context, stage.member, document) is Outcome.DONE
    assert await find_post(context, document["id"], stage.circle) is not None
    for other in (stage.local_member, stage.movement, stage.local_fan):
        assert await find_post(context, document["id"], other) is None
    assert await find_post(context, document["id"], viewer(stage.stranger)) is None


async def test_a_post_for_members_elsewhere_is_seen_by_its_member_only(context: Context) -> None:
    """CVE-2025-30741: what was sent for one member here is not for the others (HOSTILE B4)."""
    group = await know(context, make_remote_actor("union", type="Group"))
    robin, lee = await make_person(context), await make_person(context, "lee")
    await let_join(context, robin, group)
    await let_follow(context, lee, group, state="requested")
    document = note(group, "Members", to=[group.followers], cc=[])
    assert await take(context, group, document) is Outcome.DONE
    assert await find_post(context, document["id"], robin) is not None
    assert await find_post(context, document["id"], lee) is None


async def test_posts_of_an_actor_that_is_gone_go(context: Context) -> None:
    await followed(context)
    documents = [note(MONA), note(MONA, to=[f"{MONA.id}/followers"], cc=[])]
    for document in documents:
        await take(context, MONA, document)
    assert await service.forget_author(context, MONA.id) == 2
    assert await count_posts(context) == 0


async def test_a_post_that_overtook_the_accept_comes_again(context: Context) -> None:
    person = await make_person(context)
    await know(context, MONA)
    document = note(MONA, to=[f"{MONA.id}/followers"], cc=[])
    assert await take(context, MONA, document) is Outcome.IGNORED
    await let_follow(context, person, MONA, state="requested")
    assert await take(context, MONA, document) is Outcome.RETRY
    assert await count_posts(context) == 0
    await let_follow(context, person, MONA)
    assert await take(context, MONA, document) is Outcome.DONE
