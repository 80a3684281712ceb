"""Publishing, editing and deleting by local actors: what is stored, what is sealed, what is sent, what is proved."""

from pathlib import Path

import pytest
from sqlalchemy import delete, select
from sqlmodel import SQLModel, col

from crypto import keys
from crypto.proofs import BadProof, verify_proof
from crypto.sealing import CannotOpen
from federation.context import Context
from models import DataKey, Post
from server.db import Database
from server.organizing.posts import records, service
from server.organizing.posts.content import Audience, PostContent
from server.organizing.posts.inbox import handle_create_note
from server.organizing.posts.policy import LONGEST_TEXT, MOST_MENTIONS
from server.organizing.refusal import Refused
from tests.builders import make_movement, make_person, make_remote_actor, sent
from tests.posting import created, let_follow, let_join, make_stage, note

MARKER = "xylophone-quartz-7319"
CLOSED = ("supporters", "circle", "direct")
MONA = make_remote_actor("mona")


async def test_what_is_published_is_kept_whole(context: Context) -> None:
    robin = await make_person(context)
    row = await service.publish(
        context,
        author=robin,
        text="Hello **you** #Work\n\nsee https://example.org/a",
        audience="public",
        content_warning="pay",
        language="en",
    )
    post = await records.find_stored(context, row.id)
    assert post is not None
    content = post.content
    assert content.uri == context.origin.object(row.id)
    assert content.url == f"https://groundswell.test/@robin/{row.number}"
    assert (content.summary, content.sensitive, content.language) == ("pay", True, "en")
    assert (content.hashtags, content.published) == (("Work",), context.now)
    assert content.source == "Hello **you** #Work\n\nsee https://example.org/a"
    assert (row.local, row.audience, row.kind, row.root_index) == (True, "public", "Note", row.uri_index)
    assert PostContent.from_json(content.to_json()) == content


@pytest.mark.parametrize("text", ["", "  \n", "x" * (LONGEST_TEXT + 1)])
async def test_a_text_nobody_can_send_is_refused(context: Context, text: str) -> None:
    with pytest.raises(Refused):
        await service.publish(context, author=await make_person(context), text=text, audience="public")
    assert (await context.session.execute(select(Post))).first() is None


async def test_too_many_mentions_are_refused(context: Context) -> None:
    crowd = [make_remote_actor(f"a{number}") for number in range(MOST_MENTIONS + 1)]
    with pytest.raises(Refused):
        await service.publish(context, author=await make_person(context), text="Hi", audience="public", mentions=crowd)


@pytest.mark.parametrize("audience", ["public", "unlisted", *CLOSED])
async def test_only_public_posts_carry_a_proof(context: Context, audience: str) -> None:
    stage = await make_stage(context)
    author = stage.circle if audience == "circle" else stage.movement
    post = await service.publish(
        context, author=author, text="Hi", audience=audience, mentions=[stage.fan, stage.member]
    )
    await service.edit(context, author=author, post_id=post.id, text="Hi again")
    await service.delete(context, author=author, post_id=post.id)
    for delivery in await sent(context):
        assert ("proof" in delivery.activity) == (audience == "public")
        assert "proof" not in delivery.activity["object"]
        if audience == "public":
            key = keys.multikey_decode(author.ed25519_multikey)
            verify_proof(delivery.activity, public_key=key, now=context.now)
            with pytest.raises(BadProof):
                verify_proof(delivery.activity | {"actor": MONA.id}, public_key=key, now=context.now)


async def test_an_edit_is_sent_to_those_who_have_the_post(context: Context) -> None:
    stage = await make_stage(context)
    post = await service.publish(
        context, author=stage.movement, text="Hi @fan@fan.example", audience="public", content_warning="pay"
    )
    text = "Hi @stranger@stranger.example #more"
    await service.edit(context, author=stage.movement, post_id=post.id, text=text, mentions=[stage.stranger])
    updates = [delivery for delivery in await sent(context) if delivery.activity["type"] == "Update"]
    assert {delivery.inbox for delivery in updates} == {"https://fan.example/inbox", "https://stranger.example/inbox"}
    update = updates[0].activity
    assert update["object"]["id"] == context.origin.object(post.id)
    assert update["object"]["updated"] == "2026-06-07T20:51:35Z"
    assert update["object"]["summary"] == "pay"
    assert stage.stranger.id in update["object"]["cc"]
    assert (update["to"], update["cc"]) == (update["object"]["to"], update["object"]["cc"])
    await service.edit(context, author=stage.movement, post_id=post.id, text="Hi", content_warning="")
    changed = await records.find_stored(context, post.id)
    assert changed is not None
    assert (changed.content.summary, changed.content.sensitive) == (None, False)
    assert changed.content.published == context.now


async def test_an_edit_of_a_closed_post_reaches_nobody_new(context: Context) -> None:
    stage = await make_stage(context)
    post = await service.publish(context, author=stage.movement, text="Hi", audience="supporters")
    text = "Hi @stranger@stranger.example"
    await service.edit(context, author=stage.movement, post_id=post.id, text=text, mentions=[stage.stranger])
    queued = await sent(context)
    assert {delivery.inbox for delivery in queued} == {stage.fan.inbox}
    assert stage.stranger.id not in str([delivery.activity for delivery in queued])


async def test_a_delete_that_overtakes_its_create_leaves_no_text_in_the_queue(context: Context) -> None:
    stage = await make_stage(context)
    post = await service.publish(context, author=stage.movement, text=MARKER, audience="supporters")
    await service.delete(context, author=stage.movement, post_id=post.id)
    (delete,) = await sent(context)
    assert delete.activity["type"] == "Delete"
    assert delete.activity["object"] == {"id": context.origin.object(post.id), "type": "Tombstone"}
    assert delete.activity["to"] == [context.origin.actor(stage.movement.id, "followers")]
    row = await context.session.get_one(Post, post.id)
    assert (row.document, row.sealed_document, row.deleted_at) == (None, None, context.now)


async def test_nobody_edits_or_deletes_what_another_wrote(context: Context) -> None:
    robin, lee = await make_person(context), await make_person(context, "lee")
    await let_follow(context, lee, MONA)
    mine = await service.publish(context, author=robin, text="Mine", audience="public")
    theirs = note(MONA)
    await handle_create_note(context, created(MONA, theirs))
    for target in (mine.id, theirs["id"], "missing"):
        with pytest.raises(Refused):
            await service.edit(context, author=lee, post_id=target, text="Taken")
        with pytest.raises(Refused):
            await service.delete(context, author=lee, post_id=target)
    assert await sent(context) == []
    await service.delete(context, author=robin, post_id=mine.id)
    with pytest.raises(Refused):
        await service.edit(context, author=robin, post_id=mine.id, text="Back")


async def test_what_is_not_open_is_sealed_under_its_movement(context: Context) -> None:
    stage = await make_stage(context)
    for audience in CLOSED:
        author = stage.circle if audience == "circle" else stage.movement
        row = await service.publish(context, author=author, text=MARKER, audience=audience, mentions=[stage.fan])
        assert row.document is None
        assert row.sealed_document is not None
        assert MARKER.encode() not in row.sealed_document
        assert (await records.scope_of_post(context, row)).endswith(stage.movement.id)
        (post,) = await records.opened(context, [row])
        assert MARKER in post.content.html
    person = await service.publish(context, author=stage.local_fan, text=MARKER, audience="supporters")
    assert await records.scope_of_post(context, person) == "server"


async def test_closed_posts_are_nowhere_in_the_database(database: Database) -> None:
    """A marker put through every closed audience, in and out, and its edit (PRODUCT, sealed at rest)."""
    async with database.writing() as context:
        stage = await make_stage(context)
        for audience in CLOSED:
            author = stage.circle if audience == "circle" else stage.movement
            post = await service.publish(
                context, author=author, text=MARKER, audience=audience, content_warning=MARKER, mentions=[stage.fan]
            )
            await service.edit(context, author=author, post_id=post.id, text=f"{MARKER} again")
        await let_join(context, stage.local_member, stage.stranger)
        to = [context.origin.actor(stage.local_fan.id)]
        for document in (
            note(stage.stranger, MARKER, to=to, cc=[]),
            note(stage.fan, MARKER, to=to, cc=[], name=MARKER),
        ):
            await handle_create_note(
                context, created(stage.fan if "fan." in document["id"] else stage.stranger, document)
            )
        open_post = await service.publish(context, author=stage.movement, text="platypus-4242", audience="public")
        assert Audience(open_post.audience).is_open
    assert await _mentions(database, "platypus-4242")
    assert not await _mentions(database, MARKER)


async def _mentions(database: Database, words: str) -> bool:
    """Whether words can be read in what the database wrote: every file of SQLite, every row of PostgreSQL."""
    if database.is_sqlite:
        path = Path(str(database.engine.url.database))
        return any(words.encode() in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    async with database.engine.connect() as connection:
        for table in SQLModel.metadata.sorted_tables:
            for row in await connection.execute(select(table)):
                if any(words.encode() in (cell if isinstance(cell, bytes) else str(cell).encode()) for cell in row):
                    return True
    return False


async def test_what_a_circle_said_ends_with_the_key_of_its_movement(database: Database) -> None:
    async with database.writing() as context:
        pair = [await make_movement(context, handle) for handle in ("one", "two")]
        circles = [made.circle for made in pair]
        posts = [await service.publish(context, author=c, text="Members", audience="circle") for c in circles]
        scope = await records.scope_of_post(context, posts[0])
        await context.session.execute(delete(DataKey).where(col(DataKey.scope) == scope))
    database.keyring.forget(scope)
    async with database.reading() as context:
        with pytest.raises(CannotOpen):
            await records.find_stored(context, posts[0].id)
        assert await records.find_stored(context, posts[1].id) is not None
