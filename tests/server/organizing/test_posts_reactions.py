"""Boosts and likes, out and in: of what one may see, told to whom it concerns, taken back by who made them."""

import pytest
from sqlalchemy import func, select

from federation.authority import NotAuthorized
from federation.context import Context
from federation.table import Outcome
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.actors import Actor
from models import DomainBlock, Post, Reaction
from server.organizing.posts import pins, reactions, records, service
from server.organizing.posts import reactions_inbox as inbox
from server.organizing.posts.inbox import handle_create_note, handle_delete_object
from server.organizing.refusal import Refused
from tests.builders import activity, know, make_person, make_remote_actor, received, sent
from tests.posting import created, let_follow, make_stage, note

MONA = make_remote_actor("mona")
MALLORY = make_remote_actor("mallory", host="evil.example")


async def count_reactions(context: Context) -> int:
    return int((await context.session.execute(select(func.count()).select_from(Reaction))).scalar_one())


async def boosted(
    context: Context, booster: Actor, uri: str, document: Document | None = None, **fields: object
) -> Outcome:
    announce = activity(booster, "Announce", uri, **fields)
    return await inbox.handle_announce_object(context, received(booster, announce, object=document))


async def liked(context: Context, actor: Actor, uri: str, verb: str = "Like", **fields: object) -> Outcome:
    return await inbox.handle_like_object(context, received(actor, activity(actor, verb, uri, **fields)))


async def test_a_boost_goes_to_followers_and_author_and_can_be_taken_back(context: Context) -> None:
    stage = await make_stage(context)
    document = note(stage.stranger, cc=[context.origin.actor(stage.movement.id)])
    await handle_create_note(context, created(stage.stranger, document))
    first = await reactions.boost(context, actor=stage.movement, post=document["id"])
    again = await reactions.boost(context, actor=stage.movement, post=document["id"])
    assert first.id == again.id
    await reactions.unboost(context, actor=stage.movement, post=document["id"])
    await reactions.unboost(context, actor=stage.movement, post=document["id"])
    queued = await sent(context)
    reached = {"https://fan.example/inbox", "https://stranger.example/users/stranger/inbox"}
    assert {delivery.inbox for delivery in queued} == reached
    assert [delivery.activity["type"] for delivery in queued] == ["Announce", "Announce", "Undo", "Undo"]
    announce, undo = queued[0].activity, queued[-1].activity
    assert announce["object"] == document["id"]
    assert announce["to"] == [PUBLIC]
    assert announce["cc"] == [context.origin.actor(stage.movement.id, "followers"), stage.stranger.id]
    assert undo["object"] == {name: value for name, value in announce.items() if name != "@context"}
    assert (undo["to"], undo["cc"]) == (announce["to"], announce["cc"])
    assert await count_reactions(context) == 0


async def test_a_circle_boosts_to_its_members_and_stays_unseen(context: Context) -> None:
    stage = await make_stage(context)
    document = note(stage.stranger, cc=[context.origin.actor(stage.movement.id)])
    await handle_create_note(context, created(stage.stranger, document))
    await reactions.boost(context, actor=stage.circle, post=document["id"])
    with pytest.raises(Refused):
        await reactions.like(context, actor=stage.circle, post=document["id"])
    (boost,) = await sent(context)
    assert boost.inbox == "https://member.example/users/member/inbox"
    assert boost.activity["to"] == [context.origin.actor(stage.circle.id, "followers")]
    assert boost.activity["cc"] == []


async def test_closed_posts_are_boosted_by_their_author_to_the_same_people_only(context: Context) -> None:
    stage = await make_stage(context)
    closed = await service.publish(context, author=stage.movement, text="Supporters", audience="supporters")
    secret = await service.publish(context, author=stage.circle, text="Members", audience="circle")
    for actor, post in ((stage.local_fan, closed), (stage.local_member, secret), (stage.circle, secret)):
        with pytest.raises(Refused):
            await reactions.boost(context, actor=actor, post=post.id)
    for post in (closed, secret):
        with pytest.raises(Refused):
            await reactions.boost(context, actor=stage.local_stranger, post=post.id)
    before = len(await sent(context))
    await reactions.boost(context, actor=stage.movement, post=closed.id)
    (boost,) = (await sent(context))[before:]
    assert boost.inbox == stage.fan.inbox
    assert (boost.activity["to"], boost.activity["cc"]) == ([context.origin.actor(stage.movement.id, "followers")], [])


async def test_a_like_is_told_to_the_author_and_nobody_else(context: Context) -> None:
    stage = await make_stage(context)
    await let_follow(context, stage.fan, stage.local_fan)
    document = note(stage.stranger, cc=[context.origin.actor(stage.movement.id)])
    await handle_create_note(context, created(stage.stranger, document))
    for _ in range(2):
        await reactions.like(context, actor=stage.local_fan, post=document["id"])
    await reactions.unlike(context, actor=stage.local_fan, post=document["id"])
    await reactions.unlike(context, actor=stage.local_fan, post=document["id"])
    like, undo = await sent(context)
    assert {like.inbox, undo.inbox} == {stage.stranger.inbox}
    assert (like.activity["type"], like.activity["object"]) == ("Like", document["id"])
    assert (like.activity["to"], like.activity["cc"]) == ([stage.stranger.id], [])
    assert undo.activity["object"] == {name: value for name, value in like.activity.items() if name != "@context"}


async def test_what_is_ours_is_liked_without_a_word_to_anybody(context: Context) -> None:
    stage = await make_stage(context)
    post = await service.publish(context, author=stage.circle, text="Members", audience="circle")
    before = await sent(context)
    await reactions.like(context, actor=stage.local_member, post=post.id)
    with pytest.raises(Refused):
        await reactions.like(context, actor=stage.local_stranger, post=post.id)
    assert await sent(context) == before
    assert await count_reactions(context) == 1


async def test_a_boost_by_somebody_followed_brings_the_post_along(context: Context) -> None:
    await know(context, MONA)
    await let_follow(context, await make_person(context), MONA)
    document = note(MALLORY, "Worth reading")
    assert await boosted(context, MONA, document["id"], document) is Outcome.DONE
    assert await boosted(context, MONA, document["id"]) is Outcome.IGNORED
    post = await records.find_stored(context, document["id"])
    assert post is not None
    assert post.content.author == MALLORY.id
    assert await count_reactions(context) == 1


async def test_a_boost_of_ours_counts_whoever_made_it(context: Context) -> None:
    post = await service.publish(context, author=await make_person(context), text="Hi", audience="unlisted")
    uri = context.origin.object(post.id)
    assert await boosted(context, MALLORY, uri) is Outcome.DONE
    assert await boosted(context, MALLORY, uri) is Outcome.IGNORED
    assert await boosted(context, MALLORY, context.origin.object("missing")) is Outcome.IGNORED


async def test_what_nobody_here_follows_is_not_kept(context: Context) -> None:
    document = note(MALLORY)
    assert await boosted(context, MALLORY, document["id"], document) is Outcome.IGNORED
    assert (await context.session.execute(select(Post))).first() is None


async def test_closed_posts_are_not_boosted_by_others(context: Context) -> None:
    stage = await make_stage(context)
    await let_follow(context, stage.local_fan, MONA)
    await know(context, MALLORY)
    for closed in (note(MALLORY, to=[MALLORY.followers], cc=[]), note(MALLORY, to=[MONA.id], cc=[])):
        assert await boosted(context, MONA, closed["id"], closed) is Outcome.IGNORED
    ours = await service.publish(context, author=stage.movement, text="Supporters", audience="supporters")
    assert await boosted(context, stage.fan, context.origin.object(ours.id)) is Outcome.IGNORED
    own = note(MONA, to=[MONA.followers], cc=[])
    assert await boosted(context, MONA, own["id"], own) is Outcome.DONE


async def test_what_is_shut_out_comes_in_by_no_boost(context: Context) -> None:
    """HOSTILE A18 and B16: the author counts, not who passes it on; known before or not."""
    robin = await make_person(context)
    for actor in (MONA, MALLORY):
        await know(context, actor)
        await let_follow(context, robin, actor)
    known, unknown = note(MALLORY), note(MALLORY)
    await handle_create_note(context, created(MALLORY, known))
    context.session.add(DomainBlock(domain="evil.example", since=context.now.date()))
    assert await boosted(context, MONA, known["id"]) is Outcome.IGNORED
    assert await boosted(context, MONA, unknown["id"], unknown) is Outcome.IGNORED
    assert await count_reactions(context) == 0


async def test_a_boost_after_the_delete_brings_nothing_back(context: Context) -> None:
    await know(context, MONA)
    await let_follow(context, await make_person(context), MONA)
    deleted, late = note(MONA), note(MONA)
    await handle_create_note(context, created(MONA, deleted))
    for document in (deleted, late):
        delete = activity(MONA, "Delete", {"id": document["id"], "type": "Tombstone"})
        assert await handle_delete_object(context, received(MONA, delete)) is Outcome.DONE
        assert await boosted(context, MONA, document["id"], document) is Outcome.IGNORED
    assert await boosted(context, MONA, deleted["id"]) is Outcome.IGNORED


@pytest.mark.parametrize("verb", ["Like", "EmojiReact"])
async def test_a_like_counts_once_and_only_for_what_the_sender_sees(context: Context, verb: str) -> None:
    stage = await make_stage(context)
    post = await service.publish(context, author=stage.movement, text="Supporters", audience="supporters")
    uri = context.origin.object(post.id)
    assert await liked(context, MALLORY, uri, verb, content="👍") is Outcome.IGNORED
    assert await liked(context, stage.fan, uri, verb, content="👍") is Outcome.DONE
    assert await liked(context, stage.fan, uri, verb) is Outcome.IGNORED
    assert await liked(context, stage.fan, f"{stage.fan.id}/statuses/1", verb) is Outcome.IGNORED
    assert await count_reactions(context) == 1
    dislike = received(stage.fan, activity(stage.fan, "Dislike", uri))
    assert await inbox.handle_dislike_object(context, dislike) is Outcome.IGNORED


@pytest.mark.parametrize("shape", ["id", "whole", "without id"])
@pytest.mark.parametrize("verb", ["Like", "Announce"])
async def test_only_who_reacted_takes_it_back(context: Context, verb: str, shape: str) -> None:
    post = await service.publish(context, author=await make_person(context), text="Hi", audience="public")
    uri = context.origin.object(post.id)
    original = activity(MONA, verb, uri)
    react, undo = {
        "Like": (inbox.handle_like_object, inbox.handle_undo_like),
        "Announce": (inbox.handle_announce_object, inbox.handle_undo_announce),
    }[verb]
    assert await react(context, received(MONA, original)) is Outcome.DONE
    named = {
        "id": original["id"],
        "whole": original,
        "without id": {"type": verb, "actor": MONA.id, "object": {"id": uri}},
    }[shape]
    forged = received(MALLORY, activity(MALLORY, "Undo", named))
    assert await undo(context, forged) is Outcome.IGNORED
    assert await count_reactions(context) == 1
    mine = received(MONA, activity(MONA, "Undo", named))
    assert await undo(context, mine) is Outcome.DONE
    assert await undo(context, mine) is Outcome.IGNORED
    assert await count_reactions(context) == 0


async def test_a_like_is_not_taken_back_as_a_boost(context: Context) -> None:
    post = await service.publish(context, author=await make_person(context), text="Hi", audience="public")
    like = activity(MONA, "Like", context.origin.object(post.id))
    await inbox.handle_like_object(context, received(MONA, like))
    undo = received(MONA, activity(MONA, "Undo", like))
    assert await inbox.handle_undo_announce(context, undo) is Outcome.IGNORED


async def test_a_delete_reaches_the_servers_on_which_somebody_reacted(context: Context) -> None:
    stage = await make_stage(context)
    post = await service.publish(context, author=stage.movement, text="Hi", audience="public")
    await boosted(context, stage.stranger, context.origin.object(post.id))
    await service.delete(context, author=stage.movement, post_id=post.id)
    deletes = [delivery.inbox for delivery in await sent(context) if delivery.activity["type"] == "Delete"]
    assert set(deletes) == {"https://fan.example/inbox", "https://stranger.example/inbox"}
    assert await count_reactions(context) == 0


async def test_who_reacted_cannot_be_read_from_the_table(context: Context) -> None:
    post = await service.publish(context, author=await make_person(context), text="Hi", audience="public")
    await liked(context, MONA, context.origin.object(post.id))
    (row,) = (await context.session.execute(select(Reaction))).scalars()
    assert b"mona" not in row.sealed_record + row.actor_index + row.activity_index


async def test_reactions_of_an_actor_that_is_gone_go(context: Context) -> None:
    post = await service.publish(context, author=await make_person(context), text="Hi", audience="public")
    await liked(context, MONA, context.origin.object(post.id))
    await liked(context, MALLORY, context.origin.object(post.id))
    assert await service.forget_author(context, MONA.id) == 1
    assert await count_reactions(context) == 1


@pytest.mark.parametrize("verb", ["Add", "Remove"])
@pytest.mark.parametrize(("target", "outcome"), [("own", Outcome.IGNORED), ("other", Outcome.REFUSED)])
async def test_pins_are_heard_of_the_owner_of_the_collection_only(
    context: Context, verb: str, target: str, outcome: Outcome
) -> None:
    mona = make_remote_actor("mona", featured=f"{MONA.id}/featured")
    collection = {"own": f"{MONA.id}/featured", "other": f"{MALLORY.id}/featured"}[target]
    handler = pins.handle_add_object if verb == "Add" else pins.handle_remove_object
    document = activity(mona, verb, f"{MONA.id}/statuses/1", target=collection)
    assert await handler(context, received(mona, document)) is outcome
    without = activity(MALLORY, verb, f"{MONA.id}/statuses/1")
    assert await handler(context, received(MALLORY, without)) is Outcome.REFUSED


async def test_no_boost_carries_what_claims_to_be_ours(context: Context) -> None:
    await know(context, MONA)
    await let_follow(context, await make_person(context), MONA)
    forged = note("https://groundswell.test/ap/actors/admin", id="https://groundswell.test/ap/objects/1")
    try:
        outcome = await boosted(context, MONA, f"{MONA.id}/statuses/1", forged)
    except NotAuthorized:
        outcome = Outcome.IGNORED
    assert outcome is Outcome.IGNORED
    assert (await context.session.execute(select(Post))).first() is None
