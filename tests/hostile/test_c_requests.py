"""Where our server can be made to connect: nowhere but to public places, whatever names them (HOSTILE C1 to C4, C10).

The server under test trusts 127.0.0.0/8, where its peers are; all else that is not public is as forbidden as ever.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from federation.fetch_errors import FetchFailed
from federation.remote import look_up
from server.organizing.posts import service as posts
from tests.hostile import faults
from tests.hostile.peer import Account, PeerServer
from tests.hostile.recorder import Names, Trap
from tests.hostile.us import ASKED, CACHED, COUNTED, TAKEN_IN, Us

pytestmark = pytest.mark.asyncio(loop_scope="module")

LITERALS = """
0.0.0.0 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.0.1 192.0.0.1 192.0.2.1 192.88.99.1
198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 [::] [::1] [::ffff:127.0.0.1]
[::ffff:169.254.169.254] [::ffff:0:127.0.0.1] [::127.0.0.1] [::10.0.0.1] [64:ff9b::10.0.0.1] [64:ff9b:1::1] [100::1]
[2001::1] [2001:0:a00:1::] [2001:db8::1] [2002:a00:1::] [2002:7f00:1::1] [3fff::1] [4000::1] [fc00::1] [fd00::1]
[fe80::1] [fe80::1%25lo] [ff02::1]
""".split()

ODD_FORMS = "10.1 167772161 0x0a000001 012.0.0.1 0xa.1 10.0.0.1.".split()
"""What the system's resolver takes for 10.0.0.1, or may take for it."""

HIDDEN = {
    "private.example": ["10.0.0.1"],
    "loopback.example": ["::1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "any.example": ["0.0.0.0"],
    "mixed.example": ["127.0.0.1", "10.0.0.1"],
    "mixed6.example": ["fe80::1", "127.0.0.1"],
}
"""Names that lead to forbidden addresses, alone or beside good ones."""

SILENT_NAMES = ["router", "printer.local.", "hidden.onion", "nothing.invalid"]


@dataclass(frozen=True)
class Attack:
    """Who attacks what with one forbidden place, an origin."""

    us: Us
    evil: PeerServer
    mallory: Account
    number: int
    place: str

    @property
    def stranger(self) -> Account:
        """An attacker from a domain of her own, so that no limit by domain stops her instead."""
        return self.evil.actor("mallory", host=self.evil.elsewhere(self.number))


@pytest_asyncio.fixture(loop_scope="module")
async def places(trapdoor: Trap, names: Names) -> AsyncIterator[Sequence[str]]:
    """Every forbidden origin. The port is open on all addresses of this machine, and nobody may knock."""
    for form in ODD_FORMS:
        names.say(form, ["10.0.0.1"])
    for name, addresses in HIDDEN.items():
        names.say(name, addresses)
    hosts = [*LITERALS, *ODD_FORMS, *HIDDEN, *SILENT_NAMES]
    yield [f"http://{host}:{trapdoor.port}" for host in hosts]
    assert trapdoor.connections == 0


async def key(attack: Attack) -> None:
    mallory, place = attack.mallory, attack.place
    for key_id in (f"{place}/key", f"{place}/mallory#main-key", f"{attack.place.replace('http', 'https')}/key"):
        assert (
            await mallory.send(attack.us.inbox, mallory.activity("Like", attack.us.public), key_id=key_id)
        ).status == 401


async def actor(attack: Attack) -> None:
    forged = {"id": f"{attack.place}/a/1", "type": "Like", "actor": f"{attack.place}/m", "object": attack.us.public}
    for spec in ("cavage", "rfc9421"):
        reply = await attack.mallory.send(attack.us.inbox, forged, key_id=f"{attack.place}/m#main-key", spec=spec)
        assert reply.status == 401


async def key_owner(attack: Attack) -> None:
    owned = {"id": attack.evil.uri(f"key{attack.number}"), "owner": f"{attack.place}/m"}
    attack.evil.serve(f"key{attack.number}", owned | {"publicKeyPem": attack.mallory.public_pem})
    forged = attack.mallory.activity("Like", attack.us.public)
    assert (await attack.mallory.send(attack.us.inbox, forged, key_id=owned["id"])).status == 401


async def inbox(attack: Attack) -> None:
    mallory = attack.stranger
    mallory.publish(inbox=f"{attack.place}/inbox")
    assert (await mallory.send(attack.us.inbox, mallory.activity("Follow", attack.us.uri(attack.us.kim)))).status == 401


async def shared_inbox(attack: Attack) -> None:
    """The Accept, and a public post later, go to the inbox that is hers."""
    mallory = attack.stranger
    mallory.publish(endpoints={"sharedInbox": f"{attack.place}/inbox"}, outbox=f"{attack.place}/o")
    assert (await mallory.send(attack.us.inbox, mallory.activity("Follow", attack.us.uri(attack.us.kim)))).status == 202


async def redirect(attack: Attack) -> None:
    mallory, path = attack.mallory, f"away{attack.number}"
    away = attack.evil.serve(path, faults.redirect(f"{attack.place}/x"))
    assert (await mallory.send(attack.us.inbox, mallory.activity("Like", attack.us.public), key_id=away)).status == 401
    assert (await mallory.send(attack.us.inbox, mallory.activity("Announce", away))).status == 202


async def boosted(attack: Attack) -> None:
    mallory, uri = attack.mallory, f"{attack.place}/n"
    for activity in (mallory.activity("Announce", uri), mallory.activity("Create", uri), mallory.activity("Undo", uri)):
        assert (await mallory.send(attack.us.inbox, activity)).status in (202, 400)


async def moved_to(attack: Attack) -> None:
    mallory = attack.mallory
    move = mallory.activity("Move", mallory.id, target=f"{attack.place}/m")
    assert (await mallory.send(attack.us.inbox, move)).status in (202, 400)


async def proved_by(attack: Attack) -> None:
    mallory, method = attack.mallory, f"{attack.place}/m#key"
    forged: dict[str, Any] = {"id": f"{attack.place}/a", "type": "Create", "actor": f"{attack.place}/m"}
    forged |= {
        "@context": [],
        "object": {"id": f"{attack.place}/n", "type": "Note", "attributedTo": f"{attack.place}/m"},
    }
    proved = mallory.prove(forged, verificationMethod=method)
    assert (await mallory.send(attack.us.inbox, proved)).status in (202, 400)


async def finger(attack: Attack) -> None:
    mallory = attack.stranger
    mallory.finger("mallory", f"{attack.place}/m")
    for handle in (
        f"mallory@{mallory.authority}",
        f"mallory@{attack.place.removeprefix('http://')}",
        f"{attack.place}/m",
    ):
        with pytest.raises(FetchFailed):
            await look_up(attack.us.federation, handle)


async def host_meta(attack: Attack) -> None:
    mallory = attack.stranger
    template = f"{attack.place}/finger?resource={{uri}}"
    xrd = f'<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" template="{template}"/></XRD>'
    page = faults.document(xrd.encode(), ctype="application/xrd+xml")
    attack.evil.pages[f"{mallory.authority}/.well-known/host-meta"] = page
    with pytest.raises(FetchFailed):
        await look_up(attack.us.federation, f"nobody@{mallory.authority}")


async def collection(attack: Attack) -> None:
    """FEP-8fcf: the partial collection, or a page of it, is elsewhere."""
    mallory, us = attack.stranger, attack.us
    await us.follow(mallory)
    listed = {"id": mallory.uri("sync"), "type": "OrderedCollection", "first": f"{attack.place}/page"}
    attack.evil.pages[f"{mallory.authority}/sync"] = listed
    for url in (f"{attack.place}/sync", mallory.uri("sync")):
        told = f'collectionId="{mallory.followers}", digest="{"0" * 64}", url="{url}"'
        extra = {"Collection-Synchronization": told}
        assert (await mallory.send(us.inbox, mallory.activity("Dislike", us.public), extra=extra)).status == 202
    # Synchronizing comes after the activity: the next one of the same host waits for its end.
    assert (await mallory.send(us.inbox, mallory.activity("Dislike", us.public))).status == 202


ROLES: list[Callable[[Attack], Awaitable[None]]] = [
    key, actor, key_owner, inbox, shared_inbox, redirect, boosted, moved_to, proved_by, finger, host_meta, collection
]  # fmt: skip


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.__name__)
async def test_forbidden_places(
    us: Us, evil: PeerServer, mallory: Account, places: Sequence[str], role: Callable[[Attack], Awaitable[None]]
) -> None:
    """C1, C4: not one connection, not one edge or post, whatever part of a message names the place."""
    asks = {*ODD_FORMS, *HIDDEN, *(form.removesuffix(".") for form in ODD_FORMS), "printer.local"}
    expected = {*TAKEN_IN, *CACHED, *COUNTED}
    if role in (shared_inbox, collection):
        expected |= {*ASKED, "remote_hosts"}
    async with us.unchanged(evil, but=expected, asks=asks) as watch:
        for number, place in enumerate(places):
            await role(Attack(us, evil, mallory, number, place))
    assert all(outcome != "done" for outcome in watch.outcomes) or role is shared_inbox


async def test_public_posts_go_where_the_follower_is(us: Us, evil: PeerServer, places: Sequence[str]) -> None:
    """C4: after `shared_inbox`, what Kim publishes reaches each follower's own inbox."""
    async with us.federation.writing() as context:
        await posts.publish(context, author=us.kim, text="hello", audience="public")
    await us.settled()


async def test_nothing_within_a_post_is_fetched(us: Us, evil: PeerServer, mallory: Account, carla: Account) -> None:
    """C1, C8, C10: contexts, parents, quotes, media, emoji, mentions and previews; and nothing on the reader's page."""
    await us.follow(carla)
    link = evil.uri
    note = carla.note(
        f'<p>see <a href="{link("preview")}">this</a></p>',
        **{  # type: ignore[arg-type]
            "@context": [link("context"), {"@vocab": link("vocab#")}],
            "inReplyTo": link("parent"),
            "quoteUrl": link("quote"),
            "quote": link("quote"),
            "context": link("thread"),
            "replies": {"type": "Collection", "first": {"next": link("replies"), "items": [link("reply")]}},
            "attachment": [{"type": "Document", "mediaType": "image/png", "url": link("image")}],
            "icon": {"type": "Image", "url": link("icon")},
            "tag": [
                {"type": "Emoji", "name": ":x:", "icon": {"type": "Image", "url": link("emoji")}},
                {"type": "Mention", "href": link("mentioned"), "name": "@x"},
                *({"type": "Mention", "href": link(f"m/{n}"), "name": f"@m{n}"} for n in range(5_000)),
            ],
        },
    )
    async with us.unchanged(but=(*TAKEN_IN, "posts")) as watch:
        assert (await carla.send(us.inbox, carla.create(note))).status == 202
    assert watch.outcomes == ["done"]
    assert evil.fetched == []


AWAY = [
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/x",
    "data:application/activity+json,{}",
    "ftp://127.0.0.1/x",
    "//",
    "http://",
    "http://[",
    "javascript:alert(1)",
    "http://evil.localhost:99999/",
    "http://user:secret@evil.localhost/",
]


@pytest.mark.parametrize("to", AWAY)
async def test_redirects_to_what_is_no_place(us: Us, evil: PeerServer, mallory: Account, to: str) -> None:
    """C3."""
    away = evil.serve("away", faults.redirect(to))
    async with us.unchanged(evil):
        assert (await mallory.send(us.inbox, mallory.activity("Like", us.public), key_id=away)).status == 401
    # What names no host at all leads back to the same page.
    assert set(evil.fetched) == {"/away"}
    assert len(evil.fetched) == (4 if to in ("//", "http://") else 1)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_without_end(us: Us, evil: PeerServer, mallory: Account, code: int) -> None:
    """C3 (CVE-2026-34148): to itself, in a circle, or onwards for ever, at most three are followed."""
    evil.serve("self", faults.redirect(evil.uri("self"), code=code))
    evil.serve("to", faults.redirect(evil.uri("fro"), code=code))
    evil.serve("fro", faults.redirect(evil.uri("to"), code=code))
    evil.wildcard = faults.endless_redirect(evil.uri("on"))
    for path in ("self", "to", "on"):
        before = len(evil.fetched)
        async with us.unchanged(evil):
            reply = await mallory.send(us.inbox, mallory.activity("Like", us.public), key_id=evil.uri(path))
        assert reply.status == 401
        assert len(evil.fetched) - before == 4


async def test_redirects_to_ourselves(us: Us, evil: PeerServer, mallory: Account) -> None:
    """C3: we are not made to talk to ourselves, signed with our own key."""
    for number, ours in enumerate((us.base, us.public, us.secret, us.base.replace("us.", "US."), us.base + "/healthz")):
        away = evil.serve(f"home{number}", faults.redirect(ours))
        async with us.unchanged(evil):
            assert (await mallory.send(us.inbox, mallory.activity("Like", us.public), key_id=away)).status == 401


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_deliveries_are_not_led_elsewhere(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, trapdoor: Trap, code: int
) -> None:
    """C3, C4 (CVE-2026-96624): an inbox that redirects gets our post, and nobody else does."""
    to = [victim.uri("inbox"), f"http://169.254.169.254:{trapdoor.port}/", f"http://[::1]:{trapdoor.port}/"]
    evil.pages["/mallory/inbox"] = faults.redirect(to[code % 3], code=code)
    await us.know(mallory)
    async with us.unchanged(evil, but=(*TAKEN_IN, *COUNTED, *ASKED, "deliveries", "outbox_items", "remote_hosts")):
        assert (await mallory.send(us.inbox, mallory.activity("Follow", us.uri(us.kim)))).status == 202
    assert len(evil.delivered) >= 1
    assert victim.listener.requests == []
    assert trapdoor.connections == 0


async def test_a_name_is_looked_up_once(us: Us, evil: PeerServer, names: Names) -> None:
    """C2: the address that was examined is the one that is connected to."""
    rebound = evil.actor("rebound", host=f"rebound.example:{evil.listener.port}")
    names.say("rebound.example", ["127.0.0.1"], ["10.0.0.1"])
    async with us.unchanged(evil, but=(*CACHED, *TAKEN_IN), asks=["rebound.example"]) as watch:
        assert (await rebound.send(us.inbox, rebound.activity("Dislike", us.public))).status == 202
    assert watch.reached.names == ["rebound.example"]
    assert watch.reached.places == [evil.place]


async def test_our_signature_does_not_leave_its_origin(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer
) -> None:
    """C3: a redirect to another origin is signed for that one, and what was signed before is not sent there."""
    victim.serve("key", {"id": victim.uri("key")})
    away = evil.serve("away", faults.redirect(victim.uri("key")))
    async with us.unchanged(evil, victim):
        assert (await mallory.send(us.inbox, mallory.activity("Like", us.public), key_id=away)).status == 401
    first, second = evil.listener.requests[-1], victim.listener.requests[-1]
    assert (first.headers["host"], second.headers["host"]) == (evil.authority, victim.authority)
    assert first.headers["signature"] != second.headers["signature"]
    assert "cookie" not in second.headers
