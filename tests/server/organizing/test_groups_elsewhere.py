"""Persons here and groups elsewhere: nobody is a member before the group's own server said so."""

import pytest

from federation.context import Context
from federation.table import Outcome
from federation.vocabulary import Document
from models import LocalActor
from server.organizing import budgets
from server.organizing.following import inbox as following_inbox
from server.organizing.following import queries as following
from server.organizing.membership import inbox, policy, queries, records, service
from server.organizing.membership.states import State
from server.organizing.refusal import Refused
from tests.builders import activity, know, make_person, make_remote_actor, received, sent

GROUP = make_remote_actor("choir", host="mobilizon.example", type="Group")
MODERATOR = make_remote_actor("mod", host="mobilizon.example")
EVE = make_remote_actor("eve", host="evil.example")


async def test_a_join_counts_from_the_accept_on(context: Context) -> None:
    robin, own, join = await _applied(context)
    assert await queries.circles_of(context, own) == []
    assert await queries.activity_type(context, str(join["id"])) == "Join"
    result = {"type": "Member", "id": f"{GROUP.id}/members/7", "role": "administrator"}
    accept = received(MODERATOR, activity(MODERATOR, "Accept", join, result=result))
    assert await inbox.handle_accept_join(context, accept) == Outcome.DONE
    assert await inbox.handle_accept_join(context, accept) == Outcome.IGNORED
    (place,) = await queries.circles_of(context, own)
    # What the group calls its member is between it and the member; nothing here depends on it.
    assert (place.group, place.role, place.state) == (GROUP.id, "member", "active")

    await service.leave(context, person=robin, group=GROUP)
    leave = (await sent(context))[-1]
    assert (leave.inbox, leave.activity["type"], leave.activity["object"]) == (GROUP.inbox, "Leave", GROUP.id)
    assert await queries.circles_of(context, own, state=None) == []
    assert await inbox.handle_accept_join(context, accept) == Outcome.IGNORED


async def test_asking_twice_sends_one_join_and_taking_back_an_undo(context: Context) -> None:
    robin, own, join = await _applied(context)
    await service.join(context, person=robin, group=GROUP)
    assert len(await sent(context)) == 1
    await service.leave(context, person=robin, group=GROUP)
    undo = (await sent(context))[-1].activity
    assert (undo["type"], undo["object"]["id"], undo["to"]) == ("Undo", join["id"], [GROUP.id])
    assert await queries.circles_of(context, own, state=None) == []


async def test_a_group_that_knows_no_join_is_followed(context: Context) -> None:
    robin = await make_person(context)
    lemmy = make_remote_actor("club", type="Group", members=None)
    assert await service.join(context, person=robin, group=lemmy) is None
    assert [one.activity["type"] for one in await sent(context)] == ["Follow"]
    await service.leave(context, person=robin, group=lemmy)
    assert [one.activity["type"] for one in await sent(context)] == ["Follow", "Undo"]
    assert await queries.circles_of(context, context.origin.actor(robin.id), state=None) == []


@pytest.mark.parametrize("verb", ["Accept", "Reject"])
async def test_answers_of_others_do_not_count(context: Context, verb: str) -> None:
    _, own, join = await _applied(context)
    handle = {"Accept": inbox.handle_accept_join, "Reject": inbox.handle_reject_join}[verb]
    pair = {"type": "Join", "actor": own, "object": GROUP.id}
    for named in (join, join["id"], pair):
        assert await handle(context, received(EVE, activity(EVE, verb, named))) == Outcome.REFUSED
    for named in ({"type": "Join", "actor": own, "object": EVE.id}, context.origin.activity("made0up"), {"id": None}):
        assert await handle(context, received(EVE, activity(EVE, verb, named))) == Outcome.IGNORED
    (place,) = await queries.circles_of(context, own, state=None)
    assert place.state == State.APPLIED


async def test_a_forged_address_of_the_membership_is_not_kept(context: Context) -> None:
    _, own, join = await _applied(context)
    accept = activity(GROUP, "Accept", join, result={"type": "Member", "id": "https://evil.example/m"})
    assert await inbox.handle_accept_join(context, received(GROUP, accept)) == Outcome.DONE
    record = await records.find(context, group=GROUP.id, member=own)
    assert record is not None
    assert record.remote_id is None


@pytest.mark.parametrize("admitted", [False, True])
async def test_a_reject_ends_it_before_and_after(context: Context, admitted: bool) -> None:
    _, own, join = await _applied(context)
    if admitted:
        await inbox.handle_accept_join(context, received(GROUP, activity(GROUP, "Accept", join)))
    reject = received(GROUP, activity(GROUP, "Reject", join["id"]))
    assert await inbox.handle_reject_join(context, reject) == Outcome.DONE
    assert await inbox.handle_reject_join(context, reject) == Outcome.IGNORED
    assert await queries.circles_of(context, own, state=None) == []


@pytest.mark.parametrize("named", ["person", "membership"])
@pytest.mark.parametrize("field", ["origin", "target"])
async def test_a_removal_by_the_groups_own_server(context: Context, named: str, field: str) -> None:
    _, own, join = await _applied(context)
    result = {"type": "Member", "id": f"{GROUP.id}/members/7"}
    await inbox.handle_accept_join(context, received(GROUP, activity(GROUP, "Accept", join, result=result)))
    removed = {"person": own, "membership": result["id"]}[named]
    forged = received(EVE, activity(EVE, "Remove", removed, **{field: GROUP.id}))
    assert await inbox.handle_remove_member(context, forged) == Outcome.REFUSED
    other = received(MODERATOR, activity(MODERATOR, "Remove", f"{GROUP.id}/members/8", **{field: GROUP.id}))
    assert await inbox.handle_remove_member(context, other) == Outcome.IGNORED
    assert len(await queries.circles_of(context, own)) == 1
    remove = received(MODERATOR, activity(MODERATOR, "Remove", removed, **{field: GROUP.id}))
    assert await inbox.handle_remove_member(context, remove) == Outcome.DONE
    assert await inbox.handle_remove_member(context, remove) == Outcome.IGNORED
    assert await queries.circles_of(context, own, state=None) == []


async def test_a_removal_from_a_followed_group_ends_the_follow(context: Context) -> None:
    robin = await make_person(context)
    lemmy = make_remote_actor("club", type="Group", members=None)
    await service.join(context, person=robin, group=lemmy)
    own = context.origin.actor(robin.id)
    ban = received(lemmy, activity(lemmy, "Remove", own, target=lemmy.id))
    assert await inbox.handle_remove_member(context, ban) == Outcome.DONE
    assert await following.relation(context, follower=robin, followee=lemmy) is None


async def test_an_invitation_waits_for_the_person(context: Context) -> None:
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    await know(context, GROUP)
    invite = activity(MODERATOR, "Invite", GROUP.id, target=own)
    assert await inbox.handle_invite_person(context, received(MODERATOR, invite)) == Outcome.DONE
    assert await inbox.handle_invite_person(context, received(MODERATOR, invite)) == Outcome.IGNORED
    (request,) = await queries.requests_of(context, robin)
    assert (request.uri, request.way) == (GROUP.id, "invite")
    assert await queries.circles_of(context, own) == []
    assert await sent(context) == []

    await service.accept_invitation(context, person=robin, group=GROUP.id)
    (accept,) = await sent(context)
    assert (accept.inbox, accept.activity["to"]) == (GROUP.inbox, [MODERATOR.id])
    assert {name: accept.activity["object"][name] for name in ("id", "type", "actor", "object", "target")} == {
        "id": invite["id"],
        "type": "Invite",
        "actor": MODERATOR.id,
        "object": GROUP.id,
        "target": own,
    }
    assert [place.group for place in await queries.circles_of(context, own)] == [GROUP.id]


async def test_a_declined_invitation_leaves_nothing(context: Context) -> None:
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    invite = activity(GROUP, "Invite", GROUP.id, target=own)
    await inbox.handle_invite_person(context, received(GROUP, invite))
    await service.decline_invitation(context, person=robin, group=GROUP.id)
    assert [(one.inbox, one.activity["type"]) for one in await sent(context)] == [(GROUP.inbox, "Reject")]
    with pytest.raises(Refused):
        await service.accept_invitation(context, person=robin, group=GROUP.id)
    assert await queries.circles_of(context, own, state=None) == []


async def test_invitations_that_are_none(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    for group, target in ((GROUP.id, own), (own, own), (EVE.id, EVE.id), (EVE.id, f"{own}/inbox")):
        forged = received(EVE, activity(EVE, "Invite", group, target=target))
        assert await inbox.handle_invite_person(context, forged) == Outcome.REFUSED
    monkeypatch.setattr(policy, "MAX_WAITING", budgets.INVITATIONS.limit + 2)
    outcomes = []
    for number in range(budgets.INVITATIONS.limit + 3):
        invite = activity(EVE, "Invite", f"https://evil.example/groups/{number}", target=own)
        outcomes.append(await inbox.handle_invite_person(context, received(EVE, invite)))
    assert outcomes.count(Outcome.DONE) == budgets.INVITATIONS.limit
    monkeypatch.setattr(policy, "MAX_WAITING", budgets.INVITATIONS.limit)
    honest = received(GROUP, activity(GROUP, "Invite", GROUP.id, target=own))
    assert await inbox.handle_invite_person(context, honest) == Outcome.IGNORED


async def test_joining_an_inviting_group_accepts_the_invitation(context: Context) -> None:
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    await inbox.handle_invite_person(context, received(GROUP, activity(GROUP, "Invite", GROUP.id, target=own)))
    record = await service.join(context, person=robin, group=GROUP)
    assert record is not None
    assert record.state is State.ACTIVE
    assert [one.activity["type"] for one in await sent(context)] == ["Accept"]


async def test_a_ban_by_the_group_ends_a_membership(context: Context) -> None:
    _, own, join = await _applied(context)
    await inbox.handle_accept_join(context, received(GROUP, activity(GROUP, "Accept", join)))
    ban = received(MODERATOR, activity(MODERATOR, "Block", own, target=GROUP.id))
    assert await following_inbox.handle_block_actor(context, ban) == Outcome.DONE
    assert await following_inbox.handle_block_actor(context, ban) == Outcome.IGNORED
    assert await queries.circles_of(context, own, state=None) == []


async def _applied(context: Context) -> tuple[LocalActor, str, Document]:
    """A person whose Join to the group has been sent."""
    robin = await make_person(context)
    await service.join(context, person=robin, group=GROUP)
    (join,) = await sent(context)
    assert (join.inbox, join.activity["type"], join.activity["object"]) == (GROUP.inbox, "Join", GROUP.id)
    return robin, context.origin.actor(robin.id), join.activity
