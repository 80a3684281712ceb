"""Who sees which post: one matrix of every audience and every kind of viewer, held against every way to read."""

import pytest
from sqlalchemy import update
from sqlmodel import col

from federation import follows
from federation.context import NOBODY, Context, Gone, Viewer
from federation.origin import host_of
from federation.vocabulary.activities import PUBLIC
from models import Follow, LocalActor, Membership, Post
from server.organizing.membership import records as memberships
from server.organizing.membership.states import State
from server.organizing.posts import queries, reactions, served, service, timelines
from server.organizing.posts.inbox import handle_create_note
from server.organizing.posts.reactions_inbox import handle_announce_object
from server.organizing.posts.sight import as_viewer
from server.organizing.window import Window
from tests.builders import activity, know, make_person, make_remote_actor, received
from tests.posting import Stage, created, instance_of, let_follow, let_join, make_stage, note, viewer

MARKER = "xylophone-quartz-7319"
MONA = make_remote_actor("mona")
WHO = (
    "nobody movement circle local_fan local_member local_stranger fan fan_server member member_server named "
    "named_server stranger stranger_server us"
).split()
SEES = {
    "public": set(WHO),
    "unlisted": set(WHO),
    "supporters": {"movement", "local_fan", "fan", "fan_server", "named"},
    "circle": {"circle", "local_member", "member", "member_server"},
    "direct": {"movement", "named"},
}


def who(context: Context, stage: Stage, name: str) -> Viewer:
    """The viewer of a name; `us` is this server's own actor, `…_server` the actor of a server elsewhere."""
    named = make_remote_actor("named", host="named.example")
    special = {"nobody": NOBODY, "named": viewer(named), "us": Viewer(context.origin.instance, context.origin.domain)}
    if name in special:
        return special[name]
    if name.endswith("_server"):
        return instance_of(f"{name.removesuffix('_server')}.example")
    actor = getattr(stage, name)
    return as_viewer(context, actor) if isinstance(actor, LocalActor) else viewer(actor)


async def published(context: Context, stage: Stage, audience: str) -> Post:
    named = await know(context, make_remote_actor("named", host="named.example"))
    author = stage.circle if audience == "circle" else stage.movement
    return await service.publish(context, author=author, text=MARKER, audience=audience, mentions=[named])


@pytest.mark.parametrize("audience", list(SEES))
async def test_everybody_sees_exactly_what_is_for_them(context: Context, audience: str) -> None:
    stage = await make_stage(context)
    post = await published(context, stage, audience)
    author = context.origin.actor(stage.circle.id if audience == "circle" else stage.movement.id)
    found, fetched, listed, threaded = set(), set(), set(), set()
    for name in WHO:
        seen_by = who(context, stage, name)
        if await queries.find_post(context, context.origin.object(post.id), seen_by):
            found.add(name)
        if await served.object_document(context, post.id, seen_by):
            fetched.add(name)
        if (await timelines.timeline_of(context, author, seen_by)).entries:
            listed.add(name)
        if await queries.thread(context, post.id, seen_by):
            threaded.add(name)
    assert found == fetched == threaded == SEES[audience]
    # Lists are for those who read them as themselves; nobody lists what only an address or a server's copy shows.
    assert listed == SEES[audience] - ({"fan_server", "member_server", "named"} if audience not in _OPEN else set())


_OPEN = ("public", "unlisted")


async def test_asking_or_being_invited_shows_nothing(context: Context) -> None:
    stage = await make_stage(context)
    posts = [await published(context, stage, audience) for audience in ("supporters", "circle")]
    await let_follow(context, stage.stranger, stage.movement, state="requested")
    await let_follow(context, stage.local_stranger, stage.movement, state="requested")
    await let_join(context, stage.stranger, stage.circle, state=State.APPLIED)
    await let_join(context, stage.local_stranger, stage.circle, state=State.INVITED)
    for post in posts:
        for seen_by in (viewer(stage.stranger), instance_of("stranger.example"), stage.local_stranger):
            assert await queries.find_post(context, post.id, seen_by) is None


async def test_no_address_of_ours_gives_a_closed_text_away(context: Context) -> None:
    """HOSTILE B13: everything there is to fetch, as nobody, as a stranger, and as somebody who left."""
    stage = await make_stage(context)
    posts = [await published(context, stage, audience) for audience in ("supporters", "circle", "direct")]
    await reactions.boost(context, actor=stage.movement, post=posts[0].id)
    for seen_by in (NOBODY, viewer(stage.stranger), viewer(MONA)):
        for post in posts:
            assert await served.object_document(context, post.id, seen_by) is None
            assert await served.replies(context, post.id, seen_by, None) is None
        for actor in (stage.movement, stage.circle):
            page = await served.outbox(context, actor, None)
            assert page is not None
            assert MARKER not in str(page.items)
            assert (page.items, page.total, page.next_cursor) == ([], 0, None)


async def test_the_outbox_shows_open_posts_and_public_boosts(context: Context) -> None:
    stage = await make_stage(context)
    post = await published(context, stage, "public")
    document = note(stage.stranger, cc=[context.origin.actor(stage.movement.id)])
    await handle_create_note(context, created(stage.stranger, document))
    boost = await reactions.boost(context, actor=stage.movement, post=document["id"])
    await reactions.boost(context, actor=stage.circle, post=document["id"])
    page = await served.outbox(context, stage.movement, None)
    assert page is not None
    assert {item["type"] for item in page.items if isinstance(item, dict)} == {"Create", "Announce"}
    assert page.total == 1
    announce = await served.announce_document(context, boost.id)
    assert announce is not None
    assert (announce["object"], announce["to"]) == (document["id"], [PUBLIC])
    circle = await served.outbox(context, stage.circle, None)
    assert circle is not None
    assert circle.items == []
    person = await served.outbox(context, stage.local_fan, None)
    assert person is not None
    assert person.total is None
    assert await served.announce_document(context, post.id) is None
    like = await reactions.like(context, actor=stage.movement, post=document["id"])
    assert await served.announce_document(context, like.id) is None


async def test_the_outbox_is_read_page_by_page_without_loss(context: Context) -> None:
    robin = await make_person(context)
    uris = []
    for number in range(45):
        made = await service.publish(context, author=robin, text=f"n{number}", audience="public")
        uris.append(context.origin.object(made.id))
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = await served.outbox(context, robin, cursor)
        assert page is not None
        seen += [item["object"]["id"] for item in page.items if isinstance(item, dict)]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(uris)
    for bad in ("x", "-1", "²", "9" * 30, "1e3", ""):
        page = await served.outbox(context, robin, bad)
        assert page is None


async def test_a_deleted_open_post_is_gone_and_a_closed_one_was_never_there(context: Context) -> None:
    stage = await make_stage(context)
    open_post, closed = await published(context, stage, "public"), await published(context, stage, "supporters")
    for post in (open_post, closed):
        await service.delete(context, author=stage.movement, post_id=post.id)
    with pytest.raises(Gone) as gone:
        await served.object_document(context, open_post.id, NOBODY)
    assert gone.value.tombstone["type"] == "Tombstone"
    assert gone.value.tombstone["formerType"] == "Note"
    for seen_by in (NOBODY, viewer(stage.fan)):
        assert await served.object_document(context, closed.id, seen_by) is None
        assert await served.object_document(context, "missing", seen_by) is None


async def test_what_others_wrote_is_not_ours_to_serve(context: Context) -> None:
    await know(context, MONA)
    await let_follow(context, await make_person(context), MONA)
    document = note(MONA)
    await handle_create_note(context, created(MONA, document))
    post = await queries.find_post(context, document["id"], NOBODY)
    assert post is not None
    assert await served.object_document(context, post.id, NOBODY) is None


async def test_home_is_what_one_follows_and_belongs_to(context: Context) -> None:
    stage = await make_stage(context)
    await know(context, MONA)
    await let_follow(context, stage.local_member, MONA)
    await let_follow(context, stage.local_member, stage.local_stranger)
    boosted = note(stage.stranger, "boosted")
    announce = activity(MONA, "Announce", boosted["id"])
    await handle_announce_object(context, received(MONA, announce, object=boosted))
    direct = note(MONA, "for the fan", to=[context.origin.actor(stage.local_fan.id)], cc=[])
    await handle_create_note(context, created(MONA, direct))
    for audience in ("public", "circle", "supporters"):
        await published(context, stage, audience)
    await service.publish(context, author=stage.local_stranger, text="closed", audience="supporters")
    await service.publish(context, author=stage.local_member, text="own", audience="public")
    page = await timelines.timeline_home(context, stage.local_member)
    assert {(entry.post.audience.value, entry.boosted_by) for entry in page.entries} == {
        ("circle", None),
        ("followers", None),
        ("public", None),
        ("public", MONA.id),
    }
    assert len(page.entries) == 4
    fan = await timelines.timeline_home(context, stage.local_fan)
    assert {entry.post.audience.value for entry in fan.entries} == {"public", "followers"}
    assert (await timelines.timeline_home(context, stage.local_stranger)).entries[0].post.content.source == "closed"


async def test_a_boost_for_some_is_listed_for_them_only(context: Context) -> None:
    """A profile shows no boost of a circle, nor one that somebody elsewhere made for followers."""
    stage = await make_stage(context)
    await let_follow(context, stage.local_fan, MONA)
    post = await published(context, stage, "public")
    await reactions.boost(context, actor=stage.circle, post=post.id)
    for closed in (True, False):
        booster = MONA if closed else stage.stranger
        to = [f"{booster.id}/followers"] if closed else [PUBLIC]
        announce = activity(booster, "Announce", context.origin.object(post.id), to=to)
        await handle_announce_object(context, received(booster, announce))
    circle = context.origin.actor(stage.circle.id)
    for author, seen_by, expected in (
        (circle, NOBODY, 0),
        (circle, as_viewer(context, stage.local_fan), 0),
        (circle, as_viewer(context, stage.local_member), 1),
        (circle, as_viewer(context, stage.circle), 1),
        (MONA.id, NOBODY, 0),
        (MONA.id, as_viewer(context, stage.local_fan), 1),
        (stage.stranger.id, NOBODY, 1),
    ):
        assert len((await timelines.timeline_of(context, author, seen_by)).entries) == expected


async def test_pages_of_a_timeline_meet_without_gap_or_repeat(context: Context) -> None:
    robin, lee = await make_person(context), await make_person(context, "lee")
    await let_follow(context, robin, lee)
    for number in range(7):
        made = await service.publish(context, author=lee, text=f"n{number}", audience="public")
        if number % 2:
            await reactions.boost(context, actor=robin, post=made.id)
    seen: list[str] = []
    before: int | None = None
    for _ in range(20):
        page = await timelines.timeline_home(context, robin, Window(3, before))
        numbers = [entry.number for entry in page.entries]
        assert numbers == sorted(numbers, reverse=True)
        seen += [entry.post.id for entry in page.entries]
        before = page.before
        if before is None:
            break
    assert len(set(seen)) == 7
    assert len(seen) <= 10


async def test_a_thread_comes_together_in_whatever_order_it_arrives(context: Context) -> None:
    stage = await make_stage(context)
    for actor in (MONA, stage.stranger):
        await know(context, actor)
        await let_follow(context, stage.local_fan, actor)
    root = note(MONA, "root", published="2026-06-07T10:00:00Z")
    first = note(stage.stranger, "first", inReplyTo=root["id"], published="2026-06-07T11:00:00Z")
    second = note(MONA, "second", inReplyTo=first["id"], published="2026-06-07T12:00:00Z")
    closed = note(MONA, "closed", inReplyTo=first["id"], to=[MONA.followers], cc=[], published="2026-06-07T13:00:00Z")
    for sender, document in ((MONA, closed), (MONA, second), (stage.stranger, first), (MONA, root)):
        await handle_create_note(context, created(sender, document))
    seen = await queries.thread(context, first["id"], stage.local_fan)
    assert seen is not None
    assert [post.content.uri for post in seen.ancestors] == [root["id"]]
    assert [post.content.uri for post in seen.descendants] == [second["id"], closed["id"]]
    open_part = await queries.thread(context, root["id"], NOBODY)
    assert open_part is not None
    assert [post.content.uri for post in open_part.descendants] == [first["id"], second["id"]]


async def test_posts_that_answer_each_other_in_a_ring_end(context: Context) -> None:
    await know(context, MONA)
    await let_follow(context, await make_person(context), MONA)
    one, two = note(MONA), note(MONA)
    one["inReplyTo"], two["inReplyTo"] = two["id"], one["id"]
    itself = note(MONA)
    itself["inReplyTo"] = itself["id"]
    for document in (one, two, itself):
        await handle_create_note(context, created(MONA, document))
    ring = await queries.thread(context, one["id"], NOBODY)
    alone = await queries.thread(context, itself["id"], NOBODY)
    assert ring is not None
    assert alone is not None
    assert len(ring.ancestors) == len(ring.descendants) == 1
    assert (alone.ancestors, alone.descendants) == ([], [])


async def test_replies_are_open_ones_by_id(context: Context) -> None:
    stage = await make_stage(context)
    post = await published(context, stage, "public")
    parent = context.origin.object(post.id)
    reply = note(stage.stranger, inReplyTo=parent)
    closed = note(stage.fan, inReplyTo=parent, to=[context.origin.actor(stage.movement.id)], cc=[])
    await handle_create_note(context, created(stage.stranger, reply))
    await handle_create_note(context, created(stage.fan, closed))
    page = await served.replies(context, post.id, NOBODY, None)
    assert page is not None
    assert (page.items, page.total, page.next_cursor) == ([reply["id"]], None, None)
    assert await served.replies(context, "missing", NOBODY, None) is None
    assert await served.replies(context, post.id, NOBODY, "x") is None


async def test_a_post_is_found_by_author_and_number(context: Context) -> None:
    stage = await make_stage(context)
    post, closed = await published(context, stage, "public"), await published(context, stage, "supporters")
    found = await queries.find_numbered(context, stage.movement, post.number, NOBODY)
    assert found is not None
    view = queries.page_view(found)
    assert (view.url, view.day) == (f"https://groundswell.test/@flex/{post.number}", "2026-06-07")
    assert await queries.find_numbered(context, stage.circle, post.number, NOBODY) is None
    assert await queries.find_numbered(context, stage.movement, closed.number, NOBODY) is None
    assert await queries.find_numbered(context, stage.movement, 2**70, NOBODY) is None


async def test_the_type_of_what_is_stored_picks_the_handler(context: Context) -> None:
    stage = await make_stage(context)
    post = await published(context, stage, "public")
    uri = context.origin.object(post.id)
    announce = activity(MONA, "Announce", uri)
    await handle_announce_object(context, received(MONA, announce))
    assert await queries.object_type(context, uri) == "Note"
    assert await queries.object_type(context, announce["id"]) == "Announce"
    assert await queries.object_type(context, "https://far.example/none") is None
    await service.delete(context, author=stage.movement, post_id=post.id)
    assert await queries.object_type(context, uri) == "Tombstone"
    assert host_of(uri) == context.origin.domain


async def test_a_server_that_asks_costs_no_more_than_its_own_people(context: Context) -> None:
    stage = await make_stage(context)
    for number in range(3):
        far = await know(context, make_remote_actor(f"n{number}", host="far.example"))
        await let_follow(context, far, stage.movement)
        await let_join(context, far, stage.circle)
    supporters, inside = await published(context, stage, "supporters"), await published(context, stage, "circle")
    # What cannot be opened was not opened: neither effort nor time tells a server how many there are elsewhere.
    for edge in await follows.followers_on(context, context.origin.actor(stage.movement.id), "far.example"):
        await context.session.execute(update(Follow).where(col(Follow.id) == edge.id).values(sealed_edge=b"spoilt"))
    for record in await memberships.on_host(context, context.origin.actor(stage.circle.id), "far.example"):
        spoil = update(Membership).where(col(Membership.id) == record.id).values(sealed_record=b"spoilt")
        await context.session.execute(spoil)
    for post, host, sees in (
        (supporters, "fan.example", True),
        (supporters, "stranger.example", False),
        (inside, "member.example", True),
        (inside, "fan.example", False),
    ):
        found = await queries.find_post(context, context.origin.object(post.id), instance_of(host))
        assert (found is not None) is sees, host
