"""Local actors follow and are followed: asked, accepted, undone, each answer to one inbox only."""

import pytest

from federation import follows
from federation.context import Context
from federation.table import Outcome
from federation.vocabulary import Document
from federation.vocabulary.activities import Activity, parse_activity
from server.organizing.following import inbox, queries, service
from server.organizing.following.wire import LARGEST_ECHO, as_received
from server.organizing.membership import queries as membership
from server.organizing.refusal import Refused
from tests.builders import activity, know, make_movement, make_person, make_remote_actor, received, sent

MONA = make_remote_actor("mona")


async def test_nothing_counts_before_the_accept(context: Context) -> None:
    robin = await make_person(context)
    edge = await service.follow(context, follower=robin, followee=MONA)
    again = await service.follow(context, follower=robin, followee=MONA)
    (follow,) = await sent(context)
    assert (edge.state, again.activity) == ("requested", edge.activity)
    assert (follow.inbox, follow.sender) == (MONA.inbox, robin.id)
    assert follow.activity["object"] == MONA.id
    assert not await queries.follows_actor(context, follower=edge.follower, followee=MONA.id)

    accept = received(MONA, activity(MONA, "Accept", follow.activity))
    assert await inbox.handle_accept_follow(context, accept) == Outcome.DONE
    assert await queries.relation(context, follower=robin, followee=MONA) == "accepted"
    assert await inbox.handle_accept_follow(context, accept) == Outcome.IGNORED


@pytest.mark.parametrize("shape", ["id", "object", "without id"])
async def test_answers_are_matched_however_they_name_the_follow(context: Context, shape: str) -> None:
    edge = await service.follow(context, follower=await make_person(context), followee=MONA)
    whole: Document = {"type": "Follow", "actor": edge.follower, "object": {"id": MONA.id, "type": "Person"}}
    shapes: dict[str, str | Document] = {
        "id": edge.activity,
        "object": whole | {"id": edge.activity},
        "without id": whole,
    }
    named = shapes[shape]
    accept = received(MONA, activity(MONA, "Accept", named))
    assert await inbox.handle_accept_follow(context, accept) == Outcome.DONE
    reject = received(MONA, activity(MONA, "Reject", named))
    assert await inbox.handle_reject_follow(context, reject) == Outcome.DONE
    assert await follows.find(context, follower=edge.follower, followee=MONA.id) is None
    assert await inbox.handle_reject_follow(context, reject) == Outcome.IGNORED


async def test_unfollow_embeds_the_whole_follow(context: Context) -> None:
    robin = await make_person(context)
    edge = await service.follow(context, follower=robin, followee=MONA)
    await service.unfollow(context, follower=robin, followee=MONA)
    await service.unfollow(context, follower=robin, followee=MONA)
    _, undo = await sent(context)
    assert undo.inbox == MONA.inbox
    assert undo.activity["object"] == {
        "type": "Follow",
        "id": edge.activity,
        "actor": edge.follower,
        "object": MONA.id,
    }
    late = received(MONA, activity(MONA, "Accept", edge.activity))
    assert await inbox.handle_accept_follow(context, late) == Outcome.IGNORED
    assert await queries.relation(context, follower=robin, followee=MONA) is None


async def test_a_movement_accepts_at_once_and_only_to_the_follower(context: Context) -> None:
    flex = await make_movement(context)
    own = context.origin.actor(flex.actor.id)
    follow = activity(MONA, "Follow", own)
    assert await inbox.handle_follow_group(context, received(MONA, follow)) == Outcome.DONE
    (accept,) = await sent(context)
    assert (accept.inbox, accept.sender) == (MONA.inbox, flex.actor.id)
    assert (accept.activity["type"], accept.activity["actor"]) == ("Accept", own)
    assert (accept.activity["to"], accept.activity["cc"]) == ([MONA.id], [])
    assert accept.activity["object"] == {name: value for name, value in follow.items() if name != "@context"}
    assert await queries.follower_uris(context, flex.actor) == [MONA.id]


async def test_following_again_renews_the_id_and_is_answered_again(context: Context) -> None:
    flex = await make_movement(context)
    own = context.origin.actor(flex.actor.id)
    first, second = activity(MONA, "Follow", own), activity(MONA, "Follow", own)
    for follow in (first, second):
        assert await inbox.handle_follow_group(context, received(MONA, follow)) == Outcome.DONE
    assert [one.activity["object"]["id"] for one in await sent(context)] == [first["id"], second["id"]]
    (edge,) = await follows.followers_of(context, own)
    assert edge.activity == second["id"]


async def test_a_locked_person_decides(context: Context) -> None:
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    follow = activity(MONA, "Follow", own)
    assert await inbox.handle_follow_person(context, received(MONA, follow)) == Outcome.DONE
    assert await sent(context) == []
    (request,) = await membership.requests_of(context, robin)
    assert (request.uri, request.way) == (MONA.id, "follow")
    assert await queries.follower_uris(context, robin) == []

    await service.accept_request(context, owner=robin, requester=MONA.id)
    (accept,) = await sent(context)
    assert (accept.inbox, accept.activity["object"]["id"]) == (MONA.inbox, follow["id"])
    assert await queries.follower_uris(context, robin) == [MONA.id]
    with pytest.raises(Refused):
        await service.accept_request(context, owner=robin, requester=MONA.id)

    await service.remove_follower(context, owner=robin, follower=MONA.id)
    assert (await sent(context))[-1].activity["type"] == "Reject"
    assert await queries.follower_uris(context, robin) == []


async def test_a_request_is_turned_away_once(context: Context) -> None:
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    await inbox.handle_follow_person(context, received(MONA, activity(MONA, "Follow", own)))
    await service.reject_request(context, owner=robin, requester=MONA.id)
    (reject,) = await sent(context)
    assert (reject.inbox, reject.activity["type"], reject.activity["to"]) == (MONA.inbox, "Reject", [MONA.id])
    with pytest.raises(Refused):
        await service.reject_request(context, owner=robin, requester=MONA.id)


async def test_an_unlocked_person_accepts_at_once(context: Context) -> None:
    robin = await make_person(context, locked=False)
    follow = activity(MONA, "Follow", context.origin.actor(robin.id))
    assert await inbox.handle_follow_person(context, received(MONA, follow)) == Outcome.DONE
    assert [one.activity["type"] for one in await sent(context)] == ["Accept"]


async def test_undo_by_id_by_pair_and_as_snac_names_it(context: Context) -> None:
    flex = await make_movement(context)
    own = context.origin.actor(flex.actor.id)
    for shape in ("id", "pair", "followee"):
        follow = activity(MONA, "Follow", own)
        await inbox.handle_follow_group(context, received(MONA, follow))
        pair = {"type": "Follow", "actor": MONA.id, "object": own}
        shapes: dict[str, str | Document] = {"id": str(follow["id"]), "pair": pair, "followee": own}
        undo = activity(MONA, "Undo", shapes[shape])
        assert await inbox.handle_undo_follow(context, received(MONA, undo)) == Outcome.DONE, shape
        assert await inbox.handle_undo_follow(context, received(MONA, undo)) == Outcome.IGNORED, shape
    assert await queries.follower_uris(context, flex.actor) == []


async def test_local_actors_need_no_wire(context: Context) -> None:
    robin, kit = await make_person(context, "robin"), await make_person(context, "kit")
    flex = await make_movement(context)
    assert (await service.follow(context, follower=robin, followee=flex.actor)).state == "accepted"
    assert (await service.follow(context, follower=robin, followee=kit)).state == "requested"
    await service.accept_request(context, owner=kit, requester=context.origin.actor(robin.id))
    assert await queries.relation(context, follower=robin, followee=kit) == "accepted"
    await service.unfollow(context, follower=robin, followee=kit)
    await service.unfollow(context, follower=robin, followee=flex.actor)
    assert await queries.following(context, robin) == []
    assert await sent(context) == []
    with pytest.raises(Refused):
        await service.follow(context, follower=robin, followee=robin)


async def test_the_type_behind_our_own_ids(context: Context) -> None:
    edge = await service.follow(context, follower=await make_person(context), followee=await know(context, MONA))
    assert await queries.activity_type(context, edge.activity) == "Follow"
    assert await queries.activity_type(context, "https://groundswell.test/ap/activities/other") is None


def test_a_huge_follow_is_not_echoed() -> None:
    follow = activity(MONA, "Follow", "https://groundswell.test/ap/actors/x", padding="x" * LARGEST_ECHO)
    parsed: Activity = parse_activity(follow)
    assert as_received(parsed) == {
        "type": "Follow",
        "id": follow["id"],
        "actor": MONA.id,
        "object": "https://groundswell.test/ap/actors/x",
    }
