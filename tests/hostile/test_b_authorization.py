"""What may be done: everybody about their own things, and nobody about others' (HOSTILE B1 to B6)."""

from typing import Any

import pytest
from sqlalchemy import select

from federation import follows
from federation.vocabulary.activities import PUBLIC
from models import Post
from server.organizing.following import queries as following
from server.organizing.membership import queries as membership
from server.organizing.posts import queries as posts
from server.organizing.posts import timelines
from tests.hostile.peer import Account, PeerServer
from tests.hostile.us import CACHED, COUNTED, TAKEN_IN, Us
from tests.hostile.wire import Document, get

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("database_kind", ["sqlite", "postgres"], indirect=True, scope="module"),
]


async def told(us: Us, account: Account, **fields: Any) -> Document:
    """A note of an account that is stored here, because Kim follows."""
    await us.follow(account)
    note = account.note("as she said", **fields)
    assert (await account.send(us.inbox, account.create(note))).status == 202
    await us.settled()
    assert await us.text_of(note["id"]) == "as she said"
    return note


async def test_the_author_changes_and_deletes_her_own(us: Us, carla: Account) -> None:
    """What B1 withholds from all others."""
    note = await told(us, carla)
    assert (await carla.send(us.inbox, carla.activity("Update", {**note, "content": "changed"}))).status == 202
    await us.settled()
    assert await us.text_of(note["id"]) == "changed"
    assert (await carla.send(us.inbox, carla.activity("Delete", note["id"]))).status == 202
    await us.settled()
    assert await us.text_of(note["id"]) is None


@pytest.mark.parametrize("who", ["a stranger", "a neighbour"])
async def test_the_posts_of_others(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account, who: str
) -> None:
    """B1 (CVE-2026-73090): neither from another server, nor from another actor of the same one."""
    attacker = mallory if who == "a stranger" else victim.actor("trent", key=2)
    await us.follow(attacker)
    note = await told(us, carla)
    mine = {**note, "content": "taken over", "attributedTo": attacker.id}
    async with us.unchanged(evil, victim, but=TAKEN_IN) as watch:
        for activity in (
            attacker.activity("Update", {**note, "content": "taken over"}),
            attacker.activity("Update", mine),
            attacker.activity("Create", mine),
            attacker.activity("Update", {"id": note["id"], "type": "Note", "content": "taken over"}),
            attacker.activity("Update", {**mine, "attributedTo": [carla.id, attacker.id]}),
            attacker.activity("Delete", note["id"]),
            attacker.activity("Delete", {"id": note["id"], "type": "Tombstone", "attributedTo": attacker.id}),
            attacker.activity("Delete", carla.id),
            attacker.activity("Update", carla.document(name="Taken over")),
            attacker.activity("Move", carla.id, target=attacker.id),
        ):
            assert (await attacker.send(us.inbox, activity)).status == 202, activity
    assert set(watch.outcomes) <= {"refused", "ignored"}
    assert await us.text_of(note["id"]) == "as she said"


async def test_our_own_posts_and_actors(us: Us, evil: PeerServer, mallory: Account) -> None:
    """B1, B7: nobody elsewhere changes what is ours, whatever they say they are."""
    await us.follow(mallory)
    ours: Document = {"id": us.public, "type": "Note", "attributedTo": us.uri(us.flex), "content": "taken over"}
    group = us.uri(us.flex)
    async with us.unchanged(evil, but=TAKEN_IN) as watch:
        for activity in (
            mallory.activity("Update", ours),
            mallory.activity("Update", {**ours, "attributedTo": mallory.id}),
            mallory.activity("Delete", us.public),
            mallory.activity("Delete", {"id": us.public, "type": "Tombstone"}, summary="spam", audience=group),
            mallory.activity("Delete", group),
            mallory.activity("Update", {"id": group, "type": "Group", "name": "Taken over"}),
            mallory.activity("Add", mallory.id, target=f"{group}/moderators", audience=group),
            mallory.activity("Add", us.secret, target=f"{group}/featured"),
            mallory.activity("Remove", us.public, target=f"{group}/featured"),
            mallory.activity("Move", group, target=mallory.id),
        ):
            assert (await mallory.send(us.inbox, activity)).status in (202, 400)
    assert set(watch.outcomes) <= {"refused", "ignored"}


@pytest.mark.parametrize("what", ["ours", "hers"])
async def test_nobody_else_widens_an_audience(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account, what: str
) -> None:
    """B2 (CVE-2024-37903): a closed post reaches nobody new because somebody names it, its author included."""
    bob = evil.actor("bob", key=2)
    await us.know(bob)
    hers = await told(us, carla, to=[carla.followers], cc=[])
    uri = us.secret if what == "ours" else hers["id"]
    sender = mallory if what == "ours" else carla
    await us.follow(mallory)
    wide: dict[str, Any] = {"to": [PUBLIC], "cc": [bob.id, us.uri(us.sam), us.uri(us.flex)]}
    posed = {**hers, **wide, "id": uri}
    async with us.unchanged(evil, victim, but=(*TAKEN_IN, *(("posts",) if what == "hers" else ()))) as watch:
        for activity in (
            mallory.activity("Create", posed, **wide),
            mallory.activity("Announce", uri, **wide),
            mallory.activity("Announce", posed, **wide),
            sender.activity("Create", posed, **wide),
            sender.activity("Update", posed, **wide),
        ):
            account = carla if activity["actor"] == carla.id else mallory
            assert (await account.send(us.inbox, activity)).status in (202, 400)
    assert evil.delivered == []
    assert "done" not in watch.outcomes or what == "hers", "her Update counts, for the same people"
    await _check_closed(us, uri)


async def _check_closed(us: Us, uri: str) -> None:
    async with us.federation.reading() as context:
        stored = (await context.session.execute(select(Post))).scalars().all()
        found = [post for post in stored if post.uri_index == context.vault.index("posts.uri", uri)]
        assert [post.audience for post in found] in (["circle"], ["followers"])
        assert await posts.find_post(context, uri, us.sam) is None


async def test_a_closed_post_is_not_served(us: Us, mallory: Account, carla: Account) -> None:
    """B2, B4, B12: hidden and missing are the same bytes, for whoever asks."""
    await us.know(mallory, carla)
    missing = us.federation.origin.object("a" * 26)
    for suffix in ("", "/activity", "/replies"):
        answers = [await get(uri + suffix) for uri in (us.secret, missing)]
        answers += [await mallory.get(uri + suffix) for uri in (us.secret, missing)]
        assert {(answer.status, answer.body) for answer in answers} == {(404, answers[0].body)}
        headers = [{**answer.headers, "date": ""} for answer in answers]
        assert all(each == headers[0] for each in headers)
    assert (await get(us.public)).status == 200


async def test_a_follow_that_was_not_accepted(us: Us, evil: PeerServer, mallory: Account) -> None:
    """B4 (CVE-2025-30741), inbound: an applicant to the circle sees nothing before an organizer said so."""
    await us.know(mallory)
    for verb in ("Follow", "Join"):
        assert (await mallory.send(us.inbox, mallory.activity(verb, us.uri(us.circle)))).status == 202
    accepts = mallory.activity("Accept", {"type": "Follow", "actor": mallory.id, "object": us.uri(us.circle)})
    assert (await mallory.send(us.inbox, accepts)).status == 202
    await us.settled()
    async with us.federation.reading() as context:
        assert not await membership.is_member(context, us.circle, mallory.id)
        assert not await following.follows_actor(context, follower=mallory.id, followee=us.uri(us.circle))
    assert (await mallory.get(us.secret)).status == 404
    for part in ("outbox", "outbox?cursor=start", "followers", "members", "moderators"):
        answer = await mallory.get(us.uri(us.circle, part))
        assert not answer.document.get("orderedItems")
        assert b"The plan" not in answer.body
    assert evil.delivered == []


async def test_our_follow_that_was_not_accepted(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """B4, outbound: what reaches us is not shown to whoever only asked, and Mallory cannot answer for Carla."""
    await us.follow(carla, us.sam, state="requested")
    await us.know(mallory)
    closed = carla.note("for followers", to=[carla.followers], cc=[])
    pair = {"type": "Follow", "actor": us.uri(us.sam), "object": carla.id}
    async with us.federation.reading() as context:
        edge = await follows.find(context, follower=us.uri(us.sam), followee=carla.id)
    assert edge is not None
    async with us.unchanged(evil, victim, but=TAKEN_IN) as watch:
        assert (await carla.send(us.inbox, carla.create(closed))).status == 202
        for answered in (pair, {**pair, "id": edge.activity}, edge.activity):
            assert (await mallory.send(us.inbox, mallory.activity("Accept", answered))).status == 202
            assert (await mallory.send(us.inbox, mallory.activity("Reject", answered))).status == 202
    assert set(watch.outcomes) == {"ignored", "refused", None}, "a post that may have overtaken the Accept waits"
    async with us.federation.reading() as context:
        assert await posts.find_post(context, closed["id"], us.sam) is None
        assert (await timelines.timeline_home(context, us.sam)).entries == []


async def test_what_is_for_others_who_follow(us: Us, carla: Account) -> None:
    """B4: a closed post fetched for Kim is not shown to Sam, who only asked."""
    await us.follow(carla, us.sam, state="requested")
    closed = await told(us, carla, to=[carla.followers], cc=[])
    async with us.federation.reading() as context:
        assert await posts.find_post(context, closed["id"], us.kim) is not None
        assert await posts.find_post(context, closed["id"], us.sam) is None
        page = await timelines.timeline_of(context, carla.id, us.sam)
    assert page.entries == []


async def test_answers_and_undoings_of_third_parties(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """B3: only who did it undoes it, and only who was asked answers."""
    await us.know(mallory)
    followed, liked = carla.activity("Follow", us.uri(us.kim)), carla.activity("Like", us.public)
    joined, boosted = carla.activity("Join", us.uri(us.circle)), carla.activity("Announce", us.public)
    for activity in (followed, liked, joined, boosted):
        assert (await carla.send(us.inbox, activity)).status == 202
    await us.settled()
    async with us.unchanged(evil, victim, but=(*TAKEN_IN, *COUNTED)) as watch:
        for original in (followed, liked, joined, boosted):
            for undone in (original, original["id"], {**original, "actor": mallory.id}):
                assert (await mallory.send(us.inbox, mallory.activity("Undo", undone))).status == 202
            for verb in ("Accept", "Reject", "Leave", "Remove"):
                wrapped = mallory.activity(verb, original, target=us.uri(us.circle), origin=us.uri(us.circle))
                assert (await mallory.send(us.inbox, wrapped)).status == 202
    assert set(watch.outcomes) <= {"refused", "ignored"}
    async with us.federation.reading() as context:
        assert await following.follows_actor(context, follower=carla.id, followee=us.uri(us.kim))


async def test_members_and_roles_that_others_claim(us: Us, evil: PeerServer, mallory: Account) -> None:
    """B3, B5: nobody elsewhere takes anybody into the circle, out of it, or up in it."""
    await us.admit(mallory)
    circle, lee = us.uri(us.circle), us.uri(us.lee)
    member = {"type": "Member", "actor": mallory.id, "object": circle, "role": "administrator"}
    async with us.unchanged(evil, but=(*TAKEN_IN, *COUNTED)) as watch:
        for activity in (
            mallory.activity("Remove", lee, target=circle),
            mallory.activity("Remove", lee, origin=circle),
            mallory.activity("Add", mallory.id, target=circle),
            mallory.activity("Invite", circle, target=us.uri(us.kim)),
            mallory.activity("Accept", {"type": "Invite", "actor": us.uri(us.robin), "object": circle}),
            mallory.activity("Accept", {"type": "Join", "actor": mallory.id, "object": circle}),
            mallory.activity("Update", {**member, "id": mallory.uri("m/1"), "attributedTo": mallory.id}),
            mallory.activity("Create", {**member, "id": mallory.uri("m/2"), "attributedTo": mallory.id}),
            mallory.activity("Leave", circle, target=lee),
            mallory.activity("Block", lee, target=circle),
            mallory.activity("Block", lee, target=us.uri(us.flex)),
        ):
            assert (await mallory.send(us.inbox, activity)).status == 202, activity["type"]
    assert set(watch.outcomes) <= {"refused", "ignored"}
    async with us.federation.reading() as context:
        assert await membership.is_member(context, us.circle, lee)


async def test_forged_activities_in_a_group_announce(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """B6: what a group wraps is looked up at its origin, and a Delete it wraps deletes nothing."""
    group = evil.actor("group", key=2, published=False)
    group.publish(type="Group")
    await us.follow(group)
    note = await told(us, carla)
    victim.pages["/" + note["id"].split("/", 3)[3]] = note
    unsaid = carla.note("never said")
    async with us.unchanged(evil, victim, but=(*TAKEN_IN, *CACHED)):
        for wrapped in (
            carla.activity("Update", {**note, "content": "taken over"}),
            carla.activity("Create", unsaid),
            carla.activity("Delete", note["id"]),
            carla.activity("Update", carla.document(name="Taken over")),
            carla.activity("Follow", us.uri(us.kim)),
            carla.activity("Announce", carla.activity("Create", unsaid)),
        ):
            assert (await group.send(us.inbox, group.activity("Announce", wrapped))).status == 202
    assert await us.text_of(note["id"]) == "as she said"
    assert await us.text_of(unsaid["id"]) is None
