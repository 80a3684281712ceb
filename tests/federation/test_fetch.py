"""Documents come from the origin of their id, as ActivityStreams, and from nowhere else (HOSTILE-PEERS A4, A5, C9)."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crypto.http_signatures import Message, parse, verify
from crypto.keys import load_public_pem
from federation.blocks import is_blocked
from federation.fetch import FetchFailed, fetch_document, fetch_items, is_activity_type
from federation.origin import INSTANCE_ID
from federation.runtime import Federation
from models import DomainBlock, LocalActor
from server.db import Database
from tests.conftest import Clock
from tests.federation.certificates import Authority
from tests.federation.servers import Peer, Site, listening, response

LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


@pytest.fixture
def database_kind() -> str:
    """One kind is enough: what is stored is tested in test_remote."""
    return "sqlite"


@pytest.fixture
async def site() -> Site:
    return Site()


@pytest.fixture
async def peer(site: Site, tls: ssl.SSLContext) -> AsyncIterator[Peer]:
    async with listening(site, tls=tls) as peer:
        yield peer


def at(peer: Peer, path: str, host: str = "peer.localhost") -> str:
    return peer.url(path, host=host, scheme="https")


def note(identifier: str, **more: object) -> dict[str, object]:
    return {"id": identifier, "type": "Note", **more}


async def failure(federation: Federation, url: str) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        await fetch_document(federation, url)
    return caught.value


async def test_a_document_from_its_own_id_signed_for_by_the_instance(
    federation: Federation, database: Database, site: Site, peer: Peer, clock: Clock
) -> None:
    url = at(peer, "/n/1")
    site.pages["/n/1"] = note(url)
    assert await fetch_document(federation, url) == note(url)
    (request,) = peer.requests
    parsed = parse(
        Message("GET", url, tuple(request.headers.items()), b""), now=clock(), host=f"peer.localhost:{peer.port}"
    )
    assert parsed.key_id == "https://groundswell.test/ap/instance#main-key"
    async with database.reading() as context:
        instance = await context.session.get_one(LocalActor, INSTANCE_ID)
    verify(parsed, load_public_pem(instance.public_key_pem))
    assert "application/activity+json" in request.headers["accept"]
    assert LD in request.headers["accept"]


async def test_a_fragment_is_not_part_of_the_address(federation: Federation, site: Site, peer: Peer) -> None:
    site.pages["/a"] = note(at(peer, "/a"))
    site.pages["/k"] = note(at(peer, "/k#main-key"))
    assert (await fetch_document(federation, at(peer, "/a#main-key")))["id"] == at(peer, "/a")
    assert (await fetch_document(federation, at(peer, "/k#main-key")))["id"] == at(peer, "/k#main-key")


async def test_a_page_leads_to_the_id_on_the_same_origin(federation: Federation, site: Site, peer: Peer) -> None:
    site.pages["/@alice"] = note(at(peer, "/users/alice"), name="as the page has it")
    site.pages["/users/alice"] = note(at(peer, "/users/alice"), name="as the id has it")
    assert (await fetch_document(federation, at(peer, "/@alice")))["name"] == "as the id has it"
    assert peer.targets == ["/@alice", "/users/alice"]


async def test_a_redirect_to_the_id_needs_no_second_look(federation: Federation, site: Site, peer: Peer) -> None:
    site.pages["/@alice"] = response(302, location="/users/alice")
    site.pages["/users/alice"] = note(at(peer, "/users/alice"))
    assert (await fetch_document(federation, at(peer, "/@alice")))["id"] == at(peer, "/users/alice")
    assert peer.targets == ["/@alice", "/users/alice"]


async def test_a_strangers_id_is_refused_and_not_even_asked_for(
    federation: Federation, site: Site, peer: Peer, tls: ssl.SSLContext
) -> None:
    async with listening(Site(), tls=tls) as victim:
        site.pages["/post"] = note(at(victim, "/n/1", "victim.localhost"))
        await failure(federation, at(peer, "/post", "evil.localhost"))
    assert victim.connections == 0


@pytest.mark.parametrize("claimed", ["the redirect", "its target"])
async def test_an_open_redirect_lends_nobody_an_origin(
    federation: Federation, site: Site, peer: Peer, tls: ssl.SSLContext, claimed: str
) -> None:
    victims = at(peer, "/redirect?to=evil", "victim.localhost")
    page = Site()
    async with listening(page, tls=tls) as evil:
        evils = at(evil, "/n", "evil.localhost")
        page.pages["/n"] = note(victims if claimed == "the redirect" else evils)
        site.pages["/redirect?to=evil"] = response(302, location=evils)
        assert (await failure(federation, victims)).status == 200
    assert evil.targets == ["/n"]


@pytest.mark.parametrize(
    "second",
    [
        {"id": "https://peer.localhost/elsewhere", "type": "Note"},
        {"type": "Note"},
        {"id": 1},
        {"id": ["https://peer.localhost/x"]},
    ],
)
async def test_an_id_that_leads_to_another_document(
    federation: Federation, site: Site, peer: Peer, second: dict[str, object]
) -> None:
    site.pages["/first"] = note(at(peer, "/second"))
    site.pages["/second"] = second
    assert (await failure(federation, at(peer, "/first"))).status == 200
    assert len(peer.requests) == 2


@pytest.mark.parametrize(
    ("content_type", "accepted"),
    [
        ("application/activity+json", True),
        ("application/activity+json; charset=utf-8", True),
        ("Application/Activity+JSON;charset=utf-8", True),
        (LD, True),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"; charset=utf-8', True),
        ("application/ld+json;profile=https://www.w3.org/ns/activitystreams", True),
        ('application/ld+json; profile="https://w3id.org/security https://www.w3.org/ns/activitystreams"', True),
        ("", False),
        ("application/json", False),
        ("application/ld+json", False),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams-evil"', False),
        ('application/ld+json; x="https://www.w3.org/ns/activitystreams"', False),
        ("text/plain", False),
        ("text/html; application/activity+json", False),
        ("image/svg+xml", False),
        ("application/activity+jsonx", False),
    ],
)
async def test_only_activitystreams_types(
    federation: Federation, site: Site, peer: Peer, content_type: str, accepted: bool
) -> None:
    assert is_activity_type(content_type) is accepted
    url = at(peer, "/upload")
    site.pages["/upload"] = note(url)
    site.content_type = content_type
    if accepted:
        assert await fetch_document(federation, url) == note(url)
    else:
        assert (await failure(federation, url)).status == 200


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b'{"id":1,"id":2}', b"\xff\xfe{}", b'{"a":' * 100])
async def test_broken_documents(federation: Federation, site: Site, peer: Peer, body: bytes) -> None:
    site.pages["/a"] = response(200, body, content_type=LD)
    assert not (await failure(federation, at(peer, "/a"))).transient


@pytest.mark.parametrize(
    ("status", "gone", "transient"),
    [
        (410, True, False),
        *((status, False, False) for status in (204, 401, 403, 404, 501)),
        *((status, False, True) for status in (408, 429, 500, 503)),
    ],
)
async def test_how_it_was_refused(
    federation: Federation, site: Site, peer: Peer, status: int, gone: bool, transient: bool
) -> None:
    site.pages["/a"] = response(status)
    failed = await failure(federation, at(peer, "/a"))
    assert (failed.status, failed.gone, failed.transient) == (status, gone, transient)


async def test_a_server_that_does_not_answer(federation: Federation, tls: ssl.SSLContext) -> None:
    async with listening(Site(), tls=tls) as peer:
        pass
    failed = await failure(federation, at(peer, "/a"))
    assert (failed.status, failed.transient) == (None, True)


async def test_a_certificate_for_another_name(federation: Federation, peer: Peer) -> None:
    assert (await failure(federation, at(peer, "/a", "unnamed.localhost"))).transient
    assert peer.requests == []


async def test_a_certificate_of_an_unknown_authority(federation: Federation, tmp_path: Path) -> None:
    other = Authority.make(tmp_path).server_context("peer.localhost")
    async with listening(Site(), tls=other) as impostor:
        assert (await failure(federation, at(impostor, "/a"))).transient
    assert impostor.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://groundswell.test/ap/instance",
        "https://GROUNDSWELL.test./ap/instance",
        "https://groundswell.test:443/x",
        "https://x@groundswell.test/",
        "https://groundswell%2etest/",
        "http://peer.localhost/",
        "https://10.0.0.1/",
        "ftp://peer.localhost/",
        "acct:a@peer.localhost",
        "data:,{}",
        "",
    ],
)
async def test_places_that_are_never_asked(federation: Federation, url: str) -> None:
    failed = await failure(federation, url)
    assert (failed.status, failed.transient) == (None, False)


async def test_blocked_domains_are_not_asked_and_redirects_do_not_help(
    federation: Federation, database: Database, site: Site, peer: Peer, clock: Clock
) -> None:
    async with database.writing() as context:
        context.session.add(DomainBlock(domain="evil.localhost", since=clock().date()))
    site.pages["/n"] = note("x")
    site.pages["/away"] = response(302, location=at(peer, "/n", "sub.evil.localhost"))
    site.pages["/home"] = response(302, location="https://groundswell.test/ap/instance")
    for host in ("evil.localhost", "sub.evil.localhost", "EVIL.localhost."):
        await failure(federation, at(peer, "/n", host))
    assert peer.connections == 0
    await failure(federation, at(peer, "/away"))
    await failure(federation, at(peer, "/home"))
    assert peer.targets == ["/away", "/home"]


async def test_blocks_cover_what_lies_below(database: Database, clock: Clock) -> None:
    async with database.writing() as context:
        for domain in ("evil.example", "192.0.2.7", "2001:db8::1"):
            context.session.add(DomainBlock(domain=domain, since=clock().date()))
    async with database.reading() as context:
        for host in ("evil.example", "a.evil.example", "evil.example:8443", "192.0.2.7:80", "[2001:db8::1]:80"):
            assert await is_blocked(context, host), host
        for host in ("notevil.example", "example", "evil.example.org", "192.0.2.77", "[2001:db8::2]"):
            assert not await is_blocked(context, host), host


# Collections


async def test_a_collection_in_pages(federation: Federation, site: Site, peer: Peer) -> None:
    url = at(peer, "/f")
    site.pages["/f"] = {"id": url, "type": "OrderedCollection", "first": f"{url}?page=1"}
    site.pages["/f?page=1"] = {"id": f"{url}?page=1", "orderedItems": ["a", {"id": "b"}, 3], "next": f"{url}?page=2"}
    site.pages["/f?page=2"] = {"id": f"{url}?page=2", "orderedItems": "c"}
    found = await fetch_items(federation, url)
    assert (found.items, found.complete) == (("a", {"id": "b"}, "c"), True)


async def test_a_collection_with_its_page_inside(federation: Federation, site: Site, peer: Peer) -> None:
    url = at(peer, "/f")
    site.pages["/f"] = {"id": url, "first": {"items": ["a"], "next": None}}
    found = await fetch_items(federation, url)
    assert (found.items, found.complete) == (("a",), True)


async def test_endless_collections_end(federation: Federation, site: Site, peer: Peer) -> None:
    url = at(peer, "/f")
    for number in range(20):
        here = f"{url}?page={number}"
        following = f"{url}?page={number + 1}"
        site.pages[f"/f?page={number}"] = {"id": here, "items": [str(number)], "next": following}
    site.pages["/f"] = {"id": url, "first": f"{url}?page=0"}
    found = await fetch_items(federation, url)
    assert (len(found.items), found.complete) == (10, False)
    assert len(peer.requests) == 11
    few = await fetch_items(federation, url, items=2)
    assert (few.items, few.complete) == (("0", "1"), False)


@pytest.mark.parametrize("following", ["self", "elsewhere", 7])
async def test_a_next_that_leads_nowhere(federation: Federation, site: Site, peer: Peer, following: object) -> None:
    url = at(peer, "/f")
    links = {"self": url, "elsewhere": at(peer, "/f", "evil.localhost")}
    site.pages["/f"] = {"id": url, "items": ["a"], "next": links.get(str(following), following)}
    found = await fetch_items(federation, url)
    assert (found.items, found.complete) == (("a",), False)
    assert len(peer.requests) == 1
