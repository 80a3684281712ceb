"""A device is woken: through the gate, encrypted for it alone, with neutral words unless it chose others."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import func, select

from crypto.tokens import token_hash
from crypto.web_push import decode, encode
from models import PushMessage, PushSubscription
from server.loopback import LoopbackServer
from server.oauth import tokens
from server.push import queue
from tests.server.mastodon.talking import Headers, bearer, done, got, post, signed_in
from tests.server.signing_in import token_for

PATIENCE = 15


@dataclass
class Device:
    """A push service on loopback and the device behind it, which opens what comes."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    """What it answers next; 201 when nothing is said."""
    requests: "asyncio.Queue[tuple[dict[str, str], bytes]]" = field(default_factory=asyncio.Queue)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = b"0123456789abcdef"

    @property
    def public(self) -> bytes:
        form = serialization.PublicFormat.UncompressedPoint
        return self.key.public_key().public_bytes(serialization.Encoding.X962, form)

    @property
    def subscription(self) -> dict[str, Any]:
        keys = {"p256dh": encode(self.public), "auth": encode(self.secret)}
        return {"endpoint": f"http://push.localhost:{self.port}/wake/1", "keys": keys}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
                headers = {name.lower(): value for name, _, value in lines}
                body = await reader.readexactly(int(headers["content-length"]))
                status = self.statuses.pop(0) if self.statuses else 201
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                self.requests.put_nowait((headers, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def woken(self) -> tuple[dict[str, str], dict[str, Any]]:
        """The headers of the next push, and what it says."""
        async with asyncio.timeout(PATIENCE):
            headers, body = await self.requests.get()
        said: dict[str, Any] = json.loads(self._opened(body))
        return headers, said

    def _opened(self, body: bytes) -> bytes:
        """As RFC 8291 and RFC 8188 have a device do it, written without the server's own code."""
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        secret = _hkdf(self.secret, shared, b"WebPush: info\0" + self.public + theirs, 32)
        key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
        return AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0").removesuffix(b"\2")


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


@asynccontextmanager
async def _device() -> AsyncIterator[Device]:
    device = Device()
    server = await asyncio.start_server(device.serve, "127.0.0.1", 0)
    device.port = server.sockets[0].getsockname()[1]
    async with server:
        yield device


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    async with _device() as device:
        yield device


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> Headers:
    return await signed_in(live, client, "robin")


@pytest.fixture
async def kim(live: LoopbackServer, client: httpx.AsyncClient) -> Headers:
    return await signed_in(live, client, "kim")


async def subscribe(client: httpx.AsyncClient, who: Headers, device: Device, *alerts: str) -> dict[str, Any]:
    data = {"alerts": dict.fromkeys(alerts, True)}
    made: dict[str, Any] = await done(
        client, who, "/api/v1/push/subscription", subscription=device.subscription, data=data
    )
    return made


async def counted(live: LoopbackServer, table: type[PushMessage] | type[PushSubscription]) -> int:
    async with live.assembly.federation.reading() as unit:
        return (await unit.session.execute(select(func.count()).select_from(table))).scalar_one()


async def until_sent(live: LoopbackServer) -> None:
    async with asyncio.timeout(PATIENCE):
        while await counted(live, PushMessage):
            await asyncio.sleep(0.02)


async def test_a_device_is_woken_with_neutral_words_or_those_it_chose(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Headers, kim: Headers, device: Device
) -> None:
    key = (await client.get("/api/v2/instance")).json()["configuration"]["vapid"]["public_key"]
    assert (len(decode(key)), decode(key)[0]) == (65, 4)
    made = await subscribe(client, robin, device, "mention", "favourite")
    assert made["server_key"] == key
    assert (made["alerts"]["mention"], made["alerts"]["reblog"], made["policy"]) == (True, False, "all")
    assert await got(client, robin, "/api/v1/push/subscription") == made
    for other in (kim, bearer(await token_for(client, "robin", scope="read write"))):
        assert (await client.get("/api/v1/push/subscription", headers=other)).status_code in (403, 404)

    secret = "marker-of-words"
    await post(client, kim, f"@robin {secret}")
    headers, said = await device.woken()
    assert (headers["content-encoding"], headers["ttl"]) == ("aes128gcm", "86400")
    assert headers["authorization"].startswith("vapid t=")
    assert headers["authorization"].endswith(f"k={key}")
    (told,) = await got(client, robin, "/api/v1/notifications")
    assert (said["title"], said["body"]) == ("New activity", "")
    assert (str(said["notification_id"]), said["notification_type"]) == (told["id"], "mention")
    assert not [word for word in ("kim", secret, "robin") if word in json.dumps(said)]

    await client.patch("/api/v2/notifications/policy", json={"push_texts": "full"}, headers=robin)
    mine = (await post(client, robin, "Shorter meetings"))["id"]
    await done(client, kim, f"/api/v1/statuses/{mine}/reblog")
    await done(client, kim, f"/api/v1/statuses/{mine}/favourite")
    said = (await device.woken())[1]
    assert (said["title"], said["body"]) == ("kim favourited your post", "Shorter meetings")

    await client.put("/api/v1/push/subscription", json={"policy": "followed"}, headers=robin)
    await post(client, kim, "@robin from somebody not followed")
    assert (await client.delete("/api/v1/push/subscription", headers=robin)).json() == {}
    assert (await client.get("/api/v1/push/subscription", headers=robin)).status_code == 404
    await post(client, kim, "@robin nobody listens")
    await until_sent(live)
    assert device.requests.empty()


@pytest.mark.parametrize(
    "change",
    [{"endpoint": "ftp://push.example/1"}, {"endpoint": ""}, {"keys": {"p256dh": "x", "auth": "y"}}, {"keys": {}}],
)
async def test_what_cannot_be_pushed_to_is_refused(
    client: httpx.AsyncClient, robin: Headers, device: Device, change: dict[str, Any]
) -> None:
    body = {"subscription": device.subscription | change}
    answer = await client.post("/api/v1/push/subscription", json=body, headers=robin)
    assert (answer.status_code, list(answer.json())) == (422, ["error"])
    assert (await client.get("/api/v1/push/subscription", headers=robin)).status_code == 404


async def test_what_fails_is_tried_again_and_what_is_gone_is_forgotten(
    live: LoopbackServer,
    client: httpx.AsyncClient,
    robin: Headers,
    kim: Headers,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "RETRIES", tuple(each / 10_000 for each in queue.RETRIES))
    await subscribe(client, robin, device, "mention")
    device.statuses += [500, 429]
    await post(client, kim, "@robin hello")
    said = [(await device.woken())[1]["notification_id"] for _ in range(3)]
    assert len(set(said)) == 1
    await until_sent(live)
    device.statuses.append(410)
    await post(client, kim, "@robin are you there?")
    await device.woken()
    async with asyncio.timeout(PATIENCE):
        while await counted(live, PushSubscription):
            await asyncio.sleep(0.02)
    assert await counted(live, PushMessage) == 0

    await subscribe(client, robin, device, "mention")
    async with live.assembly.federation.reading() as unit:
        sealed = (await unit.session.execute(select(PushSubscription))).scalar_one().sealed_record
    assert b"push.localhost" not in sealed
    token = robin["Authorization"].partition(" ")[2]
    async with live.assembly.federation.writing() as unit:
        await tokens.revoke_hash(unit, token_hash(token))
    assert await counted(live, PushSubscription) == 0, "it goes with its token"
