"""`migrate`: says what is to be done, backs up first, and goes on where it was cut off."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from federation import follows
from federation.context import Context
from models import Follow
from server import schema
from server.assembly import CannotStart, assemble
from server.backups import keeping
from server.backups.migrating import Status, status
from server.backups.opening import verify
from server.backups.restoring import restore
from server.db import create_engine
from server.organizing.people.queries import find_actor
from tests.builders import make_movement, make_remote_actor
from tests.databases import at, carry
from tests.posting import let_follow
from tests.server.backups.conftest import Operator


async def _changed(operator: Operator, *statements: str) -> None:
    engine: AsyncEngine = create_engine(operator.settings.sqlalchemy_url)
    async with engine.connect() as connection:
        await connection.execution_options(writing=True)
        for statement in statements:
            await connection.execute(text(statement))
        await connection.commit()
    await engine.dispose()


async def _made_older(operator: Operator) -> None:
    """An empty database of the first revision, with the origin that a first start wrote."""
    engine = create_engine(operator.settings.sqlalchemy_url)
    await at(engine, schema.revisions()[0][0])
    await engine.dispose()


@pytest.fixture
def older(operator: Operator, server_database_urls: tuple[str | None, str | None]) -> Operator:
    """The operator of a server whose data an older Groundswell left, without anything in it."""
    if server_database_urls[1] is None:
        (operator.settings.data_dir / "groundswell.sqlite3").unlink()
    else:
        operator.settings = operator.settings.model_copy(update={"database_url": server_database_urls[1]})
        operator.environment["GROUNDSWELL_DATABASE_URL"] = server_database_urls[1]
    asyncio.run(_made_older(operator))
    asyncio.run(_changed(operator, "INSERT INTO server_settings VALUES ('origin', 'https://flex.test')"))
    return operator


async def _carried_back(source: str, target: str) -> None:
    new, old = create_engine(source), create_engine(target)
    await at(old, schema.revisions()[-2][0])
    await carry(new, old)
    await new.dispose()
    await old.dispose()


@pytest.fixture
def former(operator: Operator, server_database_urls: tuple[str | None, str | None]) -> Operator:
    """The operator of a server whose data, all of it, has the revision before the newest."""
    newer, path = operator.settings.sqlalchemy_url, operator.settings.default_sqlite_path
    if server_database_urls[1] is None:
        path.rename(operator.folder / "newer.sqlite3")
        newer = f"sqlite+aiosqlite:///{operator.folder / 'newer.sqlite3'}"
    else:
        operator.settings = operator.settings.model_copy(update={"database_url": server_database_urls[1]})
        operator.environment["GROUNDSWELL_DATABASE_URL"] = server_database_urls[1]
    asyncio.run(_carried_back(newer, operator.settings.sqlalchemy_url))
    return operator


async def _start(operator: Operator, **changes: object) -> list[str]:
    """What a start says about the schema; the post that was sealed before is there after it."""
    said: list[str] = []
    async with assemble(operator.settings.model_copy(update=changes), tell=said.append) as whole:
        async with whole.federation.reading() as unit:
            robin = await find_actor(unit, "robin")
            assert robin is not None
            assert len(await follows.followers_of(unit, unit.origin.actor(robin.id))) == 1
    return said


def test_a_start_makes_a_backup_before_it_changes_the_schema(former: Operator, tmp_path: Path) -> None:
    [said] = asyncio.run(_start(former))
    [kept] = keeping.backups_in(former.folder / "backups")
    assert str(kept.path) in said
    assert verify(kept.path, former.identity, tmp_path).manifest.revision == schema.revisions()[-2][0]
    assert seen(former).is_current
    assert asyncio.run(_start(former)) == [], "nothing is left to do or to say"


def test_a_start_without_recipients_says_that_there_is_no_backup(former: Operator) -> None:
    [said] = asyncio.run(_start(former, backup_recipients=()))
    assert "without a backup" in said
    assert "GROUNDSWELL_BACKUP_RECIPIENTS" in said
    assert seen(former).is_current
    assert not (former.folder / "backups").exists()


def test_a_start_whose_backup_fails_changes_nothing(former: Operator) -> None:
    blocked = former.folder / "a file"
    blocked.write_text("mine")
    with pytest.raises(CannotStart, match=f"so the schema was left as it is: {blocked}"):
        asyncio.run(_start(former, backup_dir=blocked))
    assert "so the schema was left as it is" in former.types("run", code=2, GROUNDSWELL_BACKUP_DIR=str(blocked))
    assert seen(former).revision == schema.revisions()[-2][0]


def test_a_first_start_makes_no_backup(
    tmp_path: Path, server_database_urls: tuple[str | None, str | None], operator: Operator
) -> None:
    empty = {"data_dir": tmp_path / "new", "backup_dir": tmp_path / "none", "database_url": server_database_urls[1]}
    said: list[str] = []

    async def begin() -> None:
        async with assemble(operator.settings.model_copy(update=empty), tell=said.append):
            pass

    asyncio.run(begin())
    assert said == []
    assert not (tmp_path / "none").exists()


def seen(operator: Operator) -> Status:
    return asyncio.run(status(operator.settings))


def test_nothing_is_to_be_done_on_new_data(operator: Operator) -> None:
    assert "nothing to do" in operator.types("migrate", "plan")
    assert "nothing to do" in operator.types("migrate", "status")
    assert "nothing to do" in operator.types("migrate", "run")
    assert keeping.backups_in(operator.folder / "backups") == []


def test_plan_and_status_change_nothing(older: Operator) -> None:
    first, second = schema.revisions()[0][0], schema.revisions()[1]
    planned = older.types("migrate", "plan")
    assert f"apply  {second[0]}: {second[1]}" in planned
    assert f"a backup into {older.folder / 'backups'}" in planned
    assert "no backup" in older.types("migrate", "plan", GROUNDSWELL_BACKUP_RECIPIENTS="")
    assert f"schema: {first}, newest {schema.newest_revision()}" in older.types("migrate", "status")
    assert seen(older).revision == first


def test_a_backup_of_an_older_revision_verifies_and_comes_back(older: Operator, tmp_path: Path) -> None:
    older.types("backup", "create")
    path = keeping.backups_in(older.folder / "backups")[0].path
    first = schema.revisions()[0][0]
    assert verify(path, older.identity, tmp_path).manifest.revision == first
    place = older.settings.model_copy(update={"data_dir": tmp_path / "there", "database_url": None})
    asyncio.run(restore(path, older.identity, place))
    assert asyncio.run(status(place)).revision == first


def test_no_migration_without_the_backup_that_was_to_come_first(older: Operator) -> None:
    blocked = older.folder / "a file"
    blocked.write_text("mine")
    complaint = older.types("migrate", "run", code=2, GROUNDSWELL_BACKUP_DIR=str(blocked))
    assert str(blocked) in complaint
    assert seen(older).revision == schema.revisions()[0][0]


@pytest.mark.parametrize("version", ["9999"])
def test_a_newer_schema_is_left_alone(operator: Operator, version: str) -> None:
    asyncio.run(_changed(operator, f"UPDATE alembic_version SET version_num = '{version}'"))  # noqa: S608  (ours)
    for command in (("migrate", "run"), ("migrate", "plan"), ("migrate", "status"), ("backup", "create")):
        assert "revision 9999" in operator.types(*command, code=2)
    assert keeping.backups_in(operator.folder / "backups") == []


def test_a_database_that_is_missing_or_away(operator: Operator, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    environment = {"GROUNDSWELL_DATA_DIR": nowhere}
    if "GROUNDSWELL_DATABASE_URL" in operator.environment:
        environment["GROUNDSWELL_DATABASE_URL"] = "postgresql://robin@127.0.0.1:1/flex"
    assert operator.types("migrate", "status", code=2, **environment)
    assert not Path(nowhere).exists()


async def _without_hosts(operator: Operator, count: int) -> None:
    async with assemble(operator.settings) as whole, whole.federation.writing() as unit:
        movement = await make_movement(unit, "river")
        for number in range(count):
            await let_follow(unit, make_remote_actor(f"fan{number}", host=f"h{number}.example"), movement.actor)
        await unit.session.execute(update(Follow).values(host_index=None))


def test_rows_are_filled_in_steps_and_again_where_it_was_cut_off(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(_without_hosts(operator, 5))
    assert seen(operator).unfilled == 7  # two follows were there before
    assert "fill   7 rows" in operator.types("migrate", "plan")
    assert "7 rows are to be filled" in operator.types("migrate", "status")
    real = follows.index_hosts
    steps = 0

    async def two_steps(context: Context) -> int:
        nonlocal steps
        steps += 1
        if steps > 2:
            raise KeyboardInterrupt
        return await real(context, limit=2)

    async def fill() -> None:
        async with assemble(operator.settings):
            raise AssertionError("cut off before")

    with monkeypatch.context() as patch:
        patch.setattr(follows, "index_hosts", two_steps)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(fill())
    assert seen(operator).unfilled == 3
    operator.types("migrate", "run")
    assert seen(operator).is_current
    assert "nothing to do" in operator.types("migrate", "run")


def test_migrate_run_does_what_a_start_does(former: Operator) -> None:
    said = former.types("migrate", "run")
    [kept] = keeping.backups_in(former.folder / "backups")
    assert f"a backup was made: {kept.path}" in said
    assert f"the schema is {schema.newest_revision()} now" in said
