"""The pile of applications at a circle: whoever fills it loses, and nobody else."""

from collections import Counter

import pytest

from federation import follows
from federation.context import Context
from federation.domains import registrable
from federation.origin import host_of
from federation.table import Outcome
from models import LocalActor
from server.organizing.following import inbox as following_inbox
from server.organizing.membership import inbox, policy, queries, service
from server.organizing.refusal import Refused
from tests.builders import MadeMovement, activity, make_movement, make_person, make_remote_actor, received, sent


@pytest.fixture
async def flex(context: Context, monkeypatch: pytest.MonkeyPatch) -> MadeMovement:
    """A movement with a circle at which ten may wait."""
    monkeypatch.setattr(policy, "MAX_WAITING", 10)
    return await make_movement(context, organizer=await make_person(context))


async def follow(context: Context, flex: MadeMovement, host: str, name: str = "x") -> Outcome:
    one = make_remote_actor(name, host=host)
    message = received(one, activity(one, "Follow", context.origin.actor(flex.circle.id)))
    return await following_inbox.handle_follow_group(context, message)


async def join(context: Context, flex: MadeMovement, host: str, name: str = "x") -> Outcome:
    one = make_remote_actor(name, host=host)
    message = received(one, activity(one, "Join", context.origin.actor(flex.circle.id)))
    return await inbox.handle_join_group(context, message)


async def waiting(context: Context, circle: LocalActor) -> Counter[str]:
    requests = await queries.requests_of(context, circle)
    return Counter(registrable(host_of(request.uri)) for request in requests)


async def test_one_domain_cannot_fill_the_pile(context: Context, flex: MadeMovement) -> None:
    """Eighteen names of hers make one domain, which gives way to everybody else's."""
    for number in range(18):
        await (join if number % 2 else follow)(context, flex, f"n{number}.evil.example")
    assert await waiting(context, flex.circle) == {"evil.example": 10}
    for number in range(5):
        assert await join(context, flex, f"good{number}.example") == Outcome.DONE
    found = await waiting(context, flex.circle)
    assert found == {"evil.example": 5, **{f"good{number}.example": 1 for number in range(5)}}
    assert await join(context, flex, "n99.evil.example") == Outcome.REFUSED


async def test_nobody_is_pushed_out_for_an_equal(context: Context, flex: MadeMovement) -> None:
    """With as many on the pile as the newcomer's domain would have, the newcomer has to come again."""
    for number in range(10):
        await follow(context, flex, f"h{number // 2}.example", f"x{number}")
    assert await follow(context, flex, "h0.example", "another") == Outcome.REFUSED
    assert await follow(context, flex, "new.example") == Outcome.DONE
    found = await waiting(context, flex.circle)
    assert sorted(found.values()) == [1, 1, 2, 2, 2, 2]
    assert await follow(context, flex, "new.example", "y") == Outcome.REFUSED


async def test_who_came_before_the_flood_stays(context: Context, flex: MadeMovement) -> None:
    """Of the domain with most, the newest goes, whole: membership and edge, and nobody is told."""
    early = make_remote_actor("early", host="large.example")
    await follow(context, flex, "large.example", "early")
    context.now += service.KEEP_UNDECIDED / 10
    for number in range(9):
        await follow(context, flex, "large.example", f"flood{number}")
    for number in range(4):
        assert await follow(context, flex, f"good{number}.example") == Outcome.DONE
    uris = {request.uri for request in await queries.requests_of(context, flex.circle)}
    assert early.id in uris
    assert len(uris) == 10
    own = context.origin.actor(flex.circle.id)
    edges = await follows.followers_of(context, own, state="requested")
    assert {edge.follower for edge in edges} == uris
    assert await sent(context) == []


async def test_our_own_people_never_give_way(context: Context, flex: MadeMovement) -> None:
    people = [await make_person(context, f"person{number}") for number in range(9)]
    for person in people:
        await service.join(context, person=person, group=flex.circle)
    assert await join(context, flex, "far.example", "a") == Outcome.DONE
    assert await join(context, flex, "far.example", "b") == Outcome.REFUSED
    assert await join(context, flex, "other.example") == Outcome.REFUSED
    with pytest.raises(Refused):
        await service.join(context, person=await make_person(context, "late"), group=flex.circle)


async def test_our_own_people_are_heard_in_a_flood(context: Context, flex: MadeMovement) -> None:
    for number in range(10):
        await follow(context, flex, f"n{number}.evil.example")
    record = await service.join(context, person=await make_person(context, "kim"), group=flex.circle)
    assert record is not None
    assert await waiting(context, flex.circle) == {"evil.example": 9, "groundswell.test": 1}


async def test_asking_again_pushes_nobody_out(context: Context, flex: MadeMovement) -> None:
    for number in range(9):
        await follow(context, flex, f"n{number}.evil.example")
    await follow(context, flex, "good.example")
    assert await follow(context, flex, "good.example") == Outcome.DONE
    assert await waiting(context, flex.circle) == {"evil.example": 9, "good.example": 1}


@pytest.mark.parametrize(
    ("counts", "newcomer", "loses"),
    [
        ({"evil.example": 500}, "good.example", "evil.example"),
        ({"evil.example": 500}, "evil.example", None),
        ({"a.example": 2, "b.example": 1}, "c.example", "a.example"),
        ({"a.example": 1, "b.example": 1}, "c.example", None),
        ({"a.example": 300, "b.example": 200}, "b.example", "a.example"),
        ({"a.example": 251, "b.example": 249}, "b.example", "a.example"),
        ({"a.example": 250, "b.example": 250}, "b.example", None),
        ({"": 500}, "good.example", None),
        ({"": 400, "a.example": 100}, "", None),
        ({"": 1, "a.example": 499}, "", "a.example"),
        ({}, "a.example", None),
    ],
)
def test_who_gives_way(counts: dict[str, int], newcomer: str, loses: str | None) -> None:
    assert policy.who_yields(waiting=counts, newcomer=newcomer, ours="") == loses
