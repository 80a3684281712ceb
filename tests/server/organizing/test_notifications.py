"""What others elsewhere do is told to those here whom it concerns: no more than they may see, and until taken back."""

from typing import Any

from federation.context import Context
from federation.table import Outcome
from federation.vocabulary.activities import PUBLIC
from models import LocalActor
from server.organizing.conversations import queries as conversations
from server.organizing.following import inbox as following
from server.organizing.following import service as follows
from server.organizing.happenings import Happening
from server.organizing.membership import inbox as membership
from server.organizing.membership import service as members
from server.organizing.notifications import queries
from server.organizing.notifications.kinds import Kind
from server.organizing.notifications.policy import Answer, Sender, Wishes, judge
from server.organizing.notifications.queries import Chosen
from server.organizing.people.inbox import handle_delete_actor
from server.organizing.posts import reactions as own_reactions
from server.organizing.posts import reactions_inbox as reactions
from server.organizing.posts import service as posts
from server.organizing.posts.inbox import handle_create_note, handle_delete_object, handle_update_note
from server.organizing.window import Window
from tests.builders import activity, know, make_person, make_remote_actor, received
from tests.posting import created, make_stage, note

MONA = make_remote_actor("mona")


async def told(context: Context, receiver: LocalActor) -> list[tuple[str, str]]:
    """What somebody was told, newest first: kind, and by whom."""
    return [(each.kind.value, each.sender) for each in await queries.all_of(context, receiver, Chosen())]


def tag(context: Context, person: LocalActor) -> dict[str, Any]:
    return {"tag": [{"type": "Mention", "href": context.origin.actor(person.id), "name": f"@{person.handle}"}]}


async def test_a_mention_must_be_an_address_and_goes_with_its_post(context: Context) -> None:
    robin, kim = await make_person(context, "robin"), await make_person(context, "kim")
    await know(context, MONA)
    own, other = context.origin.actor(robin.id), context.origin.actor(kim.id)
    named = note(MONA, cc=[own], **tag(context, robin))
    only_tagged = note(MONA, cc=[other], **tag(context, robin))
    only_addressed = note(MONA, cc=[own])
    direct = note(MONA, to=[own], cc=[])
    for document in (named, only_tagged, only_addressed, direct):
        assert await handle_create_note(context, created(MONA, document)) is Outcome.DONE
    assert await told(context, robin) == [("mention", MONA.id)] * 2
    assert await told(context, kim) == []
    (found,), _ = await conversations.page_of(context, robin, Window())
    assert (found.others, found.record.unread, found.last.content.uri) == ([MONA.id], True, direct["id"])
    said = [Happening.parse(text) for text in context.happenings]
    assert len([each for each in said if each is not None and each.kind == "notification"]) == 2
    assert not [text for text in context.happenings if "mona" in text or "robin" in text]

    for document in (named, direct):
        gone = activity(MONA, "Delete", document["id"], to=[PUBLIC])
        assert await handle_delete_object(context, received(MONA, gone)) is Outcome.DONE
    assert await told(context, robin) == []
    assert await conversations.page_of(context, robin, Window()) == ([], [])


async def test_reactions_from_elsewhere_are_told_and_undone(context: Context) -> None:
    robin = await make_person(context, "robin")
    await know(context, MONA)
    row = await posts.publish(context, author=robin, text="Shorter meetings", audience="public")
    uri = context.origin.object(row.id)
    like, boost = activity(MONA, "Like", uri), activity(MONA, "Announce", uri, to=[PUBLIC])
    await reactions.handle_like_object(context, received(MONA, like))
    await reactions.handle_announce_object(context, received(MONA, boost))
    await reactions.handle_like_object(context, received(MONA, activity(MONA, "Like", uri)))
    assert await told(context, robin) == [("reblog", MONA.id), ("favourite", MONA.id)]
    await reactions.handle_undo_like(context, received(MONA, activity(MONA, "Undo", like)))
    assert await told(context, robin) == [("reblog", MONA.id)]
    closed = await posts.publish(context, author=robin, text="For followers", audience="supporters")
    hidden = activity(MONA, "Like", context.origin.object(closed.id))
    assert await reactions.handle_like_object(context, received(MONA, hidden)) is Outcome.IGNORED
    await posts.delete(context, author=robin, post_id=row.id)
    assert await told(context, robin) == []


async def test_whoever_boosted_hears_of_every_edit(context: Context) -> None:
    robin, kim = await make_person(context, "robin"), await make_person(context, "kim")
    await know(context, MONA)
    document = note(MONA, cc=[context.origin.actor(robin.id)])
    await handle_create_note(context, created(MONA, document))
    await own_reactions.boost(context, actor=robin, post=document["id"])
    await own_reactions.like(context, actor=kim, post=document["id"])
    for minute in (1, 2):
        changed = document | {"content": f"<p>{minute}</p>", "updated": f"2026-06-07T20:0{minute}:00Z"}
        assert await handle_update_note(context, created(MONA, changed)) is Outcome.DONE
    assert await told(context, robin) == [("update", MONA.id)]
    assert await told(context, kim) == []


async def test_requests_are_told_until_they_are_decided_or_taken_back(context: Context) -> None:
    stage = await make_stage(context)
    robin = await make_person(context, "robin", locked=True)
    mona = await know(context, MONA)
    ask = activity(mona, "Follow", context.origin.actor(robin.id))
    await following.handle_follow_person(context, received(mona, ask))
    await following.handle_follow_person(context, received(mona, ask))
    assert await told(context, robin) == [("follow_request", mona.id)]
    await follows.accept_request(context, owner=robin, requester=mona.id)
    assert await told(context, robin) == [("follow", mona.id)]
    await following.handle_undo_follow(context, received(mona, activity(mona, "Undo", ask)))
    assert await told(context, robin) == []

    circle = context.origin.actor(stage.circle.id)
    for verb, handle in (("Follow", following.handle_follow_group), ("Join", membership.handle_join_group)):
        applied = activity(mona, verb, circle)
        assert await handle(context, received(mona, applied)) is Outcome.DONE
        assert await told(context, stage.circle) == [("follow_request", mona.id)]
        if verb == "Follow":
            await members.refuse(context, circle=stage.circle, member=mona.id, by=stage.circle)
        else:
            await members.admit(context, circle=stage.circle, member=mona.id, by=stage.circle)
        assert await told(context, stage.circle) == []
    supporter = activity(stage.stranger, "Follow", context.origin.actor(stage.movement.id))
    await following.handle_follow_group(context, received(stage.stranger, supporter))
    assert await told(context, stage.movement) == [], "a movement is not told who follows it"


async def test_of_an_actor_that_is_gone_nothing_is_left(context: Context) -> None:
    robin = await make_person(context, "robin", locked=False)
    mona = await know(context, MONA)
    await following.handle_follow_person(
        context, received(mona, activity(mona, "Follow", context.origin.actor(robin.id)))
    )
    assert await told(context, robin) == [("follow", mona.id)]
    await handle_delete_actor(context, received(mona, activity(mona, "Delete", mona.id)))
    assert await told(context, robin) == []


def test_the_strictest_wish_that_applies_counts() -> None:
    strict = Wishes(for_not_followers=Answer.FILTER, for_new_accounts=Answer.DROP, for_private_mentions=Answer.FILTER)
    stranger, follower = Sender(followed=False, follows=False), Sender(followed=False, follows=True)

    def judged(sender: Sender, kind: Kind = Kind.MENTION, *, is_private: bool = False) -> Answer:
        return judge(strict, kind=kind, sender=sender, is_private=is_private)

    assert judged(stranger) is Answer.FILTER
    assert judged(follower) is Answer.ACCEPT
    assert judged(follower, is_private=True) is Answer.FILTER
    assert judged(Sender(followed=False, follows=True, is_new=True)) is Answer.DROP
    assert judged(Sender(followed=True, follows=False, is_new=True), is_private=True) is Answer.ACCEPT
    assert judged(stranger, Kind.POLL) is Answer.ACCEPT
    assert Wishes.from_fields(strict.to_fields()) == strict
