"""Revisions with data in them: what an older version wrote is found by this one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlmodel import SQLModel, col

from crypto.sealing import RootKey
from federation import follows, synchronization
from federation.context import Context, Viewer
from federation.remote import known_actor
from models import DataKey, Delivery, InboxItem, LocalActor, Post, RemoteActor, RemoteKey
from server import schema
from server.completing import complete
from server.custody.changing import wrap_anew
from server.custody.data_keys import change_data_keys
from server.custody.opening import Held, adopt, open_look_ups
from server.custody.sources import Source
from server.db import Database, create_engine
from server.organizing.membership import records as memberships
from server.organizing.posts import pins, records, revisions
from server.organizing.posts import service as posts
from server.organizing.posts.inbox import handle_create_note, handle_delete_object
from server.organizing.profile_fields import fields_of
from server.organizing.remembered import is_remembered, remember
from server.vault import Keyring
from tests.builders import activity, know, make_movement, make_person, make_remote_actor, received
from tests.conftest import Clock
from tests.databases import PostgresDatabases, SqliteDatabases, at, carry
from tests.posting import created, let_follow, let_join, make_stage, note

FAN, MEMBER = make_remote_actor("fan", host="fan.example"), make_remote_actor("member", host="member.example")

UNORDERED = {
    "audit_entries",
    "budgets",
    "conversations",
    "departures",
    "follows",
    "idempotency_keys",
    "marks",
    "media",
    "memberships",
    "notification_policies",
    "notifications",
    "oauth_codes",
    "oauth_tokens",
    "personal_records",
    "push_messages",
    "push_subscriptions",
    "remote_actors",
    "remote_hosts",
    "remote_keys",
    "scheduled_posts",
    "tombstones",
    "votes",
}


def item(clock: Clock, state: str, body: bytes | None = None) -> InboxItem:
    return InboxItem(
        id=state,
        activity_index=state.encode().ljust(16),
        host="a.example",
        domain="",
        state=state,
        sealed_body=body,
        due=clock.now,
        received_at=clock.now,
        delete_after=clock.now,
    )


@pytest.fixture
def older_url(request: pytest.FixtureRequest, database_kind: str) -> Iterator[str]:
    """The URL of an empty database of the same kind."""
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(f"{database_kind}_databases")
    with databases.fresh(f"older_{abs(hash(request.node.nodeid)) % 10**8}", migrated=False) as url:
        yield url


@dataclass(frozen=True)
class Written:
    """What stands in a database."""

    movement: LocalActor
    circle: LocalActor
    direct: str


async def write(database: Database, clock: Clock) -> Written:
    """Fills the tables that the second revision changes."""
    async with database.writing() as context:
        made, person = await make_movement(context), await make_person(context)
        for actor in (FAN, MEMBER):
            await know(context, actor)
        await let_follow(context, FAN, made.actor)
        await let_join(context, MEMBER, made.circle)
        direct = note(FAN, to=[context.origin.actor(person.id)], cc=[])
        await handle_create_note(context, created(FAN, direct))
        deleted = note(FAN, to=direct["to"])
        await handle_create_note(context, created(FAN, deleted))
        await handle_delete_object(context, received(FAN, activity(FAN, "Delete", deleted["id"])))
        await remember(context, actor=FAN.id, deed="https://fan.example/1")
        context.session.add(item(clock, "done"))
        context.session.add(item(clock, "waiting", b"body"))
        return Written(made.actor, made.circle, direct["id"])


async def test_what_the_first_tables_held_is_found_by_the_second(
    database: Database, older_url: str, clock: Clock
) -> None:
    written = await write(database, clock)
    engine = create_engine(older_url)
    await at(engine, "0001")
    await carry(database.engine, engine)
    await schema.upgrade(engine)
    upgraded = Database(engine, database.keyring, database.origin, clock)
    await complete(upgraded)
    async with upgraded.writing() as context:
        await finds_people(context, written)
        assert await records.find_row(context, written.direct) is not None
        assert await is_remembered(context, actor=FAN.id, deed="https://fan.example/1")
        today = datetime.now(UTC).date()
        days = (await context.session.execute(select(col(RemoteActor.review_on)).distinct())).scalars().all()
        assert days == [today + timedelta(days=30)]
        posts = {post.deleted_at is None: post for post in (await context.session.execute(select(Post))).scalars()}
        assert {alive: post.review_on for alive, post in posts.items()} == {
            True: today + timedelta(days=180),
            False: today + timedelta(days=30),
        }
        items = {item.id: item for item in (await context.session.execute(select(InboxItem))).scalars()}
    await engine.dispose()
    midnight = clock.now.replace(hour=0, minute=0, second=0)
    assert (items["done"].host, items["done"].domain, items["done"].size) == ("", "", 0)
    assert {items["done"].received_at, items["done"].due, items["done"].delete_after} == {midnight}
    assert (items["waiting"].host, items["waiting"].domain, items["waiting"].size) == ("a.example", "a.example", 4)
    assert items["waiting"].received_at == clock.now


async def finds_people(context: Context, written: Written) -> None:
    """By the indexes that only the second revision has."""
    origin, asking = context.origin, Viewer("https://fan.example/actor", "fan.example")
    shown = await synchronization.partial_collection(context, written.movement, asking)
    assert shown is not None
    assert shown["orderedItems"] == [FAN.id]
    assert not await follows.has_followers_on(context, origin.actor(written.movement.id), "member.example")
    [record] = await memberships.on_host(context, origin.actor(written.circle.id), "member.example")
    assert record.member == MEMBER.id
    assert await known_actor(context, MEMBER.id) is not None
    assert len((await context.session.execute(select(RemoteKey))).all()) == 2


async def test_indexes_of_before_the_third_stay_valid_under_a_key_of_their_own(
    database: Database, older_url: str, clock: Clock
) -> None:
    async with database.writing() as context:
        stage = await make_stage(context)
        await posts.publish(context, author=stage.movement, text="One day a week.", audience="supporters")
    engine = create_engine(older_url)
    await at(engine, "0002")
    await carry(database.engine, engine)
    await schema.upgrade(engine)
    upgraded = Database(engine, Keyring(database.keyring.root), database.origin, clock)
    held = Held(database.keyring.root, Source.FILE, "a file")
    async with upgraded.writing() as context:
        await adopt(context, held)
    successor = RootKey.generate()
    async with upgraded.writing() as context:
        await wrap_anew(context, held.root, successor, None)
    later = Database(engine, Keyring(successor), database.origin, clock)
    async with later.writing() as context:
        await open_look_ups(context, later.keyring)
        movement = context.origin.actor(stage.movement.id)
        edges = await follows.followers_of(context, movement)
        assert {edge.follower for edge in edges} == {stage.fan.id, context.origin.actor(stage.local_fan.id)}
        assert len((await context.session.execute(select(Delivery))).all()) == 1, "what is queued stays queued"
        keys = (await context.session.execute(select(DataKey))).scalars().all()
        assert {key.scope for key in keys} == {"server", f"movement:{stage.movement.id}", "index"}
        assert {(key.wrapped_by, key.made_on) for key in keys} == {(successor.id, clock.now.date())}
        actor = await context.session.get_one(LocalActor, stage.movement.id)
        assert (actor.keys_made_on, actor.proof_key_number) == (actor.created_on, 1)
        assert fields_of(actor) == ()
        await change_data_keys(context, later.keyring)
    await engine.dispose()


async def test_posts_of_before_the_sixth_are_read_edited_and_pinned(
    database: Database, older_url: str, clock: Clock
) -> None:
    async with database.writing() as context:
        made = await make_movement(context)
        open_post = await posts.publish(context, author=made.actor, text="Pay bands", audience="public")
        row = await context.session.get_one(Post, open_post.id)
        assert row.document is not None
        row.document = row.document.replace(',"poll":null', "")
    engine = create_engine(older_url)
    await at(engine, "0005")
    await carry(database.engine, engine)
    await schema.upgrade(engine)
    upgraded = Database(engine, database.keyring, database.origin, clock)
    async with upgraded.writing() as context:
        movement = await context.session.get_one(LocalActor, made.actor.id)
        await posts.edit(context, author=movement, post_id=open_post.id, text="Pay bands for everybody")
        await pins.pin(context, actor=movement, post=open_post.id)
        post = await records.find_stored(context, open_post.id)
        assert post is not None
        assert [version.html for version in await revisions.versions_of(context, post)] == [
            "<p>Pay bands</p>",
            "<p>Pay bands for everybody</p>",
        ]
    await engine.dispose()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_sqlite_keeps_no_order_of_rows_that_name_people(database: Database) -> None:
    async with database.reading() as context:
        made = (await context.session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))).all()
    unordered = {row.name for row in made if "WITHOUT ROWID" in row.sql}
    tables = SQLModel.metadata.tables.values()
    assert unordered == {table.name for table in tables if not table.dialect_options["sqlite"]["with_rowid"]}
    assert unordered >= UNORDERED
