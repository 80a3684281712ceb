"""Data keys are changed: what comes is sealed with the new one, what was is sealed anew, and no key goes too soon."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import LargeBinary, select, text, update
from sqlmodel import SQLModel, col

from crypto.sealing import Cell, sealed_key_id
from crypto.tokens import token_hash
from federation import fanout, follows, inbox_items
from federation.context import Context
from federation.inbox_items import Incoming, pack
from models import Follow
from server.api.idempotency import Once
from server.custody import resealing
from server.custody.data_keys import KeyRow, change_data_keys, keys_of
from server.custody.opening import Held, begin, open_look_ups
from server.custody.resealing import CELLS, count_sealed, reseal
from server.custody.sources import Source
from server.db import Database
from server.oauth import apps, grants, tokens
from server.oauth.grants import Grant
from server.organizing.media import service as media
from server.organizing.media.records import record_of
from server.organizing.media.service import prepare
from server.organizing.moderation import reports
from server.organizing.moderation.reports import Complaint
from server.organizing.movements import audit
from server.organizing.notifications.service import change_wishes
from server.organizing.posts import marks, polls, reactions, scheduled
from server.organizing.posts import service as posts
from server.organizing.posts.scheduled import Draft
from server.organizing.relations import service as relations
from server.push import keys as push_keys
from server.push import subscriptions
from server.push.subscriptions import Subscription
from server.vault import FRESH, INDEX_SCOPE, Keyring
from tests.conftest import Clock
from tests.pictures import png
from tests.posting import Stage, make_stage

CELL = Cell("posts", "sealed_document", "one", "server")


@pytest.fixture
async def filled(database: Database, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A database under its root key, with something in every sealed column."""
    async with database.writing() as unit:
        await begin(unit, Held(database.keyring.root, Source.FILE, "a file"))
        await open_look_ups(unit, database.keyring)
        stage = await make_stage(unit)
        post = await posts.publish(unit, author=stage.circle, text="Thursday.", audience="circle")
        await reactions.like(unit, actor=stage.local_member, post=unit.origin.object(post.id))
        closed = await posts.publish(unit, author=stage.movement, text="One day a week.", audience="supporters")
        await posts.edit(unit, author=stage.movement, post_id=closed.id, text="Two days a week.")
        await marks.put(unit, marks.BOOKMARK, unit.origin.actor(stage.local_fan.id), closed.id)
        poll = polls.asked(unit, ("Monday", "Friday"), timedelta(days=1), multiple=False, hides_totals=False)
        asked = await posts.publish(unit, author=stage.circle, text="When?", audience="circle", poll=poll)
        await polls.vote(unit, actor=stage.local_member, post=asked.id, choices=[0])
        tomorrow = unit.now + timedelta(days=1)
        await scheduled.put(unit, unit.origin.actor(stage.local_fan.id), Draft(text="Tomorrow"), tomorrow)
        with monkeypatch.context() as many:
            many.setattr(fanout, "AT_ONCE", 0)
            await posts.publish(unit, author=stage.movement, text="To very many.", audience="public")
        complaint = Complaint(actors=(stage.movement.id,), posts=(), content="Spam")
        await reports.put(unit, complaint, activity="https://fan.example/flags/1", host="fan.example")
        came = pack(Incoming(body=b"{}", signer=stage.fan.id), activity_id="https://fan.example/1", verb="Follow")
        await inbox_items.put(unit, [came])
        await _let_a_program_in(unit, stage)
        await _tell_of_something(unit, stage)
        edge = await follows.find(unit, follower=stage.fan.id, followee=unit.origin.actor(stage.movement.id))
        assert edge is not None
        await follows.remove(unit, edge)
        return stage


async def _let_a_program_in(unit: Context, stage: Stage) -> None:
    program = await apps.register(unit, name="Tester", redirect_uris=[apps.OUT_OF_BAND], scopes=None)
    grant = Grant(app=program.app.id, scopes=("read",), person=stage.local_fan.id, speaker=stage.local_fan.id)
    await grants.issue(unit, grant)
    picture = await prepare(png())
    await media.keep(unit, record=record_of(stage.local_member.id, picture, "A chart", None))
    caller = await tokens.recognise(unit, await tokens.issue(unit, grant))
    assert caller is not None
    once = Once(unit, caller, "key")
    await once.answered()
    await once.done("posted")
    await audit.note(unit, actor=stage.movement, by=stage.local_member, act="create_status")
    await relations.mute(unit, actor=stage.local_member, other=stage.local_fan)
    token = token_hash(await tokens.issue(unit, grant))
    alerts = {"mention": True}
    away = Subscription(
        token=token, owner=grant.speaker or "", endpoint="https://push.example/1", p256dh="", auth="", alerts=alerts
    )
    await subscriptions.put(unit, away)


async def _tell_of_something(unit: Context, stage: Stage) -> None:
    named = [stage.local_fan]
    await posts.publish(unit, author=stage.local_member, text="Hello", audience="direct", mentions=named)
    await change_wishes(unit, stage.local_fan, {"for_not_following": "filter"})
    await push_keys.make(unit)


async def change(database: Database) -> list[str]:
    async with database.writing() as unit:
        return await change_data_keys(unit, database.keyring)


async def older(database: Database) -> list[KeyRow]:
    async with database.reading() as unit:
        return [key for key in await keys_of(unit) if key.retired_on is not None]


async def needing(unit: Context, keys: Sequence[KeyRow]) -> int:
    """How many cells need one of these keys."""
    sealed = await count_sealed(unit)
    return sum(sealed[key.id] for key in keys)


async def needed_by(database: Database) -> set[tuple[str, str]]:
    """The sealed columns in which a cell needs a retired key."""
    retired = [key.id for key in await older(database)]
    found = set()
    async with database.reading() as unit:
        for table, column in CELLS:
            blobs = (await unit.session.execute(select(SQLModel.metadata.tables[table].c[column]))).scalars()
            if any(blob and sealed_key_id(blob) in retired for blob in blobs):
                found.add((table, column))
    return found


def another_process(database: Database) -> Database:
    keyring = Keyring(database.keyring.root)
    keyring.look_ups = database.keyring.look_ups
    return Database(database.engine, keyring, database.origin, database.clock)


def test_every_sealed_column_is_known() -> None:
    sealed = {
        (table.name, column.name)
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.type.length is None and not column.foreign_keys
    }
    assert sealed - {("data_keys", "wrapped")} == set(CELLS)


async def test_every_column_is_sealed_anew_and_the_old_keys_go(database: Database, filled: Stage) -> None:
    scopes = await change(database)
    assert sorted(scopes) == sorted(["server", f"movement:{filled.movement.id}"])
    assert await needed_by(database) == set(CELLS), "the test has something in every column"
    done = await reseal(database, sole=True)
    assert (done.damaged, done.dropped, done.kept) == (0, 2, 0)
    assert done.cells > len(CELLS)
    assert await older(database) == []
    fresh = another_process(database)
    async with fresh.reading() as unit:
        await reads_everything(unit, filled)


async def reads_everything(unit: Context, stage: Stage) -> None:
    movement = unit.origin.actor(stage.movement.id)
    assert [edge.follower for edge in await follows.followers_of(unit, movement)] == [
        unit.origin.actor(stage.local_fan.id)
    ]
    for (table, column), (naming, row_name) in CELLS.items():
        made = SQLModel.metadata.tables[table]
        scopes = {key.id: key.scope for key in await keys_of(unit)}
        rows = (await unit.session.execute(select(*(made.c[name] for name in naming), made.c[column]))).all()
        for row in (row for row in rows if row[-1]):
            await unit.vault.open(Cell(table, column, row_name(row), scopes[sealed_key_id(row[-1])]), row[-1])


@pytest.mark.usefixtures("filled")
async def test_the_key_of_look_ups_stays(database: Database) -> None:
    async with database.reading() as unit:
        before = [key for key in await keys_of(unit) if key.scope == INDEX_SCOPE]
    await change(database)
    async with database.reading() as unit:
        assert [key for key in await keys_of(unit) if key.scope == INDEX_SCOPE] == before


async def test_one_scope_alone(database: Database, filled: Stage) -> None:
    async with database.writing() as unit:
        assert await change_data_keys(unit, database.keyring, "server") == ["server"]
        assert await change_data_keys(unit, database.keyring, "movement:nobody") == []
    assert [key.scope for key in await older(database)] == ["server"]


@pytest.mark.usefixtures("filled")
async def test_a_key_that_another_process_may_just_use_is_kept_until_tomorrow(database: Database, clock: Clock) -> None:
    await change(database)
    done = await reseal(database, sole=False)
    assert (done.dropped, done.kept) == (0, 2)
    clock.advance(days=1)
    done = await reseal(database, sole=False)
    assert (done.cells, done.dropped, done.kept) == (0, 2, 0)


@pytest.mark.usefixtures("filled")
async def test_another_process_seals_with_the_new_key_after_a_minute(database: Database) -> None:
    moment = 0.0
    other = another_process(database)
    other.keyring.monotonic = lambda: moment
    async with other.writing() as unit:
        first = sealed_key_id(await unit.vault.seal(CELL, b"before"))
    await change(database)
    async with other.writing() as unit:
        late = await unit.vault.seal(CELL, b"late")
        assert sealed_key_id(late) == first
    moment = FRESH
    async with other.writing() as unit:
        assert sealed_key_id(await unit.vault.seal(CELL, b"after")) != first
        assert await unit.vault.open(CELL, late) == b"late"


@pytest.mark.usefixtures("filled")
async def test_a_cell_sealed_late_with_the_old_key_keeps_it(database: Database, clock: Clock) -> None:
    other = another_process(database)
    async with other.writing() as unit:
        await unit.vault.seal(CELL, b"so that it knows the key")
    await change(database)
    clock.advance(days=1)
    step = resealing.count_sealed
    late: list[bool] = []

    async def meanwhile(unit: Context) -> Counter[bytes]:
        if not late:
            late.append(True)
            row = (await unit.session.execute(select(Follow).limit(1))).scalar_one()
            cell = Cell("follows", "sealed_edge", row.id, "server")
            blob = other.keyring.by_scope["server"].seal(cell, await unit.vault.open(cell, row.sealed_edge))
            await unit.session.execute(update(Follow).where(col(Follow.id) == row.id).values(sealed_edge=blob))
        return await step(unit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resealing, "count_sealed", meanwhile)
        done = await reseal(database, sole=False)
    assert done.kept == 1
    done = await reseal(database, sole=False)
    assert (done.cells, done.dropped, done.kept) == (1, 1, 0)


class CutOff(Exception):
    """What ends a walk in the middle."""


@pytest.mark.usefixtures("filled")
async def test_a_walk_that_was_cut_off_goes_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await change(database)
    monkeypatch.setattr(resealing, "STEP", 1)
    step, left = resealing._step, [4]

    async def cut(*given: object) -> object:
        left[0] -= 1
        if left[0] == 0:
            raise CutOff
        return await step(*given)  # type: ignore[arg-type]

    async with database.reading() as unit:
        before = await needing(unit, await older(database))
    with monkeypatch.context() as patch:
        patch.setattr(resealing, "_step", cut)
        with pytest.raises(CutOff):
            await reseal(database, sole=True)
    async with database.reading() as unit:
        between = await needing(unit, await older(database))
    assert 0 < between < before
    done = await reseal(another_process(database), sole=True)
    assert (done.cells, done.dropped) == (between, 2)


@pytest.mark.usefixtures("filled")
async def test_a_damaged_cell_is_counted_and_keeps_its_key(database: Database) -> None:
    await change(database)
    async with database.writing() as unit:
        await unit.session.execute(text("UPDATE reports SET sealed_record = substr(sealed_record, 1, 50)"))
    done = await reseal(database, sole=True)
    assert (done.damaged, done.dropped, done.kept) == (1, 1, 1)


async def test_a_step_lost_to_another_writer_overwrites_nothing(database: Database, filled: Stage) -> None:
    """The cell changed between reading and writing: what was written last stays."""
    await change(database)
    async with database.writing() as unit:
        row = (await unit.session.execute(select(Follow).limit(1))).scalar_one()
        cell = Cell("follows", "sealed_edge", row.id, "server")
        newer = await unit.vault.seal(cell, b"written last")
        stale, opened = row.sealed_edge, unit.vault.open
        written: list[bool] = []

        async def open_slowly(at: Cell, blob: bytes) -> bytes:
            plain = await opened(at, blob)
            if blob == stale and not written:
                written.append(True)
                table = SQLModel.metadata.tables["follows"]
                await unit.session.execute(update(table).where(table.c.id == row.id).values(sealed_edge=newer))
            return plain

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(unit.vault), "open", lambda _self, at, blob: open_slowly(at, blob))
            retired = [key for key in await keys_of(unit) if key.retired_on is not None]
            await resealing._step(unit, ("follows", "sealed_edge"), retired, None)
        table = SQLModel.metadata.tables["follows"]
        kept = await unit.session.execute(select(table.c.sealed_edge).where(table.c.id == row.id))
        assert kept.scalar_one() == newer
        await unit.session.rollback()


def test_a_day_is_longer_than_a_key_counts_as_current() -> None:
    assert timedelta(seconds=FRESH) < timedelta(hours=1)
