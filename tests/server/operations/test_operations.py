"""Health, readiness and numbers of a running server: for programs on this machine, and nobody else's."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from federation import pauses
from models import ActivityTally, Delivery, InboxItem, LocalActor, OutboxItem, RemoteHost
from server.loopback import LoopbackServer, loopback_server
from server.operations import readiness
from server.operations.callers import PASSED_ON, is_loopback
from server.operations.metrics import Metrics
from server.operations.routes import METHODS, PATHS
from server.operations.timing import route_class

MARKER = "xyzzy"
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def server(tmp_path: Path, server_database_urls: tuple[str | None, str | None]) -> AsyncIterator[LoopbackServer]:
    async with loopback_server("us", tmp_path / "data", database_url=server_database_urls[0]) as made:
        yield made


async def ask(server: LoopbackServer, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=server.address) as client:
        return await client.request(method, path, headers=sent)


async def numbers(server: LoopbackServer) -> dict[str, float]:
    """Every sample by its name and labels, as Prometheus reads them."""
    answer = await ask(server, "/metrics")
    assert answer.status_code == 200, answer.text
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_this_machine_gets_an_answer(server: LoopbackServer) -> None:
    assert (await ask(server, "/healthz")).text == "ok\n"
    ready = await ask(server, "/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "ready": True,
        **dict.fromkeys(("database", "schema", "queue", "worker", "disk"), "ok"),
    }
    assert (await ask(server, "/healthz", "POST")).status_code == 405


@pytest.mark.parametrize("path", PATHS)
async def test_what_a_proxy_passed_on_gets_what_nothing_gets(server: LoopbackServer, path: str) -> None:
    nothing = await ask(server, "/there-is-nothing")
    for method in METHODS:
        for header in PASSED_ON:
            answer = await ask(server, path, method, **{header.replace("-", "_"): "127.0.0.1"})
            assert answer.status_code == 404, header
            assert method == "HEAD" or answer.content == nothing.content
    assert (await ask(server, path, Host=server.domain)).status_code == 404
    assert (await ask(server, path, Host="127.0.0.1.evil.example")).status_code == 404
    assert await _from("127.0.0.1", server.port, path, version="1.0") == 404


@pytest.mark.parametrize("path", PATHS)
async def test_a_header_lets_nobody_in_from_another_address(tmp_path: Path, path: str) -> None:
    """Over a real socket whose other end is not loopback: an address of this machine itself."""
    own = _own_address()
    if own is None:
        pytest.skip("this machine has no address but loopback")
    async with loopback_server("us", tmp_path / "data") as server:
        assert await _from("127.0.0.1", server.port, path) == 200
        assert await _from(own, server.port, path) == 404
        assert await _from(own, server.port, path, "X-Forwarded-For: 127.0.0.1\r\n") == 404


def _own_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a datagram socket sends nothing until it is written to
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if ipaddress.ip_address(address).is_loopback else address


async def _from(own: str, port: int, path: str, header: str = "", *, version: str = "1.1") -> int:
    """The status that a caller gets whose socket is bound to an address of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(own, 0))
    writer.write(f"GET {path} HTTP/{version}\r\nHost: 127.0.0.1\r\n{header}\r\n".encode())
    try:
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("peer", "is_it"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("testclient", False),
        ("", False),
        ("127.0.0.1, 10.0.0.1", False),
    ],
)
def test_loopback_is_told_by_the_address_alone(peer: str, is_it: bool) -> None:
    assert is_loopback(peer) is is_it


async def test_readiness_falls_with_each_part(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LEAST_FREE", 2**80)
    answer = await ask(server, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["disk"] == "full"
    monkeypatch.undo()
    async with server.assembly.database.writing() as unit:
        await unit.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = await ask(server, "/readyz")
    assert (answer.status_code, answer.json()["schema"]) == (503, "not the one of this version")
    async with server.assembly.database.writing() as unit:
        await unit.session.execute(text("DROP TABLE alembic_version"))
        await unit.session.execute(text("ALTER TABLE server_settings RENAME TO elsewhere"))
    answer = await ask(server, "/readyz")
    assert answer.status_code == 503
    assert "elsewhere" not in answer.text
    assert (await ask(server, "/healthz")).status_code == 200


async def test_a_worker_that_stumbles_or_ended_is_not_ready(server: LoopbackServer) -> None:
    async with server.assembly.database.writing() as unit:
        await unit.session.execute(text("ALTER TABLE remote_hosts RENAME TO elsewhere"))
    server.assembly.database.woken("deliveries")
    async with asyncio.timeout(20):
        while "deliveries" not in (await ask(server, "/readyz")).json()["worker"]:
            await asyncio.sleep(0.05)
    assert (await ask(server, "/readyz")).status_code == 503


async def test_what_nobody_works_on_is_not_ready_unless_paused(server: LoopbackServer) -> None:
    """As a web process sees it whose worker, in another process, is not there."""
    await _fill(server)
    assert (await readiness.readiness(server.assembly, None))["queue"] == "ok"
    server.assembly.database.woken = lambda lane: None
    async with server.assembly.federation.writing() as unit:
        await unit.session.execute(text("DELETE FROM server_settings WHERE name = 'paused.in'"))
        await unit.session.flush()
        inside = await readiness.queue_in(unit)
    assert inside == "nobody works on what waits to go in"
    parts = await readiness.readiness(server.assembly, None)
    assert parts["worker"] == "in another process"
    assert readiness.is_ready({"database": "ok", "worker": "in another process"})
    assert not readiness.is_ready({"database": "ok", "worker": "ended"})


async def test_numbers_say_how_much_and_never_who(server: LoopbackServer) -> None:
    await _fill(server)
    await ask(server, f"/@{MARKER}?{MARKER}", User_Agent=MARKER)
    await ask(server, f"/ap/actors/{MARKER}", Host=server.domain)
    found = await numbers(server)
    assert found["groundswell_queue_waiting in"] == 1
    assert found["groundswell_queue_oldest_seconds in"] >= 3_600
    assert found["groundswell_queue_waiting out"] == 2
    assert found["groundswell_queue_dead out"] == 1
    assert found["groundswell_queue_oldest_seconds out"] >= 7_200
    assert found["groundswell_queue_paused out"] == 1
    assert found["groundswell_breakers_open"] == 1
    assert found["groundswell_hosts_paused"] == 1
    assert found["groundswell_activities_total done Like"] == 3
    assert found["groundswell_deliveries_total delivered"] == 0
    assert found["groundswell_worker_running"] == 1
    assert found["process_resident_memory_bytes"] > 10_000_000
    assert found["groundswell_request_duration_seconds_count page 4xx"] == 1
    assert found["groundswell_request_duration_seconds_count actor 4xx"] == 1
    shown = (await ask(server, "/metrics")).text
    for word in (MARKER, "127.0.0.1", "localhost", "http", server.domain):
        assert word not in shown, word


async def test_every_number_is_explained(server: LoopbackServer) -> None:
    shown = (await ask(server, "/metrics")).text
    names = {line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")}
    documented = (ROOT / "docs" / "OPERATING.md").read_text()
    assert [name for name in names if f"`{name}`" not in documented] == []


async def _fill(server: LoopbackServer) -> None:
    """Queues of which every name is the marker; paused, so that nobody works on them."""
    async with server.assembly.federation.writing() as unit:
        await pauses.pause(unit, "in")
        await pauses.pause(unit, "out")
    async with server.assembly.federation.writing() as unit:  # what is claimed meanwhile knows of the pause
        old = unit.now - 2 * readiness.STALE * 6
        host = f"{MARKER}.example"
        later = unit.now + readiness.STALE
        actor = (await unit.session.execute(LocalActor.__table__.select())).first()  # type: ignore[attr-defined]  # SQLModel hides it
        assert actor is not None
        unit.session.add(RemoteHost(host=host, failures=12, paused_until=later, due=old))
        unit.session.add(OutboxItem(id="1", sender_id=actor.id, sealed_payload=MARKER.encode(), created_at=old))
        received = unit.now - readiness.STALE * 6
        unit.session.add(
            InboxItem(
                id="1",
                activity_index=b"1" * 16,
                sealed_body=b"x",
                due=received,
                received_at=received,
                host=host,
                domain=host,
            )
        )
        unit.session.add(ActivityTally(day=unit.now.date(), verb="Like", outcome="done", count=3))
        await unit.session.flush()
        for number, state in enumerate(("dead", "waiting", "waiting")):
            index = f"{number}".encode() * 16
            unit.session.add(
                Delivery(item_id="1", host=host, sealed_inbox=b"x", order_index=index, state=state, due=old)
            )


async def test_numbers_without_a_database_are_no_numbers(server: LoopbackServer) -> None:
    async with server.assembly.database.writing() as unit:
        await unit.session.execute(text("ALTER TABLE inbox_items RENAME TO elsewhere"))
    answer = await ask(server, "/metrics")
    assert answer.status_code == 503
    assert "inbox_items" not in answer.text


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/ap/inbox", "inbox"),
        ("/inbox", "inbox"),
        ("/ap/actors/x/inbox", "inbox"),
        ("/ap/instance/inbox", "inbox"),
        ("/ap/actors/x", "actor"),
        ("/ap/actors/x/outbox", "actor"),
        ("/ap/objects/x/replies", "object"),
        ("/ap/activities/x", "object"),
        ("/ap/nonsense", "page"),
        ("/.well-known/webfinger", "discovery"),
        ("/nodeinfo/2.1", "discovery"),
        ("/static/app.css", "static"),
        ("/metrics", "operations"),
        ("/@flex/1", "page"),
        ("/", "page"),
        ("", "page"),
        ("//" + "x" * 10_000, "page"),
    ],
)
def test_every_path_is_of_one_of_few_classes(path: str, route: str) -> None:
    assert route_class(path) == route


def test_durations_fall_into_buckets() -> None:
    metrics = Metrics()
    for status in (202, 202, 429):
        metrics.observe("inbox", status, 0.003)
    assert {key: child._sum.get() for key, child in metrics._children.items()} == {
        ("inbox", "2xx"): pytest.approx(0.006),
        ("inbox", "4xx"): pytest.approx(0.003),
    }


@dataclass
class Raising:
    """An application that fails before it answers."""

    seen: list[str] = field(default_factory=list)

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        """Fails."""
        raise RuntimeError(MARKER)


async def test_a_handler_that_raises_counts_as_a_failure() -> None:
    from server.operations.timing import Timing

    metrics = Metrics()
    with pytest.raises(RuntimeError):
        await Timing(Raising(), metrics)({"type": "http", "path": "/"}, None, None)  # type: ignore[arg-type]  # never called
    assert list(metrics._children) == [("page", "5xx")]
