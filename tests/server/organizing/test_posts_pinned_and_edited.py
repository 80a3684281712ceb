"""Pins as other servers hear of them, and edits of others as far as they are kept."""

from typing import Any

import pytest

from federation.context import Context
from federation.table import Outcome
from models import LocalActor
from server.organizing.people.service import delete_person
from server.organizing.posts import kept, marks, pins, records, revisions, scheduled, service
from server.organizing.posts.inbox import handle_create_note, handle_delete_object, handle_update_note
from server.organizing.posts.marks import BOOKMARK
from server.organizing.posts.scheduled import Draft
from server.organizing.posts.served import featured
from server.organizing.refusal import Refused
from server.organizing.window import Window
from tests.builders import activity, make_person, received, sent
from tests.posting import Stage, created, let_follow, make_stage, note


async def said(context: Context, author: LocalActor, text: str = "Pay bands", audience: str = "public") -> str:
    return (await service.publish(context, author=author, text=text, audience=audience)).id


async def heard_since(context: Context, before: int) -> list[dict[str, Any]]:
    return [delivery.activity for delivery in (await sent(context))[before:]]


async def test_pins_are_told_to_followers_and_served(context: Context) -> None:
    stage = await make_stage(context)
    own = context.origin.actor(stage.movement.id)
    post_id = await said(context, stage.movement)
    before = len(await sent(context))
    for _ in range(2):
        await pins.pin(context, actor=stage.movement, post=post_id)
    (add,) = await heard_since(context, before)
    assert (add["type"], add["object"], add["target"]) == ("Add", context.origin.object(post_id), f"{own}/featured")
    shown = await featured(context, stage.movement)
    assert [item["id"] for item in shown.items if isinstance(item, dict)] == [context.origin.object(post_id)]
    for _ in range(2):
        await pins.unpin(context, actor=stage.movement, post=post_id)
    assert [told["type"] for told in await heard_since(context, before)] == ["Add", "Remove"]
    assert (await featured(context, stage.movement)).total == 0


async def test_a_deleted_post_is_pinned_no_more(context: Context) -> None:
    stage = await make_stage(context)
    post_id = await said(context, stage.movement)
    await pins.pin(context, actor=stage.movement, post=post_id)
    await service.delete(context, author=stage.movement, post_id=post_id)
    assert (await featured(context, stage.movement)).total == 0
    with pytest.raises(Refused, match="no such post"):
        await pins.pin(context, actor=stage.movement, post=post_id)


async def edited_elsewhere(context: Context, stage: Stage) -> str:
    """A post by somebody elsewhere, edited once."""
    await let_follow(context, stage.local_fan, stage.fan)
    document = note(stage.fan, "first", to=[f"{stage.fan.id}/followers"], cc=[])
    assert await handle_create_note(context, created(stage.fan, document)) is Outcome.DONE
    changed = document | {"content": "<p>second</p>", "summary": "Work", "updated": "2026-06-07T20:30:00Z"}
    for outcome in (Outcome.DONE, Outcome.IGNORED):
        assert await handle_update_note(context, created(stage.fan, changed, verb="Update")) is outcome
    return str(document["id"])


async def test_what_others_said_before_is_kept_sealed_and_goes_with_the_post(context: Context) -> None:
    stage = await make_stage(context)
    uri = await edited_elsewhere(context, stage)
    post = await records.find_stored(context, uri)
    assert post is not None
    versions = await revisions.versions_of(context, post)
    assert [version.html for version in versions] == ["<p>first</p>", "<p>second</p>"]
    assert [version.summary for version in versions] == [None, "Work"]
    tombstone = {"id": uri, "type": "Tombstone"}
    gone = received(stage.fan, activity(stage.fan, "Delete", tombstone))
    assert await handle_delete_object(context, gone) is Outcome.DONE
    assert await revisions.versions_of(context, post) == versions[-1:]


async def test_whoever_leaves_leaves_nothing_noted_or_scheduled(context: Context) -> None:
    stage = await make_stage(context)
    robin = await make_person(context)
    own = context.origin.actor(robin.id)
    post = await records.find_stored(context, await said(context, stage.movement))
    assert post is not None
    await kept.bookmark(context, robin, post)
    await kept.mute_thread(context, robin, post)
    await scheduled.put(context, own, Draft(text="Later"), context.now)
    assert await kept.is_muted(context, own, post.row)
    assert await marks.marked_by_anybody(context, [post.id]) == {post.id}
    await delete_person(context, person=robin)
    assert await marks.list_of(context, BOOKMARK, own, Window()) == []
    assert not await kept.is_muted(context, own, post.row)
    assert not await scheduled.any_due(context)
