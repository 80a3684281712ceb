"""The operator's commands: check, queue, federation status and retry; how they say no, and what they leave alone."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from federation.context import Context
from models import Delivery, DomainBlock, InboxItem, LocalActor, OutboxItem, RemoteHost
from server.assembly import assemble
from server.cli import main
from server.config import Settings

Ran = tuple[int, str, list[str]]
Run = Callable[..., Ran]


@pytest.fixture
def data_dir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server_database_urls: tuple[str | None, str | None]
) -> Path:
    monkeypatch.setenv("GROUNDSWELL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GROUNDSWELL_DOMAIN", "flex.test")
    if server_database_urls[0] is not None:
        monkeypatch.setenv("GROUNDSWELL_DATABASE_URL", server_database_urls[0])
    return tmp_path / "data"


@pytest.fixture
def run(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command: its exit code, what it wrote, and the lines of its complaint."""

    def command(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        complaint = [line for line in captured.err.splitlines() if not line.startswith("data directory")]
        return int(ended.value.code or 0), captured.out, complaint

    return command


def write(work: Callable[[Context], Awaitable[None]]) -> None:
    async def main() -> None:
        async with assemble(Settings()) as assembly, assembly.federation.writing() as unit:
            await work(unit)

    asyncio.run(main())


@pytest.fixture
def queued(data_dir: Path) -> None:
    """Two servers of which one has waited for long, and what came in from a third; one of each was given up."""
    write(_queue)


async def _queue(unit: Context) -> None:
    sender = (await unit.session.execute(select(LocalActor))).scalars().first()
    assert sender is not None
    for name, hours, state in (
        ("old.example", 30, "waiting"),
        ("new.example", 1, "waiting"),
        ("new.example", 1, "dead"),
    ):
        made = unit.now - timedelta(hours=hours)
        item = OutboxItem(id=f"{name}{state}", sender_id=sender.id, sealed_payload=b"x", created_at=made)
        unit.session.add(item)
        await unit.session.flush()
        order = f"{name}{state}".encode().ljust(16)[:16]
        unit.session.add(
            Delivery(item_id=item.id, host=name, sealed_inbox=b"x", order_index=order, state=state, due=unit.now)
        )
        await unit.session.flush()
    later = unit.now + timedelta(hours=2)
    unit.session.add(RemoteHost(host="old.example", failures=11, paused_until=later, due=unit.now))
    unit.session.add(RemoteHost(host="new.example", failures=0, due=unit.now))
    for number, state in enumerate(("waiting", "dead")):
        received = unit.now - timedelta(minutes=3)
        unit.session.add(
            InboxItem(
                id=str(number),
                activity_index=str(number).encode() * 16,
                host="from.example",
                domain="from.example",
                sealed_body=b"x",
                state=state,
                due=unit.now,
                received_at=received,
            )
        )


@pytest.mark.usefixtures("queued")
def test_stats_begin_with_the_oldest(run: Run) -> None:
    code, said, _ = run("queue", "stats")
    assert code == 0
    assert "in: oldest 3 min, 1 waiting, 1 given up" in said
    assert "out: oldest 1 d 6 h, 2 waiting, 1 given up" in said
    assert said.index("old.example") < said.index("new.example")
    _, said, _ = run("queue", "stats", "--limit", "1")
    assert "new.example" not in said
    assert "and 1 more servers" in said
    seen = json.loads(run("queue", "stats", "--json")[1])
    assert seen["out"]["oldest_seconds"] >= 108_000
    assert [server["host"] for server in seen["out"]["servers"]] == ["old.example", "new.example"]
    assert seen["in"]["servers"] == [seen["in"]["servers"][0]]


@pytest.mark.usefixtures("queued")
def test_a_pause_is_remembered_and_shown(run: Run) -> None:
    assert run("queue", "pause", "in")[:2] == (0, "in: paused\n")
    assert run("queue", "pause")[1] == "in: was paused already\nout: paused\n"
    assert "PAUSED" in run("queue", "stats")[1]
    assert run("federation", "status")[1].count("PAUSED") == 2
    assert "queue resume" in run("check")[1]
    assert run("queue", "resume", "out")[1] == "out: goes on\n"
    assert run("queue", "resume")[1] == "in: goes on\nout: was not paused\n"


@pytest.mark.usefixtures("queued")
def test_status_shows_lane_and_breaker(run: Run) -> None:
    code, said, _ = run("federation", "status")
    assert code == 0
    old, new = (next(line for line in said.splitlines() if name in line) for name in ("old.example", "new.example"))
    assert "open" in old
    assert "closed" in new
    assert "1 d 6 h" in old
    assert "left alone" in old
    assert "breakers open: 1" in said


@pytest.mark.usefixtures("queued")
def test_retry_says_what_is_gone(run: Run) -> None:
    write(_blank)
    assert run("federation", "retry", "new.example")[1] == (
        "1 deliveries to new.example are due now; 1 cannot be: their content was erased when they were given up\n"
    )


async def _blank(unit: Context) -> None:
    (await unit.session.get_one(OutboxItem, "new.exampledead")).sealed_payload = b""


@pytest.mark.usefixtures("queued")
def test_retry_closes_the_breaker_and_makes_all_due(run: Run) -> None:
    assert run("federation", "retry", "Old.Example")[:2] == (0, "1 deliveries to old.example are due now\n")
    assert "breakers open: 0" in run("federation", "status")[1]
    assert run("federation", "retry", "new.example")[1].startswith("2 deliveries to new.example")
    assert run("federation", "retry", "--inbox")[1] == "1 received activities wait again\n"
    assert run("federation", "retry", "--inbox")[1] == "0 received activities wait again\n"


@pytest.mark.usefixtures("queued")
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("queue",), ""),
        (("queue", "stats", "--limit", "0"), "limit"),
        (("queue", "pause", "sideways"), "there are: in, out"),
        (("queue", "resume", "sideways"), "there are: in, out"),
        (("federation", "retry"), "--inbox"),
        (("federation", "retry", "old.example", "--inbox"), "--inbox"),
        (("federation", "retry", "not a host"), "not a host name"),
        (("federation", "retry", "stranger.example"), "nothing was ever queued"),
        (("federation", "retry", "blocked.example"), "is blocked"),
        (("check", "--nonsense"), "nonsense"),
        (("check", "everything"), "argument"),
    ],
)
def test_misuse_is_one_line_and_changes_nothing(run: Run, arguments: tuple[str, ...], word: str) -> None:
    write(_block)
    before = _counts(run)
    code, _, complaint = run(*arguments)
    assert code == 2
    if arguments != ("queue",):  # that one shows its help
        assert len(complaint) == 1, complaint
        assert word in complaint[0]
    assert _counts(run) == before


def _counts(run: Run) -> list[str]:
    """All that the statistics say, except ages."""
    return [line for line in run("queue", "stats", "--json")[1].splitlines() if "_seconds" not in line]


async def _block(unit: Context) -> None:
    unit.session.add(DomainBlock(domain="blocked.example", since=unit.now.date()))


@pytest.mark.usefixtures("queued")
def test_check_ends_with_one_for_a_failure_and_says_what_to_do(run: Run, data_dir: Path) -> None:
    data_dir.with_name("data.key").chmod(0o644)
    code, said, _ = run("check")
    assert code == 1
    assert "chmod 600" in said
    assert "seen from outside" in said
    code, said, _ = run("check", "--json")
    assert code == 1
    document = json.loads(said)
    assert document["worst"] == "fail"
    assert all(one["severity"] in ("ok", "note", "warn", "fail") for one in document["findings"])
    assert all(one["sentence"] and one["next_step"] and one["check"] for one in document["findings"])
    data_dir.with_name("data.key").chmod(0o600)
    code, said, _ = run("check")
    assert (code, "fail " in said) == (0, False)


def test_check_says_how_to_begin(run: Run) -> None:
    code, said, complaint = run("check")
    assert code == 1
    assert complaint == []
    assert "groundswell run" in said
