"""What our server can be made to swallow or wait for: little, and never at others' expense (HOSTILE C5 to C13)."""

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from federation import follows
from federation.fetch_errors import FetchFailed
from federation.memory import NEW_HOSTS, NEWCOMERS, SILENT_FETCHES
from federation.origin import host_of
from federation.remote import known_actor, look_up
from server.organizing.posts import records
from tests.federation.servers import Responder
from tests.hostile import faults
from tests.hostile.peer import Account, PeerServer, peer_server
from tests.hostile.recorder import outbound
from tests.hostile.us import CACHED, TAKEN_IN, Us
from tests.hostile.wire import Document, encoded

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY_PATIENCE = 10.0
"""Seconds that a request may wait for a key (WIRE 1.8)."""

PROMPT = 5.0
"""Seconds within which an honest activity is dealt with, whatever others are up to; most of them for slow machines."""

LARGEST = 16 * faults.MEBIBYTE
"""Bytes that a peer can get rid of before it notices that nobody listens: one document, and the sockets' buffers."""


async def test_slow_keys_hold_up_nobody(us: Us, evil: PeerServer, carla: Account) -> None:
    """C5 (CVE-2023-36461): each waits ten seconds at most, and all the while others are served."""
    await us.follow(carla)
    slow: list[Responder] = [faults.slow_head(), faults.slow_body({"id": "x"}), faults.silence()]
    attackers = [evil.actor(f"m{n}", host=f"n{n}.{evil.authority}", published=False) for n in range(24)]
    for number, account in enumerate(attackers):
        account.answer(slow[number % 3])
    like = us.public

    async with us.unchanged(evil, but=(*TAKEN_IN, "posts"), within=KEY_PATIENCE + PROMPT):
        waiting = [asyncio.create_task(each.send(us.inbox, each.activity("Like", like))) for each in attackers]
        while len(evil.fetched) < len(attackers):
            await asyncio.sleep(0.02)
        for _ in range(5):
            note = carla.note("meanwhile")
            reply = await carla.send(us.inbox, carla.create(note))
            assert (reply.status, reply.seconds < PROMPT) == (202, True)
        assert not any(task.done() for task in waiting)
        replies = await asyncio.gather(*waiting)
    assert {reply.status for reply in replies} == {401}
    assert max(reply.seconds for reply in replies) < KEY_PATIENCE + PROMPT


async def test_slow_objects_hold_up_no_other_server(us: Us, evil: PeerServer, carla: Account) -> None:
    """C5: activities of many servers, each about something that never comes, do not stop the queue for the rest."""
    await us.follow(carla)
    attackers = [evil.actor(f"m{n}", host=evil.elsewhere(n)) for n in range(24)]
    await us.know(*attackers)
    enough = asyncio.Event()
    evil.wildcard = faults.withheld(enough)
    before = len(evil.fetched)
    for number, account in enumerate(attackers):
        announce = account.activity("Announce", account.uri(f"never/{number}"))
        assert (await account.send(us.inbox, announce)).status == 202
    async with asyncio.timeout(PROMPT):
        while len(evil.fetched) == before:
            await asyncio.sleep(0.02)
    note, began = carla.note("on time"), time.monotonic()
    assert (await carla.send(us.inbox, carla.create(note))).status == 202
    while await us.text_of(note["id"]) is None:
        await asyncio.sleep(0.02)
        assert time.monotonic() - began < PROMPT, "others' silence is waited for"
    enough.set()
    await us.settled()


def _too_much() -> dict[str, Callable[[Document], Responder]]:
    return {
        "a bomb": lambda page: faults.gzip_bomb(),
        "brotli": lambda page: faults.packed(page, "br"),
        "zstd": lambda page: faults.packed(page, "zstd"),
        "twice packed": lambda page: faults.packed(page, "gzip, gzip"),
        "deflate": lambda page: faults.packed(page, "deflate"),
        "cut off": faults.cut_off,
        "two mebibytes": lambda page: faults.document({**page, "x": "y" * 2 * faults.MEBIBYTE}),
        "deep": lambda page: faults.document(b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "wide": lambda page: faults.document(encoded({f"k{n}": 0 for n in range(60_000)})),
        "a huge number": lambda page: faults.document(b'{"x":' + b"9" * 500_000 + b"}"),
        "no JSON": lambda page: faults.document(b"\xff\xfe" * 1000),
        "many owners": lambda page: faults.document({**page, "attributedTo": ["x"] * 10_000}),
    }


@pytest.mark.parametrize("kind", _too_much())
async def test_answers_that_are_too_much(us: Us, evil: PeerServer, carla: Account, kind: str) -> None:
    """C6, E2 (CVE-2026-96623): as key and as object, refused in no time."""
    await us.follow(carla)
    mallory = evil.actor("mallory", published=False)
    note = mallory.note(path="note")
    mallory.answer(_too_much()[kind](mallory.document()) if kind != "many owners" else faults.status(404))
    evil.serve("note", _too_much()[kind](note))
    async with us.unchanged(evil, but=TAKEN_IN, within=PROMPT) as watch:
        assert (await mallory.send(us.inbox, mallory.activity("Like", us.public))).status == 401
        assert (await carla.send(us.inbox, carla.activity("Announce", note["id"]))).status == 202
    assert watch.outcomes in (["refused"], [None]), "None: to be tried again later"


async def test_an_answer_without_end(us: Us, evil: PeerServer, mallory: Account) -> None:
    """C6: no more than one document's worth is taken of it."""
    huge = faults.Huge()
    mallory.answer(huge)
    async with us.unchanged(evil, within=PROMPT):
        assert (await mallory.send(us.inbox, mallory.activity("Like", us.public))).status == 401
    assert huge.sent < LARGEST


async def test_a_page_that_names_its_document(us: Us, evil: PeerServer, mallory: Account) -> None:
    """C7: links of HTML pages and of headers are not followed."""
    link = f'<link rel="alternate" type="application/activity+json" href="{evil.uri("other")}">'
    evil.serve("page", faults.document(f"<html><head>{link}</head></html>".encode(), ctype="text/html"))
    async with us.unchanged(evil):
        reply = await mallory.send(us.inbox, mallory.activity("Like", us.public), key_id=evil.uri("page"))
    assert reply.status == 401
    assert evil.fetched == ["/page"]


HTML = {
    "unclosed": "<a" * 300_000,
    "nested": "<b>" * 200_000,
    "ampersands": "&" * 600_000,
    "entities": "&#x" * 250_000,
    "attributes": "<a " + "x=y " * 150_000 + ">",
    "quotes": "<a href='" * 60_000,
    "comments": "<!--" * 150_000,
    "hosts": "a." * 300_000,
    "mentions": "@a@" * 200_000,
    "spaces": " " * 600_000,
}


@pytest.mark.parametrize("kind", HTML)
async def test_text_that_is_slow_to_read(us: Us, carla: Account, kind: str) -> None:
    """C7, E4 (CVE-2025-68475): most of a mebibyte in every place for text, and the server goes on answering."""
    await us.follow(carla)
    third = HTML[kind][: 250 * 1024]
    note = carla.note(HTML[kind][: 500 * 1024], name=third[: 60 * 1024], summary=third[: 60 * 1024])
    note["source"] = {"content": third[: 60 * 1024]}
    async with us.unchanged(but=(*TAKEN_IN, "posts"), within=2 * PROMPT):
        assert (await carla.send(us.inbox, carla.create(note))).status == 202
        assert (await carla.get(us.public)).status == 200


async def test_threads_are_not_crawled(us: Us, evil: PeerServer, carla: Account) -> None:
    """C8 (CVE-2022-46405): of a reply to a reply to a reply, each by a new actor, nothing is fetched."""
    await us.follow(carla)
    evil.wildcard = faults.computed(lambda request: {"id": evil.uri(request.target[1:]), "inReplyTo": evil.uri("x/y")})
    note = carla.note("a reply", inReplyTo=evil.uri("x/1"), replies=evil.uri("x/replies"), context=evil.uri("x/all"))
    async with us.unchanged(but=(*TAKEN_IN, "posts")):
        assert (await carla.send(us.inbox, carla.create(note))).status == 202
    assert evil.fetched == []


async def test_one_activity_causes_few_fetches(us: Us, evil: PeerServer, victim: PeerServer, carla: Account) -> None:
    """C8: a boost of an activity that wraps an activity of another actor, each on a new name: five requests at most."""
    await us.follow(carla)

    def wrapped(request: Any) -> Document:
        number = int(request.target.rpartition("/")[2])
        here = f"http://{request.headers['host']}"
        following = f"http://n{number + 1}.{evil.authority}/{number + 1}"
        return {"id": here + request.target, "type": "Announce", "actor": f"{here}/a/{number}", "object": following}

    evil.wildcard = faults.computed(wrapped)
    async with us.unchanged(evil, but=TAKEN_IN) as watch:
        assert (await carla.send(us.inbox, carla.activity("Announce", f"http://n1.{evil.authority}/1"))).status == 202
    assert len(evil.fetched) <= 5
    assert "done" not in watch.outcomes


@pytest.mark.parametrize(("way", "fetches"), [("itself", 3), ("always new", 12), ("elsewhere", 2)])
async def test_collections_without_end(
    us: Us, evil: PeerServer, victim: PeerServer, mallory: Account, way: str, fetches: int
) -> None:
    """C9: ten pages at most, none of another origin, and nobody stops following because of half a list."""
    await us.follow(mallory)
    first = victim.uri("page") if way == "elsewhere" else evil.uri("page")
    evil.wildcard = faults.loop_next(evil.uri("page"), new_each_time=way == "always new")
    evil.serve("sync", {"id": evil.uri("sync"), "type": "OrderedCollection", "first": first})
    told = f'collectionId="{mallory.followers}", digest="{"1" * 64}", url="{evil.uri("sync")}"'
    async with us.unchanged(evil, but=TAKEN_IN) as watch:
        # The second is dealt with only after all that the first one caused.
        for extra in ({"Collection-Synchronization": told}, {}):
            like = mallory.activity("Dislike", us.public)
            assert (await mallory.send(us.inbox, like, extra=extra)).status == 202
            await us.settled()
    assert watch.outcomes == ["ignored", "ignored"]
    assert len(evil.fetched) == fetches, "the actor, the collection, and its pages"
    assert victim.listener.requests == []
    async with us.federation.reading() as context:
        assert await follows.find(context, follower=us.uri(us.kim), followee=mallory.id) is not None


ENTITIES = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">{}]><XRD>&{};</XRD>'
XML = {
    "laughs": ENTITIES.format("".join(f'<!ENTITY {n} "{f"&{p};" * 9}">' for p, n in pairwise("bcdefghi")), "i"),
    "a file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><XRD>&a;</XRD>',
    "a request": '<!DOCTYPE x SYSTEM "{evil}/dtd"><XRD/>',
    "a parameter": '<!DOCTYPE x [<!ENTITY % a SYSTEM "{evil}/dtd">%a;]><XRD/>',
    "an inclusion": '<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{evil}/dtd"/></x>',
    "depth": "<x>" * 10_000,
}


@pytest.mark.parametrize("kind", XML)
async def test_xml_that_is_more_than_it_seems(us: Us, evil: PeerServer, kind: str) -> None:
    """C11: host-meta is read without entities, document types and inclusions."""
    page = XML[kind].replace("{evil}", evil.base).encode()
    evil.serve(".well-known/host-meta", faults.document(page, ctype="application/xrd+xml"))
    async with us.unchanged(evil, within=PROMPT):
        with pytest.raises(FetchFailed):
            await look_up(us.federation, f"nobody@{evil.authority}")
    assert "/dtd" not in evil.fetched


async def test_a_key_that_cannot_be_had_is_asked_for_once(us: Us, mallory: Account) -> None:
    """C12 (CVE-2026-34148): of 200 requests at the same time, and of those after them."""
    async with peer_server("closed") as closed:
        key_id, place = closed.uri("key"), closed.place
    before = len(outbound().places)

    async def attempt() -> tuple[int, float]:
        reply = await mallory.send(us.inbox, mallory.activity("Like", us.public), key_id=key_id)
        return reply.status, reply.seconds

    async with us.unchanged(closed):
        for _ in range(4):
            replies = await asyncio.gather(*(attempt() for _ in range(50)))
            assert {status for status, _ in replies} == {401}
    assert outbound().places[before:].count(place) <= 3
    assert (await attempt())[1] < PROMPT


async def test_a_host_makes_only_so_many_actors_known(us: Us, evil: PeerServer, mallory: Account) -> None:
    """C8, C13: after 400 within an hour, a domain's next new actor is not taken in, on whatever host and port."""
    memory, now = us.federation.memory, us.federation.clock()
    for _ in range(NEWCOMERS):
        assert memory.newcomers.admit(host_of(mallory.id), now)
    below = evil.actor("below", key=2, host=f"n1.{evil.authority}")
    async with us.unchanged(evil):
        for account in (mallory, below):
            assert (await account.send(us.inbox, account.activity("Like", us.public))).status == 401


async def test_a_domain_makes_only_so_many_hosts_known(us: Us, evil: PeerServer) -> None:
    """C8 (CVE-2022-46405): of wildcard names of one domain, ten a day are taken in."""
    accounts = [evil.actor("bot", host=f"n{number}.{evil.authority}") for number in range(NEW_HOSTS + 3)]
    async with us.unchanged(evil, but=(*TAKEN_IN, *CACHED, "budgets", "reactions")) as watch:
        statuses = [(await one.send(us.inbox, one.activity("Like", us.public))).status for one in accounts]
    assert statuses == [202] * NEW_HOSTS + [401] * 3
    assert watch.changed["remote_actors"] == (0, NEW_HOSTS)


async def test_silent_hosts_of_one_domain_are_left_alone(us: Us, evil: PeerServer, mallory: Account) -> None:
    """C12: names below one domain that never answer are asked ten times in all, not ten times each."""
    await us.know(mallory)
    async with peer_server("closed") as closed:
        place, authority = closed.place, closed.authority
    before = len(outbound().places)
    async with us.unchanged(closed, evil):
        for number in range(SILENT_FETCHES + 20):
            key_id = f"http://n{number}.{authority}/key"
            assert (await mallory.send(us.inbox, mallory.activity("Like", us.public), key_id=key_id)).status == 401
    assert outbound().places[before:].count(place) == SILENT_FETCHES


GROWN: dict[str, Callable[[], Document]] = {
    "tags": lambda: {"tag": [{"type": "Hashtag", "name": f"#t{n}"} for n in range(8_000)]},
    "mentions": lambda: {"tag": [{"type": "Mention", "href": f"https://x.example/{n}"} for n in range(8_000)]},
    "options": lambda: {"type": "Question", "oneOf": [{"type": "Note", "name": f"o{n}"} for n in range(8_000)]},
    "media": lambda: {"attachment": [{"type": "Image", "url": f"https://x.example/{n}"} for n in range(8_000)]},
    "addressees": lambda: {"cc": [f"https://x.example/{n}" for n in range(15_000)]},
    "title": lambda: {"type": "Article", "name": "n" * 900_000},
    "warning": lambda: {"summary": "s" * 900_000},
    "languages": lambda: {"contentMap": {f"l{n}": "x" for n in range(20_000)}},
    "strangers": lambda: {f"x{n}": n for n in range(20_000)},
}


@pytest.mark.parametrize("kind", GROWN)
async def test_posts_keep_their_size(us: Us, carla: Account, kind: str) -> None:
    """C13 (CVE-2026-23962): whatever is sent, a bounded part of it is stored."""
    await us.follow(carla)
    note = carla.note("small", **GROWN[kind]())
    async with us.unchanged(but=(*TAKEN_IN, "posts"), within=2 * PROMPT) as watch:
        assert (await carla.send(us.inbox, carla.create(note))).status == 202
    assert watch.outcomes == ["done"]
    async with us.federation.reading() as context:
        post = await records.find_stored(context, note["id"])
    assert post is not None
    assert len(post.content.to_json()) < 128 * 1024


@pytest.mark.parametrize("wide", ["tag", "oneOf", "to", "attachment"])
async def test_posts_beyond_all_measure(us: Us, carla: Account, wide: str) -> None:
    """C13: 100 000 of anything is no activity."""
    await us.know(carla)
    many: dict[str, Any] = {wide: ["x"] * 100_000}
    body = encoded(carla.create(carla.note(**many)))
    async with us.unchanged(within=PROMPT):
        assert (await carla.send(us.inbox, body)).status == 400


ACTORS: dict[str, Callable[[], Document]] = {
    "fields": lambda: {"attachment": [{"type": "PropertyValue", "name": "n", "value": "v"} for _ in range(10_000)]},
    "aliases": lambda: {"alsoKnownAs": [f"https://x.example/{n}" for n in range(30_000)]},
    "name": lambda: {"name": "n" * 900_000},
    "keys": lambda: {"assertionMethod": [{"id": f"https://x.example/{n}"} for n in range(10_000)]},
}


@pytest.mark.parametrize("kind", ACTORS)
async def test_actors_keep_their_size(us: Us, evil: PeerServer, mallory: Account, carla: Account, kind: str) -> None:
    """C13 (CVE-2026-23963): too big an actor is refused when fetched, and as an Update changes nothing."""
    await us.know(carla)
    mallory.publish(**ACTORS[kind]())
    async with us.unchanged(evil, but=TAKEN_IN, within=PROMPT) as watch:
        assert (await mallory.send(us.inbox, mallory.activity("Like", us.public))).status == 401
        update = carla.activity("Update", carla.document(**ACTORS[kind]()))
        assert (await carla.send(us.inbox, update)).status in (202, 400)
    assert "done" not in watch.outcomes


async def test_names_of_actors_are_cut(us: Us, evil: PeerServer, mallory: Account) -> None:
    """C13: what fits is still cut to what is shown."""
    mallory.publish(name="n" * 50_000, summary="s" * 50_000, alsoKnownAs=[f"https://x.example/{n}" for n in range(999)])
    async with us.unchanged(evil, but=(*CACHED, *TAKEN_IN)):
        assert (await mallory.send(us.inbox, mallory.activity("Dislike", us.public))).status == 202
    async with us.federation.reading() as context:
        known = await known_actor(context, mallory.id)
    assert known is not None
    assert (len(known.name), len(known.summary), len(known.also_known_as)) == (2_048, 20_000, 256)
