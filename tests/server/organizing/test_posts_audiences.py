"""Who gets what is published: addressing, inboxes, and replies that reach no further than what they answer."""

import pytest

from federation.addressing import Recipient, narrow_inboxes
from federation.context import Context
from federation.vocabulary.activities import PUBLIC
from models import LocalActor
from server.organizing.membership.states import State
from server.organizing.moderation.service import block_domain
from server.organizing.posts import policy, service
from server.organizing.posts.audiences import addresses_of
from server.organizing.posts.content import Audience
from server.organizing.posts.inbox import handle_create_note
from server.organizing.posts.policy import Answered, Speaker
from server.organizing.refusal import Refused
from tests.builders import know, make_movement, make_person, make_remote_actor, sent
from tests.posting import Stage, created, let_follow, let_join, make_stage, note, synchronizes

F, A, B = "https://groundswell.test/f", "https://far.example/a", "https://far.example/b"

TABLE = [
    (Audience.PUBLIC, (PUBLIC,), (F, A, B)),
    (Audience.UNLISTED, (F,), (PUBLIC, A, B)),
    (Audience.FOLLOWERS, (F,), (A, B)),
    (Audience.CIRCLE, (F,), ()),
    (Audience.DIRECT, (A, B), ()),
]


@pytest.mark.parametrize(("audience", "to", "cc"), TABLE)
def test_each_audience_is_addressed_as_others_read_it(
    audience: Audience, to: tuple[str, ...], cc: tuple[str, ...]
) -> None:
    addresses = addresses_of(audience, followers=F, named=[A, B])
    assert (addresses.to, addresses.cc) == (to, cc)


def test_the_table_names_every_audience() -> None:
    assert [row[0] for row in TABLE] == list(Audience)


@pytest.mark.parametrize(
    ("audience", "inboxes", "synchronized"),
    [
        ("public", {"https://fan.example/inbox", "https://stranger.example/inbox"}, False),
        ("unlisted", {"https://fan.example/inbox", "https://stranger.example/inbox"}, False),
        ("supporters", {"https://fan.example/users/fan/inbox", "https://stranger.example/users/stranger/inbox"}, True),
        ("direct", {"https://stranger.example/users/stranger/inbox"}, False),
    ],
)
async def test_a_movement_reaches_its_followers_and_those_it_names(
    context: Context, audience: str, inboxes: set[str], *, synchronized: bool
) -> None:
    stage = await make_stage(context)
    text = "Hi @stranger@stranger.example"
    post = await service.publish(
        context, author=stage.movement, text=text, audience=audience, mentions=[stage.stranger]
    )
    queued = await sent(context)
    assert {delivery.inbox for delivery in queued} == inboxes
    assert await synchronizes(context) == {synchronized}
    for delivery in queued:
        create = delivery.activity
        assert (create["to"], create["cc"]) == (create["object"]["to"], create["object"]["cc"])
        assert not {"bto", "bcc"} & {*create, *create["object"]}
        assert create["id"] == context.origin.object(post.id) + "/activity"


async def test_a_circle_reaches_its_members_and_names_none(context: Context) -> None:
    stage = await make_stage(context)
    for name in ("ann", "bob"):
        await let_join(context, make_remote_actor(name, host="shared.example"), stage.circle)
    text = "Hi @member@member.example"
    await service.publish(context, author=stage.circle, text=text, audience="circle", mentions=[stage.member])
    queued = await sent(context)
    # One member on a server has an own inbox, of two the server is told once.
    assert {delivery.inbox for delivery in queued} == {
        "https://member.example/users/member/inbox",
        "https://shared.example/inbox",
    }
    create = queued[0].activity
    own = context.origin.actor(stage.circle.id)
    assert (create["actor"], create["object"]["attributedTo"]) == (own, own)
    assert (create["to"], create["cc"], create["object"]["tag"]) == ([f"{own}/followers"], [], [])
    assert "member.example/users" not in str(create)
    assert await synchronizes(context) == {True}


async def test_who_only_asked_gets_nothing(context: Context) -> None:
    stage = await make_stage(context)
    await let_join(context, stage.stranger, stage.circle, state=State.APPLIED)
    await let_follow(context, stage.stranger, stage.movement, state="requested")
    await service.publish(context, author=stage.circle, text="Members", audience="circle")
    await service.publish(context, author=stage.movement, text="Supporters", audience="supporters")
    assert "stranger" not in str([delivery.inbox for delivery in await sent(context)])


async def test_a_blocked_or_own_server_is_never_sent_to(context: Context) -> None:
    stage = await make_stage(context)
    await block_domain(context, "fan.example")
    await service.publish(context, author=stage.movement, text="Hi", audience="public", mentions=[stage.fan])
    assert await sent(context) == []


def test_a_shared_inbox_elsewhere_is_no_shortcut() -> None:
    pair = [
        Recipient(f"https://far.example/{name}", f"https://far.example/{name}/in", "https://evil.example/in")
        for name in ("a", "b")
    ]
    assert set(narrow_inboxes(pair)) == {"https://far.example/a/in", "https://far.example/b/in"}


@pytest.mark.parametrize(
    ("speaker", "audience", "refused"),
    [
        ("circle", "public", True),
        ("circle", "unlisted", True),
        ("circle", "supporters", True),
        ("circle", "circle", False),
        ("movement", "circle", True),
        ("person", "circle", True),
        ("person", "supporters", False),
        ("person", "direct", True),  # to nobody
        ("movement", "everybody", True),
    ],
)
async def test_who_may_speak_to_whom(context: Context, speaker: str, audience: str, *, refused: bool) -> None:
    made = await make_movement(context)
    author = {"circle": made.circle, "movement": made.actor}.get(speaker) or await make_person(context)
    if not refused:
        await service.publish(context, author=author, text="Hi", audience=audience)
        return
    with pytest.raises(Refused):
        await service.publish(context, author=author, text="Hi", audience=audience)
    assert await sent(context) == []


async def test_a_circle_named_by_another_is_refused(context: Context) -> None:
    made = await make_movement(context)
    with pytest.raises(Refused):
        await service.publish(context, author=made.actor, text="Hi", audience="circle", circle=made.circle)


OPEN = [Audience.PUBLIC, Audience.UNLISTED]


@pytest.mark.parametrize("parent", list(Audience))
@pytest.mark.parametrize("reply", list(Audience))
@pytest.mark.parametrize("mine", [True, False])
def test_no_reply_reaches_further_than_what_it_answers(parent: Audience, reply: Audience, *, mine: bool) -> None:
    answered = Answered(audience=parent, mine=mine, named={A})
    allowed = policy.may_answer(answered, audience=reply, named=[A]) is None
    assert allowed == (parent in OPEN or reply is Audience.DIRECT or (mine and reply is parent))
    if parent not in OPEN:
        assert policy.may_answer(answered, audience=Audience.DIRECT, named=[A, B]) is not None


async def test_a_public_answer_to_a_post_for_members_is_refused(context: Context) -> None:
    stage = await make_stage(context)
    secret = await service.publish(context, author=stage.circle, text="Members", audience="circle")
    before, uri = await sent(context), context.origin.object(secret.id)
    for audience in ("public", "unlisted", "supporters"):
        with pytest.raises(Refused):
            await service.publish(context, author=stage.local_member, text="Re", audience=audience, reply_to=uri)
    assert await sent(context) == before


async def test_what_one_cannot_see_cannot_be_answered(context: Context) -> None:
    stage = await make_stage(context)
    secret = await service.publish(context, author=stage.circle, text="Members", audience="circle")
    reasons = set()
    for target in (context.origin.object(secret.id), context.origin.object("missing"), "https://far.example/none"):
        with pytest.raises(Refused) as refused:
            await _answer(context, stage.local_stranger, target)
        reasons.add(str(refused.value))
    assert len(reasons) == 1


async def _answer(context: Context, author: LocalActor, target: str) -> None:
    await service.publish(context, author=author, text="Re", audience="direct", reply_to=target)


async def test_an_answer_names_and_reaches_whoever_wrote_what_it_answers(context: Context) -> None:
    stage: Stage = await make_stage(context)
    question = note(stage.stranger, cc=[context.origin.actor(stage.local_fan.id)])
    await handle_create_note(context, created(stage.stranger, question))
    await service.publish(context, author=stage.local_fan, text="Yes", audience="public", reply_to=question["id"])
    (reply,) = await sent(context)
    assert reply.inbox == "https://stranger.example/inbox"
    assert reply.activity["object"]["inReplyTo"] == question["id"]
    assert stage.stranger.id in reply.activity["cc"]
    assert reply.activity["object"]["tag"][0] == {
        "type": "Mention",
        "href": stage.stranger.id,
        "name": "@stranger@stranger.example",
    }


async def test_a_suspended_or_deleted_author_says_nothing(context: Context) -> None:
    robin = await make_person(context)
    await know(context, make_remote_actor("mona"))
    for state in ("suspended", "deleted"):
        robin.state = state
        with pytest.raises(Refused):
            await service.publish(context, author=robin, text="Hi", audience="public")


@pytest.mark.parametrize("speaker", list(Speaker))
def test_a_circle_is_never_made_visible_by_a_reaction(speaker: Speaker) -> None:
    assert (policy.may_like(speaker=speaker, mine=False) is None) == (speaker is not Speaker.CIRCLE)
    closed = (Audience.FOLLOWERS, Audience.CIRCLE, Audience.DIRECT)
    assert all(policy.may_boost(speaker=speaker, audience=audience, mine=False) is not None for audience in closed)
