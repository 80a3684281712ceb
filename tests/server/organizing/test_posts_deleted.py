"""Deleted means deleted: a Delete reaches every server that was sent the post, also those whose people left since."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete

from federation import delivery, follows
from federation.context import Context
from federation.table import Outcome
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.actors import Actor
from models import LocalActor, OutboxItem
from server.organizing.following import inbox as following_inbox
from server.organizing.following import service as following_service
from server.organizing.membership import inbox as membership_inbox
from server.organizing.membership.records import Way
from server.organizing.moderation import service as moderation
from server.organizing.movements.queries import is_circle
from server.organizing.people import inbox as people_inbox
from server.organizing.people import service as people
from server.organizing.posts import reactions, records
from server.organizing.posts import service as posts
from server.organizing.posts.content import Audience, PostContent
from tests.builders import activity, know, make_remote_actor, received, sent
from tests.posting import let_follow, let_join, make_stage

FAN = "https://fan.example/inbox"
OPEN_OR_FOR_FOLLOWERS = ["public", "unlisted", "supporters"]

End = Callable[[Context, Actor, LocalActor], Awaitable[None]]


async def _undo_follow(context: Context, leaver: Actor, actor: LocalActor) -> None:
    follow = {"type": "Follow", "actor": leaver.id, "object": context.origin.actor(actor.id)}
    undo = received(leaver, activity(leaver, "Undo", follow))
    assert await following_inbox.handle_undo_follow(context, undo) == Outcome.DONE


async def _remove(context: Context, leaver: Actor, actor: LocalActor) -> None:
    await following_service.remove_follower(context, owner=actor, follower=leaver.id)


async def _block_us(context: Context, leaver: Actor, actor: LocalActor) -> None:
    block = received(leaver, activity(leaver, "Block", context.origin.actor(actor.id)))
    assert await following_inbox.handle_block_actor(context, block) == Outcome.DONE


async def _delete_themselves(context: Context, leaver: Actor, actor: LocalActor) -> None:
    assert await people_inbox.handle_delete_actor(context, received(leaver, activity(leaver, "Delete", leaver.id))) == (
        Outcome.DONE
    )


async def _be_suspended(context: Context, leaver: Actor, actor: LocalActor) -> None:
    await moderation.suspend_actor(context, leaver.id)


async def _answer_410(context: Context, leaver: Actor, actor: LocalActor) -> None:
    await follows.remove_actor(context, leaver.id)


async def _be_blocked_for_a_while(context: Context, leaver: Actor, actor: LocalActor) -> None:
    domain = leaver.id.split("/")[2]
    await moderation.block_domain(context, domain)
    await moderation.unblock_domain(context, domain)


async def _leave(context: Context, leaver: Actor, actor: LocalActor) -> None:
    farewell = received(leaver, activity(leaver, "Leave", context.origin.actor(actor.id)))
    assert await membership_inbox.handle_leave_group(context, farewell) == Outcome.DONE


ENDS_OF_FOLLOWS = [
    _undo_follow,
    _remove,
    _block_us,
    _delete_themselves,
    _be_suspended,
    _answer_410,
    _be_blocked_for_a_while,
]
ENDS_OF_MEMBERSHIPS = [_leave, _remove, _block_us, _delete_themselves, _be_suspended, _be_blocked_for_a_while]


@pytest.mark.parametrize("audience", OPEN_OR_FOR_FOLLOWERS)
async def test_a_server_whose_follower_left_hears_the_delete(context: Context, audience: str) -> None:
    stage = await make_stage(context)
    uri = await _publish(context, stage.movement, audience)
    _later(context)
    await _undo_follow(context, stage.fan, stage.movement)
    _later(context)
    await posts.delete(context, author=stage.movement, post_id=uri)
    assert await _deleted(context, uri) == [FAN]


@pytest.mark.parametrize("audience", OPEN_OR_FOR_FOLLOWERS)
async def test_a_server_that_was_left_before_learns_of_nothing(context: Context, audience: str) -> None:
    stage = await make_stage(context)
    await _undo_follow(context, stage.fan, stage.movement)
    before = len(await sent(context))
    _later(context, seconds=1)
    uri = await _publish(context, stage.movement, audience)
    await posts.delete(context, author=stage.movement, post_id=uri)
    assert (await sent(context))[before:] == []


@pytest.mark.parametrize("end", ENDS_OF_FOLLOWS)
async def test_however_a_follow_ends(context: Context, end: End) -> None:
    stage = await make_stage(context)
    uri = await _publish(context, stage.movement, "public")
    await end(context, stage.fan, stage.movement)
    await posts.delete(context, author=stage.movement, post_id=uri)
    assert await _deleted(context, uri) == [FAN]


@pytest.mark.parametrize("way", [Way.FOLLOW, Way.JOIN, Way.INVITE])
@pytest.mark.parametrize("end", ENDS_OF_MEMBERSHIPS)
async def test_however_a_membership_ends(context: Context, end: End, way: Way) -> None:
    stage = await make_stage(context)
    gail = await know(context, make_remote_actor("gail", host="gail.example"))
    await let_join(context, gail, stage.circle, way=way)
    uri = await _publish(context, stage.circle, "circle")
    await end(context, gail, stage.circle)
    _later(context)
    other = await _publish(context, stage.circle, "circle")
    for post in (uri, other):
        await posts.delete(context, author=stage.circle, post_id=post)
    member = stage.member.inbox
    assert await _deleted(context, uri) == sorted([member, "https://gail.example/inbox"])
    assert await _deleted(context, other) == [member]


async def test_who_was_removed_gets_no_content_any_more(context: Context) -> None:
    stage = await make_stage(context)
    for actor, leaver, audience in (
        (stage.movement, stage.fan, "supporters"),
        (stage.circle, stage.member, "circle"),
    ):
        uri = await _publish(context, actor, audience)
        await _remove(context, leaver, actor)
        before = len(await sent(context))
        await posts.edit(context, author=actor, post_id=uri, text="Something new.")
        assert (await sent(context))[before:] == []


async def test_who_only_asked_or_follows_another_hears_nothing(context: Context) -> None:
    stage = await make_stage(context)
    asker = await know(context, make_remote_actor("asker", host="asker.example"))
    await let_follow(context, asker, stage.movement, state="requested")
    uri = await _publish(context, stage.movement, "public")
    await _undo_follow(context, asker, stage.movement)
    await let_follow(context, stage.stranger, stage.local_fan)
    await _remove(context, stage.stranger, stage.local_fan)
    await posts.delete(context, author=stage.movement, post_id=uri)
    assert await _deleted(context, uri) == [FAN]


async def test_of_a_direct_message_only_those_hear_who_got_it(context: Context) -> None:
    stage = await make_stage(context)
    made = await posts.publish(context, author=stage.movement, text="Hi.", audience="direct", mentions=[stage.stranger])
    await _undo_follow(context, stage.fan, stage.movement)
    await posts.delete(context, author=stage.movement, post_id=made.id)
    assert await _deleted(context, context.origin.object(made.id)) == [stage.stranger.inbox]


async def test_a_server_with_somebody_left_on_it_hears_once(context: Context) -> None:
    stage = await make_stage(context)
    faye = await know(context, make_remote_actor("faye", host="fan.example"))
    await let_follow(context, faye, stage.movement)
    uri = await _publish(context, stage.movement, "supporters")
    await _undo_follow(context, stage.fan, stage.movement)
    await posts.delete(context, author=stage.movement, post_id=uri)
    assert await _deleted(context, uri) == [faye.inbox]


async def test_blocked_servers_hear_nothing(context: Context) -> None:
    stage = await make_stage(context)
    uri = await _publish(context, stage.movement, "public")
    await moderation.block_domain(context, "fan.example")
    await posts.delete(context, author=stage.movement, post_id=uri)
    assert await sent(context) == []


@pytest.mark.parametrize(("days", "hears"), [(179, [FAN]), (182, [])])
async def test_a_server_is_told_for_half_a_year(context: Context, days: int, hears: list[str]) -> None:
    stage = await make_stage(context)
    uri = await _publish(context, stage.movement, "public")
    await _undo_follow(context, stage.fan, stage.movement)
    await context.session.execute(delete(OutboxItem))
    _later(context, days=days)
    await delivery.sweep(context)
    await posts.delete(context, author=stage.movement, post_id=uri)
    assert await _deleted(context, uri) == hears


async def test_whom_a_boost_here_brought_the_post_hears_of_its_end(context: Context) -> None:
    stage = await make_stage(context)
    uri = await _publish(context, stage.local_fan, "public")
    early = await know(context, make_remote_actor("early", host="early.example"))
    await let_follow(context, early, stage.movement)
    await _undo_follow(context, early, stage.movement)
    _later(context)
    for group in (stage.movement, stage.circle):
        await reactions.boost(context, actor=group, post=uri)
    await _undo_follow(context, stage.fan, stage.movement)
    await posts.delete(context, author=stage.local_fan, post_id=uri)
    assert await _deleted(context, uri) == sorted([FAN, stage.member.inbox])


async def test_everybody_who_got_something_hears_that_an_account_is_gone(context: Context) -> None:
    stage = await make_stage(context)
    robin = stage.local_stranger
    heard = [await know(context, make_remote_actor(name, host=f"{name}.example")) for name in ("dm", "old", "liked")]
    recipient, former, liked = heard
    named = await know(context, make_remote_actor("named", host="dm.example"))
    await posts.publish(context, author=robin, text="Psst.", audience="direct", mentions=[recipient, named])
    forgotten = make_remote_actor("forgotten", host="forgotten.example")
    await posts.publish(context, author=robin, text="Hi.", audience="supporters", mentions=[forgotten])
    await let_follow(context, former, robin)
    await _undo_follow(context, former, robin)
    await let_follow(context, former, stage.local_fan)
    await _undo_follow(context, former, stage.local_fan)
    await _like(context, robin, liked)
    own = context.origin.actor(robin.id)

    await people.delete_person(context, person=robin)
    assert await _deleted(context, own) == [
        "https://dm.example/inbox",
        forgotten.inbox,
        "https://liked.example/inbox",
        "https://old.example/inbox",
    ]
    # What is remembered for others stays.
    uri = await _publish(context, stage.local_fan, "public")
    await posts.delete(context, author=stage.local_fan, post_id=uri)
    assert await _deleted(context, uri) == ["https://old.example/inbox"]


async def test_a_follower_of_a_deleted_account_hears_once(context: Context) -> None:
    stage = await make_stage(context)
    for follower in (stage.fan, stage.stranger):
        await let_follow(context, follower, stage.local_fan)
    await posts.publish(context, author=stage.local_fan, text="Hi.", audience="direct", mentions=[stage.fan])
    await _undo_follow(context, stage.stranger, stage.local_fan)
    await people.delete_person(context, person=stage.local_fan)
    assert await _deleted(context, context.origin.actor(stage.local_fan.id)) == [FAN, "https://stranger.example/inbox"]


async def _publish(context: Context, author: LocalActor, audience: str) -> str:
    circle = author if await is_circle(context, author) else None
    made = await posts.publish(context, author=author, text="Once said.", audience=audience, circle=circle)
    return context.origin.object(made.id)


async def _like(context: Context, person: LocalActor, writer: Actor) -> None:
    """Likes a public post by somebody elsewhere, whom nothing else connects with the person."""
    content = PostContent(
        uri=f"{writer.id}/statuses/1", author=writer.id, published=context.now, html="<p>Hello</p>", to=(PUBLIC,)
    )
    await records.put(context, content, audience=Audience.PUBLIC, group=None, number=1)
    await reactions.like(context, actor=person, post=content.uri)


def _later(context: Context, **duration: float) -> None:
    context.now += timedelta(**(duration or {"minutes": 5}))


async def _deleted(context: Context, uri: str) -> list[str]:
    """Where a Delete of this waits to be delivered."""
    return sorted(one.inbox for one in await sent(context) if _is_delete(one.activity, uri))


def _is_delete(document: Document, uri: str) -> bool:
    deleted = document["object"]
    return document["type"] == "Delete" and uri == (deleted if isinstance(deleted, str) else deleted["id"])
