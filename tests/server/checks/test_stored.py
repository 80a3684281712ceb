"""What `check` says of the database: revisions, the log of SQLite, ages of queues."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from federation import pauses
from federation.queues import Queue, Queues
from models import InboxItem
from server.assembly import assemble
from server.checks import stored
from server.checks.examination import examine
from server.checks.findings import Severity
from server.config import Settings
from server.db import Database
from tests.conftest import Clock

NOW = datetime(2026, 6, 7, 12, tzinfo=UTC)
KNOWN = frozenset({"0001", "0002"})


@pytest.mark.parametrize(
    ("found", "severity", "words"),
    [
        ("0002", Severity.OK, "the one of this version"),
        ("0001", Severity.FAIL, "older"),
        ("0099", Severity.FAIL, "newer"),
        (None, Severity.FAIL, "empty"),
    ],
)
def test_code_and_schema_must_fit(found: str | None, severity: Severity, words: str) -> None:
    finding = stored.revision(found, newest="0002", known=KNOWN, dialect="sqlite")
    assert finding.severity is severity
    assert words in finding.sentence


@pytest.fixture
async def settings(tmp_path: Path, server_database_urls: tuple[str | None, str | None]) -> Settings:
    """Those of a server that was started once, in trial mode."""
    made = Settings(data_dir=tmp_path / "data", database_url=server_database_urls[0])
    async with assemble(made):
        return made


async def test_trial_mode_is_looked_at_without_a_network(settings: Settings) -> None:
    found = [finding async for finding in examine(settings)]
    assert [one.check for one in found if one.severity is Severity.FAIL and one.check != "disk of data"] == []
    assert "not looked at from outside" in found[-1].sentence
    assert found[-1].severity is Severity.NOTE


async def test_a_schema_of_another_version_is_told_and_not_touched(settings: Settings) -> None:
    async with assemble(settings) as assembly, assembly.database.writing() as unit:
        await unit.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    found = [finding async for finding in examine(settings)]
    assert "newer than this version knows" in found[-1].sentence or found[-2].check == "database"
    assert not [one for one in found if one.check == "keys"]
    again = [finding async for finding in examine(settings)]
    assert [one.sentence for one in again if one.check == "database"] == [
        one.sentence for one in found if one.check == "database"
    ]


async def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert (await stored.about_schema(Settings(data_dir=tmp_path))).severity is Severity.FAIL
    assert not (tmp_path / "groundswell.sqlite3").exists()
    away = Settings(data_dir=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none")
    assert "does not open" in (await stored.about_schema(away)).sentence


async def test_the_wrong_key_is_told(settings: Settings) -> None:
    settings.key_path.write_text(f"groundswell root key\n{'00' * 32}\n")
    found = [finding async for finding in examine(settings)]
    assert found[-1].severity is Severity.FAIL
    assert "key of another one" in found[-1].sentence


def test_a_log_that_is_not_emptied_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "groundswell.sqlite3"
    assert [one.severity for one in stored.write_ahead_log(path)] == [Severity.OK]
    path.with_name("groundswell.sqlite3-wal").write_bytes(b"x" * 100)
    monkeypatch.setattr(stored, "LARGE_LOG", 99)
    assert [one.severity for one in stored.write_ahead_log(path)] == [Severity.WARN]
    assert list(stored.write_ahead_log(None)) == []


@pytest.mark.parametrize(
    ("minutes", "paused", "severity"),
    [
        (None, False, Severity.OK),
        (1, False, Severity.OK),
        (11, False, Severity.WARN),
        (61, False, Severity.FAIL),
        (61, True, Severity.WARN),
    ],
)
def test_the_age_of_what_could_be_done_is_judged(minutes: int | None, paused: bool, severity: Severity) -> None:
    since = None if minutes is None else NOW - timedelta(minutes=minutes)
    state = Queue(waiting=3, dead=0, oldest=since, overdue_since=since, paused_since=NOW if paused else None)
    finding = stored.queue("in", state, NOW)
    assert finding.severity is severity
    assert paused == ("groundswell queue resume in" in finding.next_step)


def test_what_was_given_up_and_who_is_left_alone_is_told() -> None:
    quiet = Queue(0, 0, None, None, None)
    dead = Queue(0, 4, None, None, None)
    found = list(stored.judge(Queues(dead, quiet, breakers_open=2, hosts_paused=5, lanes=0), NOW))
    assert [one.check for one in found] == ["queue in", "queue out", "given up", "other servers"]
    assert "5 servers" in found[-1].sentence


async def test_ages_come_from_the_rows(database: Database, clock: Clock) -> None:
    async with database.writing() as unit:
        for number, age in enumerate((5, 90)):
            unit.session.add(_item(f"{number}", unit.now - timedelta(minutes=age)))
        await pauses.pause(unit, "out")
    async with database.reading() as unit:
        inbound, outbound = await stored.about_queues(unit)
    assert inbound.severity is Severity.FAIL
    assert "2 wait, the oldest for 1 h 30 min" in inbound.sentence
    assert outbound.severity is Severity.WARN


def _item(name: str, received: datetime) -> InboxItem:
    return InboxItem(
        id=name,
        activity_index=name.encode() * 16,
        host="a.example",
        domain="a.example",
        sealed_body=b"x",
        due=received,
        received_at=received,
    )


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=23, minutes=5), "23 h 5 min"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
    ],
)
def test_ages_are_told_in_words(age: timedelta, words: str) -> None:
    assert stored.told(age) == words
