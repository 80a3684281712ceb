"""What strangers try with a circle here: to get in, to get others in or out, and to grow its lists."""

import pytest

from federation.context import Context
from federation.table import Handler, Outcome
from federation.vocabulary import Document
from federation.vocabulary.actors import Actor
from models import DomainBlock, LocalActor
from server.organizing.following import inbox as following_inbox
from server.organizing.membership import inbox, policy, queries, service
from server.organizing.membership.records import Role
from tests.builders import MadeMovement, activity, make_movement, make_person, make_remote_actor, received, sent

MONA = make_remote_actor("mona")
TWIN = make_remote_actor("twin")
EVE = make_remote_actor("eve", host="evil.example")
LIARS = pytest.mark.parametrize("liar", [EVE, TWIN], ids=["elsewhere", "same server"])


@LIARS
async def test_members_speak_only_for_themselves(context: Context, liar: Actor) -> None:
    robin, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    join = await _member(context, flex, robin)
    embedded = {"type": "Join", "id": join, "actor": MONA.id, "object": own}
    follow = {"type": "Follow", "actor": MONA.id, "object": own}
    attempts: list[tuple[str, str | Document, dict[str, str], Handler]] = [
        ("Leave", own, {}, inbox.handle_leave_group),
        ("Undo", embedded, {}, inbox.handle_undo_join),
        ("Undo", join, {}, inbox.handle_undo_join),
        ("Undo", follow, {}, following_inbox.handle_undo_follow),
        ("Remove", MONA.id, {"origin": own}, inbox.handle_remove_member),
        ("Remove", MONA.id, {"target": own}, inbox.handle_remove_member),
        ("Reject", embedded, {}, inbox.handle_reject_join),
        ("Reject", join, {}, inbox.handle_reject_invite),
        ("Reject", follow, {}, following_inbox.handle_reject_follow),
        ("Block", MONA.id, {"target": own}, following_inbox.handle_block_actor),
        ("Block", own, {}, following_inbox.handle_block_actor),
        ("Update", {"type": "Member", "actor": MONA.id, "object": own}, {}, inbox.handle_update_member),
    ]
    for verb, object_, fields, handle in attempts:
        message = received(liar, activity(liar, verb, object_, **fields))
        assert await handle(context, message) in (Outcome.IGNORED, Outcome.REFUSED), verb
    assert await queries.role_of(context, flex.circle, MONA.id) is Role.MEMBER


@LIARS
async def test_nobody_gets_in_by_an_answer(context: Context, liar: Actor) -> None:
    robin, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    join = activity(liar, "Join", own)
    await inbox.handle_join_group(context, received(liar, join))
    await service.invite(context, circle=flex.circle, guest=MONA, by=robin)
    invite = (await sent(context))[-1].activity
    attempts: list[tuple[str, str | Document, Handler]] = [
        ("Accept", join, inbox.handle_accept_join),
        ("Accept", str(join["id"]), inbox.handle_accept_join),
        ("Accept", str(join["id"]), inbox.handle_accept_invite),
        ("Accept", invite, inbox.handle_accept_invite),
        ("Accept", str(invite["id"]), inbox.handle_accept_invite),
        ("Accept", {"type": "Invite", "object": own, "actor": own}, inbox.handle_accept_invite),
        ("Add", liar.id, inbox.handle_add_member),
        (
            "Create",
            {"type": "Member", "actor": liar.id, "object": own, "role": "administrator"},
            inbox.handle_update_member,
        ),
    ]
    for verb, object_, handle in attempts:
        message = received(liar, activity(liar, verb, object_, target=own))
        assert await handle(context, message) in (Outcome.IGNORED, Outcome.REFUSED), (verb, object_)
    assert not await queries.is_member(context, flex.circle, liar.id)
    assert not await queries.is_member(context, flex.circle, MONA.id)
    assert [request.uri for request in await queries.requests_of(context, flex.circle)] == [liar.id]


async def test_a_role_in_a_join_is_not_believed(context: Context) -> None:
    robin, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    join = activity(EVE, "Join", own, result={"type": "Member", "role": "administrator"}, role="administrator")
    await inbox.handle_join_group(context, received(EVE, join))
    await service.admit(context, circle=flex.circle, member=EVE.id, by=robin)
    assert await queries.role_of(context, flex.circle, EVE.id) is Role.MEMBER
    assert (await sent(context))[-1].activity["result"]["role"] == "member"


async def test_a_join_taken_back_does_not_come_back(context: Context) -> None:
    _, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    join = activity(MONA, "Join", own)
    undo = received(MONA, activity(MONA, "Undo", join))
    assert await inbox.handle_undo_join(context, undo) == Outcome.IGNORED
    assert await inbox.handle_join_group(context, received(MONA, join)) == Outcome.IGNORED
    newer = activity(MONA, "Join", own)
    assert await inbox.handle_join_group(context, received(MONA, newer)) == Outcome.DONE
    undo = received(MONA, activity(MONA, "Undo", newer["id"]))
    assert await inbox.handle_undo_join(context, undo) == Outcome.DONE
    assert await inbox.handle_join_group(context, received(MONA, newer)) == Outcome.IGNORED
    assert await queries.requests_of(context, flex.circle) == []


async def test_an_expelled_member_does_not_come_back_by_a_repeat(context: Context) -> None:
    robin, flex = await _flex(context)
    await _member(context, flex, robin)
    await service.remove(context, circle=flex.circle, member=MONA.id, by=robin)
    again = activity(MONA, "Join", context.origin.actor(flex.circle.id))
    assert await inbox.handle_join_group(context, received(MONA, again)) == Outcome.DONE
    assert not await queries.is_member(context, flex.circle, MONA.id)


@pytest.mark.parametrize("kind", ["Group", "Application", "Organization"])
async def test_what_is_no_person_becomes_no_member(context: Context, kind: str) -> None:
    _, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    it = make_remote_actor("it", type=kind)
    assert await inbox.handle_join_group(context, received(it, activity(it, "Join", own))) == Outcome.REFUSED
    follow = received(it, activity(it, "Follow", own))
    assert await following_inbox.handle_follow_group(context, follow) == Outcome.REFUSED
    assert await queries.requests_of(context, flex.circle) == []


async def test_joins_and_leaves_of_what_is_no_group_here(context: Context) -> None:
    robin, flex = await _flex(context)
    for named in (
        context.origin.actor(robin.id),
        context.origin.actor(flex.circle.id, "members"),
        context.origin.actor("nobody"),
        EVE.id,
    ):
        join, leave = (received(EVE, activity(EVE, verb, named)) for verb in ("Join", "Leave"))
        assert await inbox.handle_join_group(context, join) == Outcome.REFUSED
        assert await inbox.handle_leave_group(context, leave) == Outcome.REFUSED
    assert await sent(context) == []


async def test_a_flood_of_joins_is_cut_off(context: Context) -> None:
    _, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    outcomes = []
    for number in range(35):
        one = make_remote_actor(f"x{number}", host="evil.example")
        outcomes.append(await inbox.handle_join_group(context, received(one, activity(one, "Join", own))))
    assert outcomes == [Outcome.DONE] * 30 + [Outcome.IGNORED] * 5
    assert len(await queries.requests_of(context, flex.circle)) == 30


async def test_a_blocked_domain_cannot_apply(context: Context) -> None:
    _, flex = await _flex(context)
    context.session.add(DomainBlock(domain="evil.example", since=context.now.date()))
    await context.session.flush()
    join = received(EVE, activity(EVE, "Join", context.origin.actor(flex.circle.id)))
    assert await inbox.handle_join_group(context, join) == Outcome.IGNORED
    assert await queries.requests_of(context, flex.circle) == []


async def test_the_pile_of_applications_has_a_top(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "MAX_WAITING", 2)
    _, flex = await _flex(context)
    own = context.origin.actor(flex.circle.id)
    outcomes = []
    for number in range(4):
        one = make_remote_actor("x", host=f"h{number}.example")
        handle = inbox.handle_join_group if number % 2 else following_inbox.handle_follow_group
        verb = "Join" if number % 2 else "Follow"
        outcomes.append(await handle(context, received(one, activity(one, verb, own))))
    assert outcomes == [Outcome.DONE, Outcome.DONE, Outcome.REFUSED, Outcome.REFUSED]
    assert len(await queries.requests_of(context, flex.circle)) == 2


async def _flex(context: Context) -> tuple[LocalActor, MadeMovement]:
    robin = await make_person(context)
    return robin, await make_movement(context, organizer=robin)


async def _member(context: Context, flex: MadeMovement, organizer: LocalActor) -> str:
    join = activity(MONA, "Join", context.origin.actor(flex.circle.id))
    assert await inbox.handle_join_group(context, received(MONA, join)) == Outcome.DONE
    await service.admit(context, circle=flex.circle, member=MONA.id, by=organizer)
    return str(join["id"])
