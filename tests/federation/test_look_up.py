"""A handle counts only when its host and the actor's host both say so (HOSTILE-PEERS A13, A14, C11)."""

import json
import ssl
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from federation.fetch import FetchFailed
from federation.fetch_errors import NotFound
from federation.remote import look_up
from federation.runtime import Federation
from federation.webfinger import Handle, NoHandle, parse_handle
from models import DomainBlock
from server.db import Database
from tests.conftest import Clock
from tests.federation.people import Person, jrd
from tests.federation.servers import Peer, Site, listening, response

JRD = "application/jrd+json; charset=utf-8"


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


@pytest.fixture
def alice(site: Site, peer: Peer) -> Person:
    """An actor that goes by alice@peer.localhost:port."""
    person = Person(peer.url("/users/alice", scheme="https"))
    site.pages["/users/alice"] = person.document()
    name(site, handle_at(peer), person.id)
    return person


def handle_at(peer: Peer, user: str = "alice", host: str = "peer.localhost") -> str:
    return f"{user}@{host}:{peer.port}"


def question(handle: str) -> str:
    return f"/.well-known/webfinger?resource=acct:{handle}"


def name(site: Site, handle: str, actor: str, *, subject: str | None = None) -> None:
    """Makes the site's WebFinger say whose handle this is."""
    document = jrd(subject or handle, actor)
    site.pages[question(handle)] = page(document)


def page(document: object, content_type: str = JRD) -> bytes:
    return response(200, json.dumps(document).encode(), content_type=content_type)


async def refused(federation: Federation, text: str) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        await look_up(federation, text)
    return caught.value


@pytest.mark.parametrize("form", ["{}", "@{}", "acct:{}", "  @{}\n"])
async def test_a_handle_in_its_forms(federation: Federation, alice: Person, peer: Peer, form: str) -> None:
    actor = await look_up(federation, form.format(handle_at(peer)))
    assert actor.id == alice.id
    assert peer.targets == [question(handle_at(peer)), "/users/alice"]
    assert "signature" not in peer.requests[0].headers


async def test_a_handle_is_remembered_for_a_day(
    federation: Federation, alice: Person, peer: Peer, clock: Clock
) -> None:
    for text in ("alice@peer.localhost", "ALICE@Peer.LocalHost."):
        assert (await look_up(federation, f"{text}:{peer.port}")).id == alice.id
    assert len(peer.requests) == 2
    clock.advance(hours=25)
    await look_up(federation, handle_at(peer))
    assert len(peer.requests) == 4


async def test_an_address(federation: Federation, alice: Person, site: Site, peer: Peer) -> None:
    site.pages["/@alice"] = alice.document()
    for _ in range(2):
        assert (await look_up(federation, alice.id)).id == alice.id
    assert peer.targets == ["/users/alice"]
    assert (await look_up(federation, peer.url("/@alice", scheme="https"))).id == alice.id


async def test_an_address_of_something_else(federation: Federation, site: Site, peer: Peer) -> None:
    url = peer.url("/n", scheme="https")
    site.pages["/n"] = {"id": url, "type": "Note"}
    assert isinstance(await refused(federation, url), NotFound)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "@alice",
        "alice@",
        "@@peer.localhost",
        "alice@peer.localhost@evil.localhost",
        "alice@peer localhost",
        "alice@peer.localhost/x",
        "alice@peer.localhost?x",
        "alice@peer.localhost#x",
        "alice@evil.localhost\\peer.localhost",
        "alice@peer\u3002localhost",
        "alice@peer\uff0elocalhost",
        "al ice@peer.localhost",
        "al\u0131ce@peer.localhost",
        "../x@peer.localhost",
        "alice@groundswell.test",
        "alice@GROUNDSWELL.test.",
        "https://groundswell.test/@alice",
        "http://peer.localhost/",
        "alice@10.0.0.1",
        "alice@[::1]",
        "alice@peer.localhost:99999",
    ],
)
async def test_what_is_not_a_handle_of_somebody_else(federation: Federation, peer: Peer, text: str) -> None:
    await refused(federation, text)
    assert peer.connections == 0


def test_one_spelling_of_a_host() -> None:
    assert parse_handle("Alice@\u2179ample.example") == Handle("Alice", "xample.example")
    assert parse_handle("alice@b\u00fccher.example.").host == "xn--bcher-kva.example"
    assert parse_handle("alice@EXAMPLE.com:443").key == "alice@example.com"
    for text in ("alice@example.com\n", "alice\n@example.com", "alice@exam\u200bple.com:x"):
        with pytest.raises(NoHandle):
            parse_handle(text)


# Consent of both ends


async def test_a_handle_on_a_domain_of_its_own(federation: Federation, alice: Person, site: Site, peer: Peer) -> None:
    """The actor lives on peer.localhost and goes by social.localhost; both say so."""
    social = handle_at(peer, host="social.localhost")
    name(site, social, alice.id)
    name(site, handle_at(peer), alice.id, subject=social)
    assert (await look_up(federation, social)).id == alice.id
    # The other handle leads to the same actor, by way of the first.
    assert (await look_up(federation, handle_at(peer))).id == alice.id


async def test_a_host_that_claims_somebody_elses_actor(
    federation: Federation, alice: Person, site: Site, peer: Peer
) -> None:
    admin = handle_at(peer, "admin", "evil.localhost")
    name(site, admin, alice.id)
    await refused(federation, admin)


async def test_a_handle_that_hands_on_without_end(
    federation: Federation, alice: Person, site: Site, peer: Peer
) -> None:
    handles = [handle_at(peer, f"user{number}") for number in range(5)]
    for one, following in pairwise(handles):
        name(site, one, alice.id, subject=following)
    await refused(federation, handles[0])
    assert len(peer.requests) == 2


async def test_a_handle_for_an_actor_with_another_name(
    federation: Federation, alice: Person, site: Site, peer: Peer
) -> None:
    other = handle_at(peer, "mallory")
    name(site, other, alice.id)
    await refused(federation, other)


async def test_two_actors_of_one_name(federation: Federation, alice: Person, site: Site, peer: Peer) -> None:
    twin = Person(peer.url("/users/alice2", scheme="https"))
    site.pages["/users/alice2"] = twin.document()
    assert (await look_up(federation, twin.id)).preferred_username == "alice"
    assert (await look_up(federation, handle_at(peer))).id == alice.id


async def test_an_actor_of_this_server(federation: Federation, site: Site, peer: Peer) -> None:
    name(site, handle_at(peer), "https://groundswell.test/ap/instance")
    await refused(federation, handle_at(peer))


async def test_a_blocked_domain(
    federation: Federation, database: Database, alice: Person, peer: Peer, clock: Clock
) -> None:
    async with database.writing() as context:
        context.session.add(DomainBlock(domain="peer.localhost", since=clock().date()))
    await refused(federation, handle_at(peer))
    assert peer.connections == 0


LINK = {"rel": "self", "type": "application/activity+json", "href": "https://peer.localhost/x"}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"subject": "acct:SUBJECT"},
        {"subject": "acct:SUBJECT", "links": []},
        {"subject": "acct:SUBJECT", "links": [{**LINK, "type": "text/html"}]},
        {"subject": "acct:SUBJECT", "links": [{**LINK, "rel": "me"}]},
        {"subject": "acct:SUBJECT", "links": [{**LINK, "href": "javascript:alert(1)"}]},
        {"subject": "acct:SUBJECT", "links": [{**LINK, "href": 1}, "x", None]},
        {"subject": "acct:SUBJECT\n", "links": [LINK]},
        {"subject": "https://peer.localhost/users/alice", "links": [LINK]},
        {"subject": ["acct:SUBJECT"], "links": [LINK]},
        [],
    ],
)
async def test_answers_of_no_use(federation: Federation, site: Site, peer: Peer, document: object) -> None:
    handle = handle_at(peer)
    if isinstance(document, dict) and isinstance(document.get("subject"), str):
        document = {**document, "subject": document["subject"].replace("SUBJECT", handle)}
    site.pages[question(handle)] = page(document)
    await refused(federation, handle)
    assert peer.targets == [question(handle)]


@pytest.mark.parametrize("content_type", ["text/html", "application/activity+json", ""])
async def test_only_a_jrd_is_read(
    federation: Federation, alice: Person, site: Site, peer: Peer, content_type: str
) -> None:
    site.pages[question(handle_at(peer))] = page(jrd(handle_at(peer), alice.id), content_type)
    await refused(federation, handle_at(peer))


# host-meta


def host_meta(template: str, *, before: str = "") -> bytes:
    body = f"""<?xml version="1.0"?>{before}<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">
    <Link rel="other" template="https://evil.localhost/{{uri}}"/><Link rel="lrdd" template="{template}"/></XRD>"""
    return response(200, body.encode(), content_type="application/xrd+xml")


async def test_host_meta_is_asked_after_a_404(federation: Federation, alice: Person, site: Site, peer: Peer) -> None:
    handle = handle_at(peer)
    del site.pages[question(handle)]
    site.pages["/.well-known/host-meta"] = host_meta(peer.url("/finger?q={uri}", scheme="https"))
    site.pages["/finger?q=acct:" + handle] = page(jrd(handle, alice.id))
    site.pages["/finger?q=acct%3A" + handle.replace("@", "%40").replace(":", "%3A")] = page(jrd(handle, alice.id))
    assert (await look_up(federation, handle)).id == alice.id
    assert peer.targets[1] == "/.well-known/host-meta"


@pytest.mark.parametrize("status", [400, 401, 410, 500])
async def test_host_meta_is_not_asked_otherwise(federation: Federation, site: Site, peer: Peer, status: int) -> None:
    site.pages[question(handle_at(peer))] = response(status)
    await refused(federation, handle_at(peer))
    assert len(peer.requests) == 1


ENTITIES = """<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;"><!ENTITY x SYSTEM "file:///etc/passwd">]>"""


@pytest.mark.parametrize(
    ("template", "before"),
    [
        ("https://victim.localhost/{uri}", ""),
        ("https://evilpeer.localhost/{uri}", ""),
        ("http://peer.localhost/{uri}", ""),
        ("file:///etc/passwd?{uri}", ""),
        ("https://peer.localhost/without", ""),
        ("HERE/{uri}", ENTITIES),
        ("HERE/{uri}", "<!DOCTYPE x>"),
        ("HERE/&x;{uri}", ENTITIES),
        ("HERE/{uri}", "<unclosed>"),
    ],
)
async def test_host_meta_out_of_bounds(
    federation: Federation, site: Site, peer: Peer, template: str, before: str
) -> None:
    template = template.replace("HERE", peer.url("", scheme="https"))
    site.pages["/.well-known/host-meta"] = host_meta(template, before=before)
    assert isinstance(await refused(federation, handle_at(peer)), NotFound)
    assert peer.targets == [question(handle_at(peer)), "/.well-known/host-meta"]
