"""The client signs what it sends, and goes nowhere that the gate forbids (HOSTILE-PEERS C1 to C4)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from crypto.http_signatures import Message, parse, verify
from crypto.keys import generate_rsa
from federation.client import Answer, Client, ForbiddenAddress, Limits, Unreachable
from federation.identities import Signer
from tests.federation.servers import LOOPBACK, Peer, Request, answering, listening, response

NOW = datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)
AGENT = "Groundswell/0.1 (+https://groundswell.test/)"
SIGNER = Signer("https://groundswell.test/ap/instance#main-key", generate_rsa())
SHORT = Limits(total=0.5, connect=0.5, read=0.4)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client.create(trusted_networks=LOOPBACK, user_agent=AGENT, insecure_http=True)
    yield made
    await made.aclose()


async def get(client: Client, url: str, signer: Signer | None = None) -> Answer:
    return await client.get(url, accept="application/activity+json", signer=signer, now=NOW)


def message(peer: Peer, request: Request) -> Message:
    target = f"http://peer.localhost:{peer.port}{request.target}"
    return Message(request.method, target, tuple(request.headers.items()), request.body)


def check(peer: Peer, request: Request) -> str:
    """Verifies the signature of a received request, and gives back its form."""
    parsed = parse(message(peer, request), now=NOW, host=f"peer.localhost:{peer.port}")
    assert parsed.key_id == SIGNER.key_id
    verify(parsed, SIGNER.key.public_key())
    return parsed.spec


async def test_an_answer(client: Client) -> None:
    body = b'{"id":1}'
    served = response(200, body, content_type="application/activity+json; charset=utf-8", retry_after="120")
    async with listening(answering(served)) as peer:
        answer = await get(client, peer.url("/a?b=c#d"))
    assert answer == Answer(
        url=peer.url("/a?b=c"),
        status=200,
        content_type="application/activity+json; charset=utf-8",
        body=body,
        retry_after=120,
    )
    (request,) = peer.requests
    assert request.target == "/a?b=c"
    assert request.headers["user-agent"] == AGENT
    assert request.headers["host"] == f"peer.localhost:{peer.port}"
    assert request.headers["accept"] == "application/activity+json"
    assert "signature" not in request.headers


async def test_connections_are_kept_and_cookies_are_not(client: Client) -> None:
    async with listening(answering(response(200, b"x", set_cookie="a=b; Path=/"))) as peer:
        for _ in range(3):
            await get(client, peer.url())
    assert peer.connections == 1
    assert all("cookie" not in request.headers for request in peer.requests)


async def test_a_kept_connection_that_was_closed_is_replaced(client: Client) -> None:
    async def once(request: Request, writer: asyncio.StreamWriter) -> None:
        if len(peer.requests) == 2:
            writer.close()
        else:
            writer.write(response(202))

    async with listening(once) as peer:
        for _ in range(2):
            assert (await client.post(peer.url("/inbox"), b"{}", signer=SIGNER, now=NOW)).status == 202
    assert peer.connections == 2


@pytest.mark.parametrize("path", ["/a", "/a?page=2&x=%20y", "/%7Ealice/é", "/a%2Fb/..;/c+d", "/a?b=[c]|d"])
async def test_what_is_signed_is_what_is_sent(client: Client, path: str) -> None:
    async with listening(answering(response(200))) as peer:
        await get(client, peer.url(path, host="PEER.localhost."), SIGNER)
        assert check(peer, peer.requests[0]) == "cavage"


@pytest.mark.parametrize("spec", ["cavage", "rfc9421"])
async def test_a_post_is_signed_in_either_form(client: Client, spec: str) -> None:
    extra = {"Collection-Synchronization": 'collectionId="https://groundswell.test/f"'}
    async with listening(answering(response(202))) as peer:
        answer = await client.post(
            peer.url("/inbox"),
            b'{"a":1}',
            signer=SIGNER,
            now=NOW,
            spec="rfc9421" if spec == "rfc9421" else "cavage",
            headers=extra,
        )
    assert answer.status == 202
    (request,) = peer.requests
    assert check(peer, request) == spec
    assert request.body == b'{"a":1}'
    assert request.headers["content-type"] == "application/activity+json"
    assert "collection-synchronization" in request.headers["signature-input" if spec == "rfc9421" else "signature"]


async def test_a_query_is_left_out_of_the_signature_at_the_second_knock(client: Client) -> None:
    async with listening(answering(response(401), response(200, b"{}"))) as peer:
        answer = await get(client, peer.url("/page?n=2"), SIGNER)
    assert answer.status == 200
    assert peer.targets == ["/page?n=2", "/page?n=2"]
    first, second = (parse(message(peer, r), now=NOW, host=f"peer.localhost:{peer.port}") for r in peer.requests)
    assert b"get /page?n=2\n" in first.candidates[0]
    assert first.signature != second.signature
    check(peer, peer.requests[1])


@pytest.mark.parametrize(("path", "signed"), [("/page", True), ("/page?n=2", False)])
async def test_no_second_knock_without_need(client: Client, path: str, signed: bool) -> None:
    async with listening(answering(response(401))) as peer:
        assert (await get(client, peer.url(path), SIGNER if signed else None)).status == 401
    assert len(peer.requests) == 1


async def test_environment_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(answering(response(200))) as proxy, listening(answering(response(200))) as peer:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(host="127.0.0.1"))
        client = Client.create(trusted_networks=LOOPBACK, user_agent=AGENT, insecure_http=True)
        assert (await get(client, peer.url())).status == 200
        await client.aclose()
    assert proxy.connections == 0


# Redirects


async def test_redirects_are_signed_for_their_new_target(client: Client) -> None:
    moves = (
        response(302, location="/b"),
        response(301, location="c?d"),
        response(308, location="//peer.localhost:0/e"),
    )
    async with listening(answering(*moves[:2], response(200, b"here"))) as peer:
        answer = await get(client, peer.url("/x/a"), SIGNER)
        assert (answer.url, answer.body) == (peer.url("/c?d"), b"here")
        assert peer.targets == ["/x/a", "/b", "/c?d"]
        for request in peer.requests:
            check(peer, request)


async def test_every_hop_is_asked_about(client: Client) -> None:
    asked = []

    async def admit(url: str) -> None:
        asked.append(urlsplit(url).path)
        if urlsplit(url).path == "/secret":
            raise PermissionError

    async with listening(answering(response(302, location="/b"), response(302, location="/secret"))) as peer:
        with pytest.raises(PermissionError):
            await client.get(peer.url("/a"), accept="*/*", signer=None, now=NOW, admit=admit)
    assert asked == ["/a", "/b", "/secret"]
    assert peer.targets == ["/a", "/b"]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "file:///etc/passwd",
        "gopher://peer.localhost/",
        "data:application/json,{}",
        "ftp://peer.localhost/",
        "http://user:secret@peer.localhost/",
        "http://[::1/",
        "http://peer.localhost:99999/",
        "http://2130706433/",
        "//intranet/",
    ],
)
async def test_redirects_out_of_bounds(client: Client, location: str) -> None:
    async with listening(answering(response(302, location=location))) as peer:
        with pytest.raises((ForbiddenAddress, Unreachable)):
            await get(client, peer.url("/a"))
    assert peer.targets == ["/a"]


async def test_redirects_in_a_circle_or_a_chain(client: Client) -> None:
    async def chain(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(302, location=f"/{int(request.target[1:]) + 1}"))

    async with listening(answering(response(302, location="/self"))) as circle, listening(chain) as long:
        for url in (circle.url("/self"), long.url("/1")):
            with pytest.raises(Unreachable, match="redirects"):
                await get(client, url)
    assert len(circle.requests) == len(long.requests) == 4


@pytest.mark.parametrize(("status", "requests"), [(307, 2), (308, 2), (301, 1), (302, 1), (303, 1)])
async def test_a_post_is_moved_once_at_most(client: Client, status: int, requests: int) -> None:
    async with listening(answering(response(status, location="/other"))) as peer:
        answer = await client.post(peer.url("/inbox"), b"{}", signer=SIGNER, now=NOW)
        assert answer.status == status
        assert len(peer.requests) == requests
        check(peer, peer.requests[-1])


async def test_a_post_never_moves_to_another_origin(client: Client) -> None:
    async with listening(answering(response(202))) as other:
        moved = response(307, location=other.url("/inbox"))
        async with listening(answering(moved)) as peer:
            assert (await client.post(peer.url("/inbox"), b"{}", signer=SIGNER, now=NOW)).status == 307
    assert other.connections == 0


# Addresses


def literals(port: int) -> list[str]:
    hosts = """
    127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 0.0.0.0 0 localhost a.localhost [::] [::1]
    [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::1] 127.0.0.1. 127。0。0。1
    ①27.0.0.1
    """.split()
    return [f"http://{host}:{port}/" for host in hosts] + [
        f"http://user@127.0.0.1:{port}/",
        f"http:\\\\127.0.0.1:{port}/",
    ]


async def test_loopback_sees_no_connection() -> None:
    client = Client.create(user_agent=AGENT, insecure_http=True)
    async with listening(answering(response(200))) as peer:
        for url in literals(peer.port):
            with pytest.raises((ForbiddenAddress, Unreachable)):
                await get(client, url)
            with pytest.raises((ForbiddenAddress, Unreachable)):
                await client.post(url, b"{}", signer=SIGNER, now=NOW)
    await client.aclose()
    assert peer.connections == 0


async def test_names_with_private_answers_see_no_connection() -> None:
    async def lookup(host: str) -> Sequence[str]:
        return ["1.1.1.1", "127.0.0.1"]

    client = Client.create(user_agent=AGENT, insecure_http=True, lookup=lookup)
    async with listening(answering(response(200))) as peer:
        with pytest.raises(ForbiddenAddress):
            await get(client, peer.url(host="evil.example"))
    await client.aclose()
    assert peer.connections == 0


async def test_rebinding_finds_no_gap() -> None:
    """The name is 127.0.0.2 (trusted here, as a public address is elsewhere) and then the victim on 127.0.0.1."""
    answers = ["127.0.0.2", "127.0.0.1"] * 4
    asked: list[str] = []

    async def lookup(host: str) -> Sequence[str]:
        asked.append(answers.pop(0))
        return asked[-1:]

    async with listening(answering(response(200))) as victim:
        for _ in range(4):
            client = Client.create(
                trusted_networks=["127.0.0.2/32"], user_agent=AGENT, insecure_http=True, lookup=lookup, limits=SHORT
            )
            # 127.0.0.2 refuses connections; the retry within the client must not come to the other address.
            for _ in range(2):
                with pytest.raises((ForbiddenAddress, Unreachable)):
                    await get(client, victim.url(host="rebind.example"))
            await client.aclose()
    assert victim.connections == 0
    assert set(asked) == {"127.0.0.1", "127.0.0.2"}


async def test_only_https_unless_told_otherwise() -> None:
    client = Client.create(trusted_networks=LOOPBACK, user_agent=AGENT)
    async with listening(answering(response(200))) as peer:
        with pytest.raises(ForbiddenAddress, match="https"):
            await get(client, peer.url())
    await client.aclose()
    assert peer.connections == 0


async def test_a_closed_port_is_unreachable(client: Client) -> None:
    async with listening(answering(response(200))) as peer:
        pass
    with pytest.raises(Unreachable):
        await get(client, peer.url())
