"""What `check` sees through a real proxy, and what it says of each way in which proxies and certificates go wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from federation.gate import Gate
from models import RemoteHost
from server.assembly import utc_now
from server.checks import seen
from server.checks.examination import examine
from server.checks.findings import Finding, Severity
from server.checks.witness import Witness
from server.loopback import LoopbackServer, loopback_server
from tests.federation.certificates import Authority
from tests.federation.servers import Request, listening, response
from tests.server.checks.proxies import Change, Proxy, proxy, without

Way = tuple[Proxy, LoopbackServer]


@pytest.fixture
async def way(tmp_path: Path, server_database_urls: tuple[str | None, str | None]) -> AsyncIterator[Way]:
    """A server at the public address of a proxy."""
    async with proxy() as before:
        url = server_database_urls[0]
        async with loopback_server("us", tmp_path / "data", database_url=url, proxy=("http", before.port)) as server:
            before.upstream = server.port
            yield before, server


async def findings(server: LoopbackServer) -> list[Finding]:
    return [finding async for finding in examine(server.assembly.settings)]


def bad(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.severity in (Severity.WARN, Severity.FAIL)]


def said(found: list[Finding], check: str) -> list[str]:
    return [finding.sentence for finding in found if finding.check == check]


async def test_an_honest_proxy_passes_everything(way: Way) -> None:
    found = await findings(way[1])
    assert [finding for finding in bad(found) if finding.check != "disk of data"] == []
    assert all(finding.next_step for finding in found)
    for check in ("webfinger", "nodeinfo", "actor", "operations", "clock", "dns", "keys", "queue in", "queue out"):
        assert said(found, check), check
    assert len(said(found, "proxy")) == 2
    assert "cavage verifies" in said(found, "proxy")[0]
    assert "rfc9421 verifies" in said(found, "proxy")[1]


def _new_host(request: Request) -> Request:
    return replace(request, headers=request.headers | {"host": "127.0.0.1:8000"})


def _merged_slashes(request: Request) -> Request:
    return replace(request, target=request.target.replace("~e//f", "~e/f"))


def _decoded_path(request: Request) -> Request:
    return replace(request, target=request.target.replace("a%2Fb", "a/b"))


def _sorted_query(request: Request) -> Request:
    return replace(request, target=request.target.replace("b=2&a=%26&a=1", "a=%26&a=1&b=2"))


def _no_signature(request: Request) -> Request:
    return without(request, "signature", "signature-input")


def _no_digest(request: Request) -> Request:
    return without(request, "digest", "content-digest")


def _mended_body(request: Request) -> Request:
    return replace(request, body=request.body.replace(b"\r\n", b"\n").replace(b"xx", b"x"))


@pytest.mark.parametrize(
    ("change", "what", "step"),
    [
        (_new_host, "changes the Host header from us.localhost", "proxy_set_header Host"),
        (_merged_slashes, "changes the path", "merging of slashes"),
        (_decoded_path, "changes the path", "no decoding"),
        (_sorted_query, "changes the query", "query as it came"),
        (_no_signature, "takes away the header signature", "all headers"),
        (_no_digest, "takes away the header", "all headers"),
        (_mended_body, "changes the body", "bodies as they came"),
    ],
)
async def test_each_change_on_the_way_is_named(way: Way, change: Change, what: str, step: str) -> None:
    way[0].change = change
    failed = [one for one in await findings(way[1]) if one.check == "proxy" and one.severity is Severity.FAIL]
    assert failed
    assert all(what in finding.sentence for finding in failed), failed
    assert all(step in finding.next_step for finding in failed), failed


async def test_a_proxy_that_takes_only_small_bodies_is_named(way: Way) -> None:
    before, server = way

    before.reply = lambda request: response(413) if len(request.body) > 100_000 else None
    failed = [one for one in await findings(server) if one.severity is Severity.FAIL]
    assert [one.check for one in failed] == ["proxy"]
    assert "1,048,576 bytes to the public address gets 413" in failed[0].sentence
    assert "bodies of up to 1,048,576 bytes" in failed[0].next_step


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b"{}", b"\xff"])
async def test_a_page_in_the_place_of_the_probe_is_named(way: Way, body: bytes) -> None:
    before, server = way
    before.reply = lambda request: response(200, body) if request.target.startswith("/probe/") else None
    failed = [one for one in await findings(server) if one.severity is Severity.FAIL]
    assert {one.check for one in failed} == {"proxy"}
    assert "gets 200 instead of arriving here" in failed[0].sentence


async def test_what_is_not_handed_on_is_named(way: Way) -> None:
    before, server = way
    before.change = lambda request: (
        replace(request, target="/nowhere") if request.target.startswith("/.well-known/webfinger") else request
    )
    failed = [one for one in await findings(server) if one.severity is Severity.FAIL]
    assert [one.check for one in failed] == ["webfinger"]
    assert "answers 404" in failed[0].sentence


async def test_metrics_that_everybody_can_read_are_told(way: Way) -> None:
    before, server = way

    def careless(request: Request) -> Request:
        if request.target == "/metrics":
            return replace(request, headers=request.headers | {"host": "127.0.0.1:8000"})
        return request

    before.change = careless
    failed = [one for one in await findings(server) if one.severity is Severity.FAIL]
    assert [one.check for one in failed] == ["operations"]
    assert "everybody can read /metrics" in failed[0].sentence


async def test_another_server_behind_the_domain_is_told(way: Way, tmp_path: Path) -> None:
    before, server = way
    async with loopback_server("other", tmp_path / "other", proxy=("http", before.port)) as other:
        before.upstream = other.port
        checks = {one.check for one in await findings(server) if one.severity is Severity.FAIL}
    assert {"webfinger", "actor", "proxy"} <= checks


async def test_nobody_there_is_told_once_and_nothing_more_is_asked(way: Way) -> None:
    before, server = way
    before.reply = lambda request: b"garbage\r\n\r\n"
    found = await findings(server)
    assert [one.check for one in found if one.severity is Severity.FAIL] == ["seen from outside"]
    assert not said(found, "webfinger")


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.mark.parametrize(
    ("days", "severity", "words"),
    [
        (90, Severity.OK, "in 89 days"),
        (10, Severity.WARN, "in 9 days"),
        (1, Severity.FAIL, "in 0 days"),
        (-1, Severity.FAIL, "has expired"),
    ],
)
async def test_a_certificate_is_told_long_before_it_ends(
    tmp_path: Path, authority: Authority, days: int, severity: Severity, words: str
) -> None:
    tls = authority.server_context("us.localhost", ends_in=timedelta(days=days))
    async with (
        proxy(tls) as before,
        loopback_server("us", tmp_path / "data", proxy=("https", before.port)) as server,
    ):
        before.upstream = server.port
        found = await findings(server)
        (tls_finding,) = [one for one in found if one.check == "tls"]
        assert tls_finding.severity is severity
        assert words in tls_finding.sentence
        assert len(said(found, "proxy")) == (2 if days > 0 else 0)


async def test_a_certificate_for_another_name_is_told(tmp_path: Path, authority: Authority) -> None:
    async with (
        proxy(authority.server_context("them.localhost")) as before,
        loopback_server("us", tmp_path / "data", proxy=("https", before.port)) as server,
    ):
        before.upstream = server.port
        (failed,) = [one for one in await findings(server) if one.check == "tls"]
        assert failed.severity is Severity.FAIL
        assert "not believed" in failed.sentence
        assert "mismatch" in failed.sentence


async def test_a_chain_that_nobody_knows_is_told(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "elsewhere").mkdir()
    stranger = Authority.make(tmp_path / "elsewhere")
    async with (
        proxy(stranger.server_context("us.localhost")) as before,
        loopback_server("us", tmp_path / "data", proxy=("https", before.port)) as server,
    ):
        before.upstream = server.port
        (failed,) = [one for one in await findings(server) if one.check == "tls"]
        assert failed.severity is Severity.FAIL
        assert "whole chain" in failed.next_step


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [(0, Severity.OK), (120, Severity.WARN), (3_600, Severity.FAIL), (-86_400, Severity.FAIL)],
)
async def test_the_clock_is_compared_with_that_of_another_server(way: Way, seconds: int, severity: Severity) -> None:
    async def tell_time(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, b"{}", date=format_datetime(utc_now() + timedelta(seconds=seconds), usegmt=True)))

    async with listening(tell_time) as peer:
        async with way[1].assembly.federation.writing() as unit:
            host = f"peer.localhost:{peer.port}"
            unit.session.add(RemoteHost(host=host, failures=0, last_seen_on=unit.now.date()))
        (clock,) = [one for one in await findings(way[1]) if one.check == "clock"]
    assert clock.severity is severity
    assert "1 other servers" in clock.sentence
    assert "localhost" not in clock.sentence


@pytest.mark.parametrize(
    ("error", "check", "severity"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "temporary"), "network", Severity.WARN),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), "dns", Severity.FAIL),
    ],
)
async def test_no_network_is_told_from_no_such_name(way: Way, error: OSError, check: str, severity: Severity) -> None:
    async def lookup(_host: str) -> list[str]:
        raise error

    server = way[1]
    settings = server.assembly.settings.model_copy(update={"domain": "river.example"})
    outside = seen.Outside(settings, server.assembly.federation, Witness.create())
    found, finding = await seen.addresses(outside, Gate(lookup=lookup))
    assert found == []
    assert (finding.check, finding.severity) == (check, severity)


async def test_a_private_address_is_told(way: Way) -> None:
    async def lookup(_host: str) -> list[str]:
        return ["192.168.1.2"]

    settings = way[1].assembly.settings.model_copy(update={"domain": "river.example"})
    outside = seen.Outside(settings, way[1].assembly.federation, Witness.create())
    _, finding = await seen.addresses(outside, Gate(lookup=lookup))
    assert finding.severity is Severity.WARN
    assert "private address" in finding.sentence


def test_a_certificate_that_was_not_seen_is_a_finding_too() -> None:
    (finding,) = seen.expiry(None, datetime.now().astimezone(), where="192.0.2.1")
    assert finding.severity is Severity.WARN
