"""A circle here: who applies, who is admitted by whom, who goes, and that each answer has one reader."""

from datetime import timedelta

import pytest

from federation import follows, outbox
from federation.context import Context
from federation.table import Handler, Outcome
from federation.vocabulary import Document
from models import LocalActor
from server.organizing.following import inbox as following_inbox
from server.organizing.following import queries as following
from server.organizing.following import service as following_service
from server.organizing.membership import inbox, queries, service
from server.organizing.membership.records import Role
from server.organizing.refusal import Refused
from tests.builders import MadeMovement, activity, make_movement, make_person, make_remote_actor, received, sent

MONA = make_remote_actor("mona")
MOBI = make_remote_actor("mobi", host="mobilizon.example")


async def test_the_founder_is_the_organizer(context: Context) -> None:
    robin, flex = await _flex(context)
    own = context.origin.actor(robin.id)
    assert await queries.role_of(context, flex.circle, own) is Role.ORGANIZER
    assert [place.group for place in await queries.circles_of(context, own)] == [context.origin.actor(flex.circle.id)]
    assert await following.relation(context, follower=robin, followee=flex.circle) == "accepted"


async def test_a_follow_request_is_an_application(context: Context) -> None:
    robin, flex = await _flex(context)
    follow = await _follow(context, flex)
    assert await sent(context) == []
    (request,) = await queries.requests_of(context, flex.circle)
    assert (request.uri, request.way, request.since) == (MONA.id, "follow", context.now.date())
    assert not await queries.is_member(context, flex.circle, MONA.id)
    assert MONA.id not in {one.actor for one in await queries.recipients(context, flex.circle)}

    await service.admit(context, circle=flex.circle, member=MONA.id, by=robin)
    (accept,) = await sent(context)
    assert (accept.inbox, accept.sender, accept.activity["to"]) == (MONA.inbox, flex.circle.id, [MONA.id])
    assert accept.activity["object"]["id"] == follow
    assert await queries.is_member(context, flex.circle, MONA.id)
    assert set(await following.follower_uris(context, flex.circle)) == {context.origin.actor(robin.id), MONA.id}
    assert MONA.inbox in {one.inbox for one in await queries.recipients(context, flex.circle)}
    with pytest.raises(Refused):
        await service.admit(context, circle=flex.circle, member=MONA.id, by=robin)


async def test_a_join_is_answered_with_the_membership(context: Context) -> None:
    robin, flex = await _flex(context)
    join = activity(MOBI, "Join", context.origin.actor(flex.circle.id))
    for _ in range(2):
        assert await inbox.handle_join_group(context, received(MOBI, join)) == Outcome.DONE
    assert await sent(context) == []
    await service.admit(context, circle=flex.circle, member=MOBI.id, by=robin)
    (accept,) = await sent(context)
    assert (accept.inbox, accept.activity["to"], accept.activity["cc"]) == (MOBI.inbox, [MOBI.id], [])
    assert accept.activity["object"]["id"] == join["id"]
    result = accept.activity["result"]
    assert (result["type"], result["actor"], result["role"]) == ("Member", MOBI.id, "member")
    assert result["object"] == context.origin.actor(flex.circle.id)
    # A member who asks again, because the answer got lost, gets it again.
    again = activity(MOBI, "Join", context.origin.actor(flex.circle.id))
    assert await inbox.handle_join_group(context, received(MOBI, again)) == Outcome.DONE
    assert (await sent(context))[-1].activity["object"]["id"] == again["id"]
    assert [one.actor for one in await queries.recipients(context, flex.circle)].count(MOBI.id) == 1


async def test_whoever_asks_both_ways_is_answered_both_ways(context: Context) -> None:
    robin, flex = await _flex(context)
    await inbox.handle_join_group(context, received(MONA, activity(MONA, "Join", context.origin.actor(flex.circle.id))))
    await _follow(context, flex)
    assert len(await queries.requests_of(context, flex.circle)) == 1
    await service.admit(context, circle=flex.circle, member=MONA.id, by=robin)
    assert sorted(one.activity["object"]["type"] for one in await sent(context)) == ["Follow", "Join"]
    # The Follow was one more subscription: without it, the membership stays.
    undo = activity(MONA, "Undo", {"type": "Follow", "actor": MONA.id, "object": context.origin.actor(flex.circle.id)})
    assert await following_inbox.handle_undo_follow(context, received(MONA, undo)) == Outcome.DONE
    assert await queries.is_member(context, flex.circle, MONA.id)


async def test_refusals_go_to_the_applicant_only(context: Context) -> None:
    robin, flex = await _flex(context)
    await _follow(context, flex)
    await inbox.handle_join_group(context, received(MOBI, activity(MOBI, "Join", context.origin.actor(flex.circle.id))))
    for applicant in (MONA, MOBI):
        await service.refuse(context, circle=flex.circle, member=applicant.id, by=robin)
    answers = [(one.inbox, one.activity["type"], one.activity["object"]["type"]) for one in await sent(context)]
    assert answers == [(MONA.inbox, "Reject", "Follow"), (MOBI.inbox, "Reject", "Join")]
    assert await queries.requests_of(context, flex.circle) == []
    assert await follows.find(context, follower=MONA.id, followee=context.origin.actor(flex.circle.id)) is None


async def test_removal_ends_everything_and_drops_what_still_waits(context: Context) -> None:
    robin, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    for member in (MONA, MOBI):
        await inbox.handle_join_group(context, received(member, activity(member, "Join", own)))
        await service.admit(context, circle=flex.circle, member=member.id, by=robin)
    await _follow(context, flex)
    post = {"id": "https://groundswell.test/ap/activities/p", "type": "Create"}
    everyone = [one.inbox for one in await queries.recipients(context, flex.circle)]
    await outbox.enqueue(context, sender=flex.circle, activity=post, inboxes=everyone, about="p")
    await service.remove(context, circle=flex.circle, member=MONA.id, by=robin)

    waiting = [(one.inbox, one.activity["type"]) for one in await sent(context)]
    assert [kind for inbox_, kind in waiting if inbox_ == MONA.inbox] == ["Reject", "Remove"]
    assert (MOBI.inbox, "Create") in waiting
    remove = next(one for one in await sent(context) if one.activity["type"] == "Remove").activity
    assert (remove["origin"], remove["target"], remove["to"], remove["cc"]) == (own, own, [MONA.id], [])
    assert not await queries.is_member(context, flex.circle, MONA.id)
    assert MONA.id not in await following.follower_uris(context, flex.circle)
    assert MONA.id not in {one.actor for one in await queries.recipients(context, flex.circle)}


async def test_members_leave_by_themselves(context: Context) -> None:
    robin, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    undo = {"type": "Follow", "actor": MONA.id, "object": own}
    ways: tuple[tuple[str, str | Document, Handler], ...] = (
        ("Undo", undo, following_inbox.handle_undo_follow),
        ("Leave", own, inbox.handle_leave_group),
        ("Block", own, following_inbox.handle_block_actor),
    )
    for verb, object_, handle in ways:
        await _follow(context, flex)
        await service.admit(context, circle=flex.circle, member=MONA.id, by=robin)
        message = received(MONA, activity(MONA, verb, object_))
        assert await handle(context, message) == Outcome.DONE, verb
        assert not await queries.is_member(context, flex.circle, MONA.id), verb
        assert await following.follower_uris(context, flex.circle) == [context.origin.actor(robin.id)], verb
        assert await handle(context, message) == Outcome.IGNORED, verb


async def test_a_local_person_applies_and_leaves_without_a_word_to_anybody(context: Context) -> None:
    _, flex = await _flex(context)
    kit = await make_person(context, "kit")
    own = context.origin.actor(kit.id)
    record = await service.join(context, person=kit, group=flex.circle)
    assert record is not None
    assert record == await service.join(context, person=kit, group=flex.circle)
    assert await following.relation(context, follower=kit, followee=flex.circle) == "requested"
    await following_service.accept_request(context, owner=flex.circle, requester=own)
    assert await queries.is_member(context, flex.circle, own)
    assert await following.relation(context, follower=kit, followee=flex.circle) == "accepted"
    await service.leave(context, person=kit, group=flex.circle)
    assert not await queries.is_member(context, flex.circle, own)
    assert await following.relation(context, follower=kit, followee=flex.circle) is None

    await following_service.follow(context, follower=kit, followee=flex.circle)
    assert [request.uri for request in await queries.requests_of(context, flex.circle)] == [own]
    await following_service.unfollow(context, follower=kit, followee=flex.circle)
    assert await queries.requests_of(context, flex.circle) == []
    assert await sent(context) == []


async def test_an_invitation_elsewhere(context: Context) -> None:
    robin, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    await service.invite(context, circle=flex.circle, guest=MOBI, by=robin)
    (invite,) = await sent(context)
    assert invite.inbox == MOBI.inbox
    assert [invite.activity[name] for name in ("type", "actor", "object", "target")] == ["Invite", own, own, MOBI.id]
    assert await queries.activity_type(context, invite.activity["id"]) == "Invite"
    assert not await queries.is_member(context, flex.circle, MOBI.id)
    assert await queries.requests_of(context, flex.circle) == []
    accept = received(MOBI, activity(MOBI, "Accept", invite.activity))
    assert await inbox.handle_accept_invite(context, accept) == Outcome.DONE
    assert await queries.is_member(context, flex.circle, MOBI.id)
    assert await inbox.handle_accept_invite(context, accept) == Outcome.IGNORED


async def test_an_invitation_may_be_declined_or_answered_by_a_follow(context: Context) -> None:
    robin, flex = await _flex(context)
    await service.invite(context, circle=flex.circle, guest=MOBI, by=robin)
    (invite,) = await sent(context)
    reject = received(MOBI, activity(MOBI, "Reject", invite.activity["id"]))
    assert await inbox.handle_reject_invite(context, reject) == Outcome.DONE
    late = received(MOBI, activity(MOBI, "Accept", invite.activity["id"]))
    assert await inbox.handle_accept_invite(context, late) == Outcome.IGNORED

    await service.invite(context, circle=flex.circle, guest=MONA, by=robin)
    await _follow(context, flex)
    assert await queries.is_member(context, flex.circle, MONA.id)
    assert (await sent(context))[-1].activity["type"] == "Accept"


async def test_a_local_person_is_invited(context: Context) -> None:
    robin, flex = await _flex(context)
    kit = await make_person(context, "kit")
    own, group = context.origin.actor(kit.id), context.origin.actor(flex.circle.id)
    await service.invite(context, circle=flex.circle, guest=kit, by=robin)
    (request,) = await queries.requests_of(context, kit)
    assert (request.uri, request.way) == (group, "invite")
    await service.decline_invitation(context, person=kit, group=group)
    with pytest.raises(Refused):
        await service.accept_invitation(context, person=kit, group=group)
    await service.invite(context, circle=flex.circle, guest=kit, by=robin)
    await service.accept_invitation(context, person=kit, group=group)
    assert await queries.is_member(context, flex.circle, own)
    assert await sent(context) == []


async def test_only_organizers_decide_and_see(context: Context) -> None:
    robin, flex = await _flex(context)
    kit = await make_person(context, "kit")
    await service.join(context, person=kit, group=flex.circle)
    await service.admit(context, circle=flex.circle, member=context.origin.actor(kit.id), by=robin)
    await _follow(context, flex)
    for decide in (service.admit, service.refuse, service.remove):
        with pytest.raises(Refused):
            await decide(context, circle=flex.circle, member=MONA.id, by=kit)
    with pytest.raises(Refused):
        await service.invite(context, circle=flex.circle, guest=MOBI, by=kit)
    with pytest.raises(Refused):
        await service.set_role(
            context, circle=flex.circle, member=context.origin.actor(kit.id), role=Role.ORGANIZER, by=kit
        )
    assert await queries.members_of(context, flex.circle, kit) == []
    seen = await queries.members_of(context, flex.circle, robin)
    assert {member.role for member in seen} == {Role.ORGANIZER, Role.MEMBER}
    assert len(await queries.members_of(context, flex.circle, flex.circle)) == 2
    assert len(await queries.requests_of(context, flex.circle)) == 1


async def test_the_last_organizer_cannot_go(context: Context) -> None:
    robin, flex = await _flex(context)
    kit = await make_person(context, "kit")
    own = context.origin.actor(kit.id)
    with pytest.raises(Refused):
        await service.leave(context, person=robin, group=flex.circle)
    await service.join(context, person=kit, group=flex.circle)
    await service.admit(context, circle=flex.circle, member=own, by=robin)
    await service.set_role(context, circle=flex.circle, member=own, role=Role.ORGANIZER, by=robin)
    await service.leave(context, person=robin, group=flex.circle)
    assert [member.uri for member in await queries.members_of(context, flex.circle, kit)] == [own]


async def test_a_movement_is_followed_not_joined(context: Context) -> None:
    robin, flex = await _flex(context)
    with pytest.raises(Refused):
        await service.join(context, person=robin, group=flex.actor)
    join = activity(MOBI, "Join", context.origin.actor(flex.actor.id))
    assert await inbox.handle_join_group(context, received(MOBI, join)) == Outcome.REFUSED
    (reject,) = await sent(context)
    assert (reject.inbox, reject.activity["type"]) == (MOBI.inbox, "Reject")
    assert await queries.requests_of(context, flex.actor) == []


async def test_what_nobody_decides_about_is_dropped(context: Context) -> None:
    robin, flex = await _flex(context)
    await _follow(context, flex)
    await service.invite(context, circle=flex.circle, guest=MOBI, by=robin)
    context.now += timedelta(days=31)
    await service.forget_stale(context)
    assert await queries.requests_of(context, flex.circle) == []
    assert await queries.circles_of(context, MOBI.id, state=None) == []
    assert await queries.role_of(context, flex.circle, context.origin.actor(robin.id)) is Role.ORGANIZER


async def _flex(context: Context) -> tuple[LocalActor, MadeMovement]:
    robin = await make_person(context)
    return robin, await make_movement(context, organizer=robin)


async def _follow(context: Context, flex: MadeMovement) -> str:
    follow = activity(MONA, "Follow", context.origin.actor(flex.circle.id))
    assert await following_inbox.handle_follow_group(context, received(MONA, follow)) == Outcome.DONE
    return str(follow["id"])
