"""What strangers try with follows: in others' names, out of order, again and again, and in masses."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from federation import follows
from federation.context import Context
from federation.table import Outcome
from federation.vocabulary.actors import Actor
from models import Budget, DomainBlock, LocalActor
from server.organizing import budgets, upkeep
from server.organizing.following import inbox, policy, queries, service
from server.organizing.membership import queries as membership
from server.organizing.membership.service import join
from server.organizing.refusal import Refused
from tests.builders import activity, make_movement, make_person, make_remote_actor, received, sent

MONA = make_remote_actor("mona")
EVE = make_remote_actor("eve", host="evil.example")
TWIN = make_remote_actor("eve")
"""Another account on Mona's own server."""


@pytest.mark.parametrize("liar", [EVE, TWIN])
@pytest.mark.parametrize("verb", ["Accept", "Reject"])
async def test_only_the_followed_may_answer(context: Context, liar: Actor, verb: str) -> None:
    edge = await service.follow(context, follower=await make_person(context), followee=MONA)
    handle = {"Accept": inbox.handle_accept_follow, "Reject": inbox.handle_reject_follow}[verb]
    whole = {"type": "Follow", "id": edge.activity, "actor": edge.follower, "object": MONA.id}
    for named in (edge.activity, whole, {"type": "Follow", "actor": edge.follower, "object": MONA.id}):
        assert await handle(context, received(liar, activity(liar, verb, named))) == Outcome.REFUSED
    stored = await follows.find(context, follower=edge.follower, followee=MONA.id)
    assert stored is not None
    assert stored.state == "requested"


async def test_an_accept_nobody_asked_for_makes_nobody_follow(context: Context) -> None:
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    for named in (
        {"type": "Follow", "id": context.origin.activity("made0up"), "actor": own, "object": EVE.id},
        {"type": "Follow", "actor": own, "object": EVE.id},
        {"type": "Follow", "id": f"{EVE.id}/f", "actor": EVE.id, "object": EVE.id},
        {"type": "Follow", "actor": {"id": [own]}, "object": None},
        context.origin.activity("made0up"),
    ):
        answer = received(EVE, activity(EVE, "Accept", named))
        assert await inbox.handle_accept_follow(context, answer) == Outcome.IGNORED
    assert await queries.following(context, robin) == []


async def test_an_answer_to_an_older_follow_does_not_count(context: Context) -> None:
    robin = await make_person(context)
    first = await service.follow(context, follower=robin, followee=MONA)
    await service.unfollow(context, follower=robin, followee=MONA)
    second = await service.follow(context, follower=robin, followee=MONA)
    whole = {"type": "Follow", "id": first.activity, "actor": first.follower, "object": MONA.id}
    for verb, handle in (("Accept", inbox.handle_accept_follow), ("Reject", inbox.handle_reject_follow)):
        assert await handle(context, received(MONA, activity(MONA, verb, whole))) == Outcome.IGNORED
    assert await queries.relation(context, follower=robin, followee=MONA) == "requested"
    assert second.activity != first.activity


@pytest.mark.parametrize("liar", [EVE, TWIN])
async def test_only_the_follower_may_undo(context: Context, liar: Actor) -> None:
    flex = await make_movement(context)
    own = context.origin.actor(flex.actor.id)
    follow = activity(MONA, "Follow", own)
    await inbox.handle_follow_group(context, received(MONA, follow))
    for named in (follow, follow["id"], {"type": "Follow", "actor": MONA.id, "object": own}, own):
        undo = received(liar, activity(liar, "Undo", named))
        assert await inbox.handle_undo_follow(context, undo) == Outcome.IGNORED
    assert await queries.follower_uris(context, flex.actor) == [MONA.id]


async def test_an_undone_follow_does_not_come_back(context: Context) -> None:
    flex = await make_movement(context)
    own = context.origin.actor(flex.actor.id)
    follow = activity(MONA, "Follow", own)
    undo = received(MONA, activity(MONA, "Undo", follow))
    # The Undo overtook its Follow.
    assert await inbox.handle_undo_follow(context, undo) == Outcome.IGNORED
    assert await inbox.handle_follow_group(context, received(MONA, follow)) == Outcome.IGNORED
    # In order, then repeated.
    newer = activity(MONA, "Follow", own)
    assert await inbox.handle_follow_group(context, received(MONA, newer)) == Outcome.DONE
    undo = received(MONA, activity(MONA, "Undo", newer))
    assert await inbox.handle_undo_follow(context, undo) == Outcome.DONE
    assert await inbox.handle_follow_group(context, received(MONA, newer)) == Outcome.IGNORED
    assert await queries.follower_uris(context, flex.actor) == []
    # Somebody else's Undo of that id is nothing to Mona.
    newest = activity(MONA, "Follow", own)
    await inbox.handle_undo_follow(context, received(EVE, activity(EVE, "Undo", newest["id"])))
    assert await inbox.handle_follow_group(context, received(MONA, newest)) == Outcome.DONE


@pytest.mark.parametrize("part", ["", "/followers", "/inbox", "#main-key", "/ap/actors/nobody"])
async def test_follows_of_what_is_no_actor_here(context: Context, part: str) -> None:
    flex = await make_movement(context)
    own = f"{context.origin}{part}" if part.startswith("/ap") else context.origin.actor(flex.actor.id) + part
    handle = inbox.handle_follow_person if part == "" else inbox.handle_follow_group
    assert await handle(context, received(EVE, activity(EVE, "Follow", own))) == Outcome.REFUSED
    assert await sent(context) == []


async def test_a_deleted_actor_is_not_followed(context: Context) -> None:
    robin = await make_person(context, locked=False)
    robin.state = "deleted"
    await context.session.flush()
    follow = activity(MONA, "Follow", context.origin.actor(robin.id))
    assert await inbox.handle_follow_person(context, received(MONA, follow)) == Outcome.REFUSED


async def test_a_blocked_domain_is_not_answered(context: Context) -> None:
    flex = await make_movement(context)
    context.session.add(DomainBlock(domain="evil.example", since=context.now.date()))
    await context.session.flush()
    below = make_remote_actor("eve", host="sub.evil.example")
    for sender in (EVE, below):
        follow = activity(sender, "Follow", context.origin.actor(flex.actor.id))
        assert await inbox.handle_follow_group(context, received(sender, follow)) == Outcome.IGNORED
    robin = await make_person(context)
    with pytest.raises(Refused):
        await service.follow(context, follower=robin, followee=EVE)
    with pytest.raises(Refused):
        await join(context, person=robin, group=make_remote_actor("g", host="evil.example", type="Group"))
    assert await queries.relation(context, follower=robin, followee=EVE) is None
    assert await sent(context) == []
    assert await queries.follower_uris(context, flex.actor) == []


async def test_a_flood_of_requests_from_one_server_is_cut_off(context: Context) -> None:
    flex = await make_movement(context)
    own = context.origin.actor(flex.circle.id)
    outcomes = [await _follow_by(context, number, own) for number in range(40)]
    assert outcomes == [Outcome.DONE] * 30 + [Outcome.IGNORED] * 10
    assert len(await membership.requests_of(context, flex.circle)) == 30
    elsewhere = received(MONA, activity(MONA, "Follow", own))
    assert await inbox.handle_follow_group(context, elsewhere) == Outcome.DONE
    context.now += timedelta(hours=1)
    assert await _follow_by(context, 41, own) == Outcome.DONE


async def test_an_open_movement_takes_an_evenings_supporters_from_one_large_server(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "SUPPORTERS", replace(budgets.SUPPORTERS, limit=50))
    flex = await make_movement(context)
    own = context.origin.actor(flex.actor.id)
    outcomes = [await _follow_by(context, number, own) for number in range(52)]
    assert outcomes == [Outcome.DONE] * 50 + [Outcome.IGNORED] * 2
    assert len(await sent(context)) == 50


async def test_the_pile_of_requests_has_a_top(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "MAX_WAITING", 3)
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    outcomes = []
    for number in range(5):
        one = make_remote_actor("x", host=f"h{number}.example")
        outcomes.append(await inbox.handle_follow_person(context, received(one, activity(one, "Follow", own))))
    assert outcomes == [Outcome.DONE] * 3 + [Outcome.REFUSED] * 2
    assert len(await membership.requests_of(context, robin)) == 3


async def test_a_block_cuts_both_ways_and_tells_nobody(context: Context) -> None:
    robin = await make_person(context, locked=False)
    own = context.origin.actor(robin.id)
    await _mutual(context, robin)
    before = len(await sent(context))
    block = received(MONA, activity(MONA, "Block", own))
    assert await inbox.handle_block_actor(context, block) == Outcome.DONE
    assert await inbox.handle_block_actor(context, block) == Outcome.IGNORED
    assert await queries.following(context, robin) == []
    assert await queries.follower_uris(context, robin) == []
    assert len(await sent(context)) == before
    stranger = received(MONA, activity(MONA, "Block", EVE.id))
    assert await inbox.handle_block_actor(context, stranger) == Outcome.REFUSED


async def test_a_ban_counts_only_from_the_groups_own_server(context: Context) -> None:
    robin = await make_person(context, locked=False)
    own = context.origin.actor(robin.id)
    await _mutual(context, robin)
    forged = received(EVE, activity(EVE, "Block", own, target=MONA.id))
    assert await inbox.handle_block_actor(context, forged) == Outcome.REFUSED
    here = received(EVE, activity(EVE, "Block", own, target=own))
    assert await inbox.handle_block_actor(context, here) == Outcome.REFUSED
    assert len(await queries.following(context, robin)) == 1
    moderator = received(TWIN, activity(TWIN, "Block", own, target=MONA.id))
    assert await inbox.handle_block_actor(context, moderator) == Outcome.DONE
    assert await queries.following(context, robin) == []


async def test_a_budget_counts_only_what_it_lets_through(context: Context) -> None:
    two = budgets.Allowance("two", 2, timedelta(minutes=1))
    for _ in range(2):
        await budgets.spend(context, two, host="a.example")
    for _ in range(3):
        with pytest.raises(budgets.OverBudget):
            await budgets.spend(context, two, host="a.example")
    await budgets.spend(context, two, host="b.example")
    context.now += timedelta(minutes=1)
    await upkeep.sweep(context)
    assert (await context.session.execute(select(func.count()).select_from(Budget))).scalar_one() == 0


async def _follow_by(context: Context, number: int, followee: str) -> Outcome:
    one = make_remote_actor(f"x{number}", host="evil.example")
    return await inbox.handle_follow_group(context, received(one, activity(one, "Follow", followee)))


async def _mutual(context: Context, robin: LocalActor) -> None:
    edge = await service.follow(context, follower=robin, followee=MONA)
    await inbox.handle_accept_follow(context, received(MONA, activity(MONA, "Accept", edge.activity)))
    follow = received(MONA, activity(MONA, "Follow", context.origin.actor(robin.id)))
    assert await inbox.handle_follow_person(context, follow) == Outcome.DONE
