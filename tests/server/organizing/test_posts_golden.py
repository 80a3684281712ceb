"""What leaves this server about posts, byte for byte as peers expect it; random ids and proofs put aside."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from federation.context import Context
from federation.vocabulary import Document
from federation.vocabulary.contexts import CONTEXT, DATA_INTEGRITY_V1, without_context
from models import Post
from server.organizing.posts import reactions, service
from server.organizing.posts.inbox import handle_create_note
from tests.builders import sent
from tests.posting import Stage, created, make_stage, note

GOLDEN = Path(__file__).parents[2] / "golden" / "outbound" / "posts"
_RANDOM = re.compile(r"/ap/(actors|objects|activities)/[a-z2-7]{26}")
_NUMBER = re.compile(r"/@\w+/\d{15,}")

TEXT = "Who else wants *one day a week* at home? @fan@fan.example #FlexWork\n\nSee https://example.org/study"
DELETED = "https://stranger.example/users/stranger/statuses/1"


async def publish(context: Context, stage: Stage, audience: str, **fields: Any) -> Post:
    author = stage.circle if audience == "circle" else stage.movement
    made: Post = await service.publish(
        context, author=author, text=TEXT, audience=audience, mentions=[stage.fan], **fields
    )
    return made


async def heard(context: Context, stage: Stage) -> str:
    to = [context.origin.actor(stage.movement.id)]
    document = note(stage.stranger, id=DELETED, cc=to)
    await handle_create_note(context, created(stage.stranger, document))
    return DELETED


async def create_public(context: Context, stage: Stage) -> None:
    await publish(context, stage, "public", content_warning="work", language="en")


async def create_unlisted_reply(context: Context, stage: Stage) -> None:
    await publish(context, stage, "unlisted", reply_to=await heard(context, stage))


async def create_supporters(context: Context, stage: Stage) -> None:
    await publish(context, stage, "supporters")


async def create_circle(context: Context, stage: Stage) -> None:
    await publish(context, stage, "circle")


async def create_direct(context: Context, stage: Stage) -> None:
    await publish(context, stage, "direct")


async def update_public(context: Context, stage: Stage) -> None:
    post = await publish(context, stage, "public")
    await service.edit(context, author=stage.movement, post_id=post.id, text="Two days")


async def delete_public(context: Context, stage: Stage) -> None:
    post = await publish(context, stage, "public")
    await service.delete(context, author=stage.movement, post_id=post.id)


async def delete_circle(context: Context, stage: Stage) -> None:
    post = await publish(context, stage, "circle")
    await service.delete(context, author=stage.circle, post_id=post.id)


async def announce_public(context: Context, stage: Stage) -> None:
    await reactions.boost(context, actor=stage.movement, post=await heard(context, stage))


async def undo_announce(context: Context, stage: Stage) -> None:
    await announce_public(context, stage)
    await reactions.unboost(context, actor=stage.movement, post=DELETED)


async def like_post(context: Context, stage: Stage) -> None:
    await reactions.like(context, actor=stage.movement, post=await heard(context, stage))


async def undo_like(context: Context, stage: Stage) -> None:
    await like_post(context, stage)
    await reactions.unlike(context, actor=stage.movement, post=DELETED)


ACTS: list[Callable[[Context, Stage], Awaitable[None]]] = [
    create_public,
    create_unlisted_reply,
    create_supporters,
    create_circle,
    create_direct,
    update_public,
    delete_public,
    delete_circle,
    announce_public,
    undo_announce,
    like_post,
    undo_like,
]


@pytest.mark.parametrize("act", ACTS)
async def test_what_leaves_is_exactly_this(context: Context, act: Callable[[Context, Stage], Awaitable[None]]) -> None:
    await act(context, await make_stage(context))
    last = (await sent(context))[-1].activity
    golden = json.loads((GOLDEN / f"{act.__name__.replace('_', '-')}.json").read_text())
    context_of_proofs = [DATA_INTEGRITY_V1] if "proof" in last else []
    assert last["@context"] == [*CONTEXT, *context_of_proofs]
    assert settled(last) == golden


def settled(activity: Document) -> Document:
    """Without its context, with a fixed word for each random id and for the value of a proof."""
    activity = without_context(activity)
    if "proof" in activity:
        activity = activity | {"proof": without_context(activity["proof"]) | {"proofValue": "…"}}
    text = _RANDOM.sub(r"/ap/\1/random", json.dumps(activity, ensure_ascii=False))
    result: Document = json.loads(_NUMBER.sub("/@handle/number", text))
    return result
