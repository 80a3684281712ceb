"""Reports of others, and shutting servers and actors out: sealed, limited, and without a word to anybody."""

import pytest
from sqlalchemy import func, select

from federation import follows
from federation.blocks import is_blocked
from federation.context import NOBODY, Context
from federation.origin import BadUri
from federation.standing import may_still
from federation.table import Outcome
from federation.vocabulary import Document
from federation.vocabulary.actors import Actor
from models import Report
from server.organizing.membership import records as memberships
from server.organizing.moderation import policy, queries, service
from server.organizing.moderation.inbox import FLAGS, handle_flag_actor
from server.organizing.posts import service as posts
from server.organizing.posts.inbox import handle_create_note
from server.organizing.posts.queries import find_post
from server.organizing.refusal import Refused
from tests.builders import activity, make_person, make_remote_actor, received, sent
from tests.conftest import Clock
from tests.posting import created, let_follow, let_join, make_stage, note

REPORTER = make_remote_actor("instance", host="far.example", type="Application")


async def flagged(context: Context, objects: list[str], *, sender: Actor = REPORTER, **fields: object) -> Outcome:
    document: Document = activity(sender, "Flag", "", content="rude") | {"object": objects} | fields
    return await handle_flag_actor(context, received(sender, document))


async def count_reports(context: Context) -> int:
    return int((await context.session.execute(select(func.count()).select_from(Report))).scalar_one())


async def test_a_report_is_kept_sealed_and_without_the_reporter(context: Context) -> None:
    robin = await make_person(context)
    post = await posts.publish(context, author=robin, text="Hi", audience="public")
    own, uri = context.origin.actor(robin.id), context.origin.object(post.id)
    theirs = f"{REPORTER.id}/statuses/1"
    assert await flagged(context, [own, uri, theirs, "https://evil.example/x"]) is Outcome.DONE
    (row,) = (await context.session.execute(select(Report))).scalars()
    assert b"rude" not in row.sealed_record
    (report,) = await queries.open_reports(context)
    assert (report.host, report.actors, report.posts, report.content) == ("far.example", (own,), (uri,), "rude")
    assert report.received_on == context.now.date()
    assert REPORTER.id not in str(report)
    assert await sent(context) == []


async def test_a_closed_report_is_forgotten_but_not_taken_again(context: Context) -> None:
    own = context.origin.actor((await make_person(context)).id)
    assert await flagged(context, [own], id="https://far.example/flags/1") is Outcome.DONE
    assert await flagged(context, [own], id="https://far.example/flags/1") is Outcome.IGNORED
    (report,) = await queries.open_reports(context)
    await service.close_report(context, report.id)
    for missing in (report.id, "none"):
        with pytest.raises(Refused):
            await service.close_report(context, missing)
    assert await queries.open_reports(context) == []
    assert await flagged(context, [own], id="https://far.example/flags/1") is Outcome.IGNORED
    (row,) = (await context.session.execute(select(Report))).scalars()
    assert row.sealed_record == b""


async def test_a_report_about_nobody_here_is_nothing(context: Context) -> None:
    gone = await make_person(context, "gone")
    gone.state = "deleted"
    await context.session.flush()
    origin = context.origin
    for objects in (
        [REPORTER.id],
        [origin.actor("missing")],
        [origin.object("missing")],
        [origin.actor(gone.id)],
        [origin.actor(gone.id, "followers")],
    ):
        assert await flagged(context, objects) is Outcome.IGNORED
    assert await count_reports(context) == 0


async def test_one_server_reports_so_much_a_day(context: Context, clock: Clock) -> None:
    own = context.origin.actor((await make_person(context)).id)
    for _ in range(FLAGS.limit):
        assert await flagged(context, [own]) is Outcome.DONE
    assert await flagged(context, [own]) is Outcome.IGNORED
    other = make_remote_actor("instance", host="other.example")
    assert await flagged(context, [own], sender=other) is Outcome.DONE
    clock.advance(days=1, seconds=1)
    context.now = clock()
    assert await flagged(context, [own]) is Outcome.DONE
    assert await count_reports(context) == FLAGS.limit + 2


def test_the_pile_of_reports_has_an_end() -> None:
    assert policy.may_report(open_reports=policy.MOST_OPEN - 1) is None
    assert policy.may_report(open_reports=policy.MOST_OPEN) is not None


async def test_a_long_complaint_is_cut(context: Context) -> None:
    own = context.origin.actor((await make_person(context)).id)
    await flagged(context, [own], content=None, summary="x" * 5_000)
    (report,) = await queries.open_reports(context)
    assert report.content == "x" * 2_000


async def test_a_blocked_domain_is_cut_off_with_all_below_it(context: Context) -> None:
    stage = await make_stage(context)
    below = make_remote_actor("deep", host="sub.fan.example")
    beside = make_remote_actor("beside", host="notfan.example")
    ported = make_remote_actor("port", host="fan.example:8443")
    for actor in (below, beside, ported):
        await let_follow(context, actor, stage.movement)
    await let_follow(context, stage.local_fan, stage.fan)
    await let_join(context, below, stage.circle)
    await posts.publish(context, author=stage.movement, text="Hi", audience="public")
    assert await service.block_domain(context, "FAN.example.") == 3
    assert {delivery.inbox for delivery in await sent(context)} == {"https://notfan.example/inbox"}
    movement = context.origin.actor(stage.movement.id)
    left = {edge.follower for edge in await follows.followers_of(context, movement)}
    assert left == {beside.id, context.origin.actor(stage.local_fan.id)}
    assert await follows.following_of(context, context.origin.actor(stage.local_fan.id)) != []
    assert await follows.find(context, follower=context.origin.actor(stage.local_fan.id), followee=stage.fan.id) is None
    circle = context.origin.actor(stage.circle.id)
    assert await memberships.find(context, group=circle, member=below.id) is None
    assert await memberships.find(context, group=circle, member=stage.member.id) is not None
    assert await is_blocked(context, "sub.fan.example")
    assert await service.block_domain(context, "fan.example") == 0
    assert await service.unblock_domain(context, "fan.example")
    assert not await service.unblock_domain(context, "fan.example")
    assert not await is_blocked(context, "fan.example")


@pytest.mark.parametrize("domain", ["groundswell.test", "test", "org"])
async def test_no_server_blocks_itself_or_everybody(context: Context, domain: str) -> None:
    with pytest.raises(Refused):
        await service.block_domain(context, domain)


@pytest.mark.parametrize("domain", ["", "a b.example", "x/y.example", "@x.example"])
async def test_what_is_no_domain_is_not_blocked(context: Context, domain: str) -> None:
    with pytest.raises(BadUri):
        await service.block_domain(context, domain)


async def test_a_suspended_actor_is_gone_and_heard_only_taking_back(context: Context) -> None:
    stage = await make_stage(context)
    document = note(stage.fan, to=[context.origin.actor(stage.movement.id)], cc=[])
    await handle_create_note(context, created(stage.fan, document))
    await service.suspend_actor(context, stage.fan.id)
    assert await find_post(context, document["id"], stage.movement) is None
    assert await handle_create_note(context, created(stage.fan, document)) is Outcome.IGNORED
    assert not await may_still(context, stage.fan.id, "Create")
    assert await may_still(context, stage.fan.id, "Undo")
    own = context.origin.actor(stage.movement.id)
    assert await follows.find(context, follower=stage.fan.id, followee=own) is None


async def test_one_of_ours_is_silenced(context: Context) -> None:
    robin = await make_person(context)
    await service.suspend_actor(context, context.origin.actor(robin.id))
    with pytest.raises(Refused):
        await posts.publish(context, author=robin, text="Hi", audience="public")
    for unknown in (
        context.origin.actor(robin.id),
        context.origin.actor("missing"),
        context.origin.instance,
        "https://far.example/users/unknown",
    ):
        with pytest.raises(Refused):
            await service.suspend_actor(context, unknown)
    assert await find_post(context, "missing", NOBODY) is None
