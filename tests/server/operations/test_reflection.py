"""The probe of `check` answers whoever holds the token of a running check, for two minutes, and nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from federation.inbox import LARGEST_BODY
from models import ServerSetting
from server.loopback import LoopbackServer, loopback_server
from server.operations.reflection import LIFETIME, close_probe, open_probe


@pytest.fixture
async def server(tmp_path: Path, server_database_urls: tuple[str | None, str | None]) -> AsyncIterator[LoopbackServer]:
    async with loopback_server("us", tmp_path / "data", database_url=server_database_urls[0]) as made:
        yield made


async def token_of(server: LoopbackServer) -> str:
    async with server.assembly.federation.writing() as unit:
        return await open_probe(unit)


async def post(server: LoopbackServer, token: str, body: bytes = b"x", method: str = "POST") -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.address) as client:
        return await client.request(method, f"/probe/{token}/a%2Fb?c=1", content=body, headers={"Host": server.domain})


async def test_the_caller_sees_its_own_request(server: LoopbackServer) -> None:
    token = await token_of(server)
    seen = (await post(server, token)).json()
    assert seen["target"] == f"/probe/{token}/a%2Fb?c=1"
    assert seen["host"] == [server.domain]
    assert seen["signature"] != "verified"
    assert (await post(server, token, b"x" * (LARGEST_BODY + 1))).json()["sha256"] is None


async def test_nobody_else_gets_an_answer(server: LoopbackServer) -> None:
    assert (await post(server, "nobody-asked")).status_code == 404
    token = await token_of(server)
    assert (await post(server, token + "x")).status_code == 404
    assert (await post(server, token, method="GET")).status_code == 404
    newer = await token_of(server)
    assert (await post(server, token)).status_code == 404
    async with server.assembly.federation.writing() as unit:
        await close_probe(unit)
    assert (await post(server, newer)).status_code == 404


async def test_the_probe_ends_by_itself_and_its_token_is_kept_nowhere(server: LoopbackServer) -> None:
    token = await token_of(server)
    async with server.assembly.federation.writing() as unit:
        row = await unit.session.get_one(ServerSetting, "probe")
        assert token not in row.value
        hashed, _, _ = row.value.partition(" ")
        row.value = f"{hashed} {(unit.now - LIFETIME / 1000).isoformat()}"
    assert (await post(server, token)).status_code == 404
