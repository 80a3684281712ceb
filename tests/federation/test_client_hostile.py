"""Hostile answers cost no more than their limits: slow, endless, lying and compressed ones (HOSTILE-PEERS C5, C6)."""

import asyncio
import gzip
import random
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from crypto.keys import generate_rsa
from federation.client import Answer, Client, Limits, Unreachable
from federation.identities import Signer
from tests.federation.servers import LOOPBACK, Request, answering, listening, response

NOW = datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)
AGENT = "Groundswell/0.1 (+https://groundswell.test/)"
SIGNER = Signer("https://groundswell.test/ap/instance#main-key", generate_rsa())
SHORT = Limits(total=0.5, connect=0.5, read=0.4)

# Far below the client's own limits: what has to end at a short deadline must not end at a long one.
pytestmark = pytest.mark.timeout(15)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client.create(trusted_networks=LOOPBACK, user_agent=AGENT, insecure_http=True)
    yield made
    await made.aclose()


@pytest.fixture
async def hasty() -> AsyncIterator[Client]:
    made = Client.create(trusted_networks=LOOPBACK, user_agent=AGENT, insecure_http=True, limits=SHORT)
    yield made
    await made.aclose()


async def get(client: Client, url: str) -> Answer:
    return await client.get(url, accept="application/activity+json", signer=None, now=NOW)


async def test_bodies_by_the_drop_end_at_the_deadline(hasty: Client) -> None:
    async def drip(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with listening(drip) as peer:
        with pytest.raises(Unreachable, match="slow"):
            await get(hasty, peer.url())


async def test_headers_by_the_drop_end_at_the_deadline(hasty: Client) -> None:
    async def drip(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-A: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with listening(drip) as peer:
        with pytest.raises(Unreachable):
            await get(hasty, peer.url())


async def test_silence_ends_at_the_deadline(hasty: Client) -> None:
    async def silence(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with listening(silence) as peer:
        with pytest.raises(Unreachable):
            await get(hasty, peer.url())
        with pytest.raises(Unreachable):
            await hasty.post(peer.url(), b"{}", signer=SIGNER, now=NOW)


async def test_a_name_server_that_never_answers() -> None:
    async def lookup(host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    client = Client.create(user_agent=AGENT, lookup=lookup, limits=SHORT)
    with pytest.raises(Unreachable, match="slow"):
        await get(client, "https://slow.example/")
    await client.aclose()


async def test_many_silent_hosts_do_not_stop_another(client: Client) -> None:
    async def silence(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with listening(silence) as stuck, listening(answering(response(200))) as alive:
        waiting = [asyncio.create_task(get(client, stuck.url(host=f"h{number}.localhost"))) for number in range(200)]
        assert (await get(client, alive.url())).status == 200
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("head", [b"", b"Content-Length: 9999999999\r\n"])
async def test_an_endless_stream_is_cut(client: Client, head: bytes) -> None:
    async def pour(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    async with listening(pour) as peer:
        with pytest.raises(Unreachable, match="big"):
            await get(client, peer.url())
        answer = await client.post(peer.url(), b"{}", signer=SIGNER, now=NOW)
        assert len(answer.body) <= 64 * 1024


async def test_an_answer_hidden_behind_another_is_never_heard(client: Client) -> None:
    async def smuggle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, b"{}") + response(200, b"smuggled"))

    async with listening(smuggle) as peer:
        for path in ("/a", "/b", "/c"):
            try:
                assert (await get(client, peer.url(path))).body == b"{}"
            except Unreachable:
                continue
    assert peer.targets == ["/a", "/b", "/c"]


async def test_a_body_shorter_than_it_says(client: Client) -> None:
    async def cut(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
        writer.close()

    async with listening(cut) as peer:
        with pytest.raises(Unreachable):
            await get(client, peer.url())


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc OK\r\n\r\n"])
async def test_what_is_not_http(client: Client, garbage: bytes) -> None:
    async def babble(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        writer.close()

    async with listening(babble) as peer:
        with pytest.raises(Unreachable):
            await get(client, peer.url())


async def test_gzip_is_inflated(client: Client) -> None:
    body = bytes(range(256)) * 40
    async with listening(answering(response(200, gzip.compress(body), content_encoding="gzip"))) as peer:
        assert (await get(client, peer.url())).body == body
    assert peer.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("size", [200_000, 1_200_000, 50_000_000])
async def test_a_bomb_is_refused(client: Client, size: int) -> None:
    bomb = gzip.compress(b"\0" * size)
    async with listening(answering(response(200, bomb, content_encoding="gzip"))) as peer:
        with pytest.raises(Unreachable, match="bomb"):
            await get(client, peer.url())


async def test_the_size_counts_after_inflating(client: Client) -> None:
    # Half of it does not compress: no bomb, but too big.
    body = random.Random(1).randbytes(600_000) + b" " * 600_000
    packed = gzip.compress(body, 1)
    assert len(packed) < 1024 * 1024 < len(body)
    async with listening(answering(response(200, packed, content_encoding="gzip"))) as peer:
        with pytest.raises(Unreachable, match="big"):
            await get(client, peer.url())


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"\x0b\x02\x80{}\x03"),
        ("zstd", b"(\xb5/\xfd"),
        ("deflate", zlib.compress(b"{}")),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
        ("gzip", b"not compressed"),
        ("gzip", gzip.compress(b"{}" * 100)[:-9]),
    ],
)
async def test_other_encodings_are_refused(client: Client, encoding: str, body: bytes) -> None:
    async with listening(answering(response(200, body, content_encoding=encoding))) as peer:
        with pytest.raises(Unreachable):
            await get(client, peer.url())
