"""From SQLite to PostgreSQL and back: every row the same, the server runs on the result, all or nothing."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import MetaData, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import AutoString, SQLModel, col

from federation.identities import signer_for
from federation.origin import INSTANCE_ID
from models import LocalActor
from models.base import AwareDateTime
from server import schema
from server.assembly import assemble
from server.backups.converting import Sums, in_use, to_postgres, to_sqlite
from server.backups.problem import Problem
from server.backups.tables import Postgres, Sqlite, open_sqlite, reflect, sums
from server.config import Settings
from server.db import create_engine
from server.organizing.posts import service as posts
from tests.server.backups.conftest import Operator

SQLITE_ONLY = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
POSTGRES_ONLY = pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)

CONNECTED = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT 1 FROM posts")
print(1, flush=True)
sys.stdin.readline()
"""


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[AsyncConnection]:
    engine = create_engine(settings.sqlalchemy_url)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def sums_of_sqlite(path: Path) -> Sums:
    with open_sqlite(path) as connection:
        return await sums(Sqlite(connection), reflect(connection))


async def tables_in(settings: Settings) -> list[str]:
    async with connected(settings) as connection:
        return await connection.run_sync(lambda sync: inspect(sync).get_table_names())


async def works_on(settings: Settings) -> None:
    async with assemble(settings, create=False) as assembly, assembly.federation.reading() as unit:
        await signer_for(unit, INSTANCE_ID)


@SQLITE_ONLY
async def test_there_and_back(operator: Operator, empty_postgres: str) -> None:
    file = operator.settings.data_dir / "groundswell.sqlite3"
    before, bytes_before = await sums_of_sqlite(file), file.read_bytes()
    there = await to_postgres(operator.settings, empty_postgres)
    assert there == before
    assert (there["posts"].rows, there["deliveries"].rows) == (2, 1)
    assert set(there) == set(SQLModel.metadata.tables)
    assert file.read_bytes() == bytes_before
    on_postgres = operator.settings.model_copy(update={"database_url": empty_postgres})
    await works_on(on_postgres)
    with open_sqlite(file) as described:
        tables = reflect(described)
    async with connected(on_postgres) as connection:
        assert await sums(Postgres(connection), tables) == before
    file.rename(operator.folder / "old.sqlite3")
    assert await to_sqlite(on_postgres) == before == await sums_of_sqlite(file)
    await works_on(operator.settings)


@POSTGRES_ONLY
async def test_back_and_there(operator: Operator, empty_postgres: str) -> None:
    back = await to_sqlite(operator.settings)
    on_sqlite = operator.settings.model_copy(update={"database_url": None})
    await works_on(on_sqlite)
    assert await to_postgres(on_sqlite, empty_postgres) == back
    assert (operator.settings.data_dir / "groundswell.sqlite3").stat().st_mode & 0o077 == 0


async def deliveries(settings: Settings) -> list[int]:
    async with connected(settings) as connection:
        found = await connection.exec_driver_sql("SELECT number FROM deliveries ORDER BY number")
        return list(found.scalars())


async def test_numbers_go_on_where_they_were(operator: Operator, empty_postgres: str) -> None:
    if operator.settings.sqlite_path is None:
        await to_sqlite(operator.settings)
        target = operator.settings.model_copy(update={"database_url": None})
    else:
        await to_postgres(operator.settings, empty_postgres)
        target = operator.settings.model_copy(update={"database_url": empty_postgres})
    before = await deliveries(target)
    async with assemble(target) as assembly, assembly.federation.writing() as unit:
        robin = (await unit.session.execute(select(LocalActor).where(col(LocalActor.handle) == "robin"))).scalar_one()
        await posts.publish(unit, author=robin, text="And on we go.", audience="public")
    assert await deliveries(target) == [*before, before[-1] + 1]


@SQLITE_ONLY
async def test_rows_still_have_no_order_of_their_own(operator: Operator, empty_postgres: str) -> None:
    on_postgres = operator.settings.model_copy(update={"database_url": empty_postgres})
    await to_postgres(operator.settings, empty_postgres)
    async with connected(on_postgres) as connection:
        for query in ("SELECT id FROM posts ORDER BY ctid", "SELECT id FROM data_keys ORDER BY ctid"):
            rows = (await connection.exec_driver_sql(query)).scalars().all()
            assert rows == sorted(rows)


@SQLITE_ONLY
async def test_what_does_not_fit_stops_it_all(operator: Operator, empty_postgres: str) -> None:
    file = operator.settings.data_dir / "groundswell.sqlite3"
    for value in ("secretmarker" * 400, "secret\0marker"):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("INSERT OR REPLACE INTO server_settings VALUES ('odd', ?)", (value,))
            connection.commit()
        with pytest.raises(Problem) as problem:
            await to_postgres(operator.settings, empty_postgres)
        assert "marker" not in str(problem.value)
        assert await tables_in(operator.settings.model_copy(update={"database_url": empty_postgres})) == []


@SQLITE_ONLY
async def test_targets_that_are_taken_or_wrong(operator: Operator, empty_postgres: str) -> None:
    on_postgres = operator.settings.model_copy(update={"database_url": empty_postgres})
    async with connected(on_postgres) as connection:
        await connection.exec_driver_sql("CREATE TABLE mine (n int)")
        await connection.commit()
    with pytest.raises(Problem, match="not empty"):
        await to_postgres(operator.settings, empty_postgres)
    assert await tables_in(on_postgres) == ["mine"]
    for url in ("mysql://a/b", "postgresql://", "nonsense", "postgresql://host:port/x"):
        with pytest.raises(Problem, match="a target is named"):
            await to_postgres(operator.settings, url)
    with pytest.raises(Problem, match="Connect call failed"):
        await to_postgres(operator.settings, "postgresql://robin@127.0.0.1:1/flex")
    with pytest.raises(Problem, match="on PostgreSQL already"):
        await to_postgres(on_postgres, empty_postgres)
    with pytest.raises(Problem, match="on SQLite already"):
        await to_sqlite(operator.settings)
    with pytest.raises(Problem, match="nothing is overwritten"):
        await to_sqlite(on_postgres)
    (operator.settings.data_dir / "groundswell.sqlite3").unlink()
    with pytest.raises(Problem, match="no Groundswell database"):
        await to_sqlite(on_postgres)
    with pytest.raises(Problem, match="there is no database"):
        await to_postgres(operator.settings, empty_postgres)


@SQLITE_ONLY
async def test_a_running_server_is_noticed_on_sqlite(operator: Operator, empty_postgres: str) -> None:
    file = operator.settings.data_dir / "groundswell.sqlite3"
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONNECTED, str(file), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout is not None
    await other.stdout.readline()
    assert in_use(file)
    with pytest.raises(Problem, match="stop the server first"):
        await to_postgres(operator.settings, empty_postgres)
    await other.communicate(b"\n")
    assert not in_use(file)


@POSTGRES_ONLY
async def test_a_running_server_is_noticed_on_postgresql(operator: Operator) -> None:
    async with connected(operator.settings) as other:
        await other.exec_driver_sql("SELECT 1")
        with pytest.raises(Problem, match="stop the server first"):
            await to_sqlite(operator.settings)
    assert not (operator.settings.data_dir / "groundswell.sqlite3").exists()
    assert not [path for path in operator.settings.data_dir.iterdir() if path.name.startswith(".")]


@SQLITE_ONLY
async def test_a_newer_database_is_left_alone(operator: Operator, empty_postgres: str) -> None:
    with closing(sqlite3.connect(operator.settings.data_dir / "groundswell.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(Problem, match="revision 9999"):
        await to_postgres(operator.settings, empty_postgres)


@SQLITE_ONLY
async def test_an_older_revision_is_converted_as_it_is(operator: Operator, empty_postgres: str) -> None:
    file = operator.settings.data_dir / "groundswell.sqlite3"
    file.unlink()
    first = schema.revisions()[0][0]
    sqlite3.connect(file).close()
    with open_sqlite(file, writable=True) as connection:
        schema.build(connection, first)
        connection.exec_driver_sql("INSERT INTO server_settings VALUES ('origin', 'https://flex.test')")
    on_postgres = operator.settings.model_copy(update={"database_url": empty_postgres})
    assert (await to_postgres(operator.settings, empty_postgres))["server_settings"].rows == 1
    async with connected(on_postgres) as there:
        assert (await there.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar_one() == first


def test_every_column_is_of_a_kind_that_both_databases_keep_alike() -> None:
    metadata: MetaData = SQLModel.metadata
    kinds = (str, bytes, bool, int, date)
    columns = [column for table in metadata.tables.values() for column in table.columns]
    others = [column for column in columns if column.type.python_type not in kinds]
    assert [str(column) for column in others if not isinstance(column.type, (AwareDateTime, AutoString))] == []
