"""Documents that are not what, or whose, they claim to be (HOSTILE A4, A5, A10 to A14)."""

import json
from collections import Counter
from typing import Any

import pytest

from federation.fetch_errors import FetchFailed
from federation.remote import look_up
from tests.hostile import faults
from tests.hostile.peer import Account, PeerServer
from tests.hostile.us import CACHED, TAKEN_IN, Us
from tests.hostile.wire import Document, encoded

pytestmark = pytest.mark.asyncio(loop_scope="module")


def path_of(note: Document) -> str:
    """The path of a note on its server."""
    return "/" + str(note["id"]).split("/", 3)[3]


async def test_an_honest_boost_is_shown(
    us: Us, mallory: Account, evil: PeerServer, victim: PeerServer, carla: Account
) -> None:
    """What A4 and A5 are held against: what Carla's server serves as hers is stored as hers."""
    await us.follow(mallory)
    note = carla.note("honest")
    victim.pages[path_of(note)] = note
    async with us.unchanged(victim, but=(*TAKEN_IN, *CACHED, "budgets", "posts", "reactions")):
        assert (await mallory.send(us.inbox, mallory.activity("Announce", note["id"]))).status == 202
    assert await us.text_of(note["id"]) == "honest"


async def test_an_object_with_the_id_of_another(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """A4 (CVE-2024-23832): what Mallory's server serves as Carla's is never stored, however it is come by."""
    await us.follow(mallory)
    posed = carla.note("never said")
    evil.serve("post", posed)
    inside = mallory.create(mallory.note(path="post"))
    async with us.unchanged(evil, victim, but=TAKEN_IN) as watch:
        for activity in (
            mallory.activity("Announce", evil.uri("post")),
            mallory.activity("Announce", posed),
            mallory.activity("Create", evil.uri("post")),
            mallory.activity("Create", posed),
            mallory.activity("Update", posed),
            {**inside, "object": evil.uri("post")},
        ):
            assert (await mallory.send(us.inbox, {**activity, "id": mallory.activity("x", "")["id"]})).status == 202
    assert set(watch.outcomes) == {"refused"}
    assert await us.text_of(posed["id"]) is None


async def test_an_open_redirect_on_the_origin(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """A4 (Akkoma 3.12): what is served elsewhere is not the origin's, whatever led there."""
    await us.follow(mallory)
    away = victim.uri("go?to=evil")
    posed = carla.note("never said") | {"id": away}
    victim.serve("go?to=evil", faults.redirect(evil.serve("post", posed)))
    async with us.unchanged(evil, victim, but=TAKEN_IN) as watch:
        assert (await mallory.send(us.inbox, mallory.activity("Announce", away))).status == 202
    assert watch.outcomes == ["refused"]
    assert evil.fetched[-1] == "/post"


TYPES = ["text/plain", "application/json", "application/ld+json", "image/svg+xml", "text/html", "", None]
TYPES += ["application/activity+jsonx", 'application/ld+json; profile="https://evil.example/"', "multipart/mixed"]


@pytest.mark.parametrize("ctype", TYPES)
async def test_documents_under_other_types(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account, ctype: str | None
) -> None:
    """A5 (CVE-2024-25623): uploads are no statements. As object, as actor, as key."""
    await us.follow(carla)
    note = mallory.note("an upload")
    evil.pages[path_of(note)] = faults.document(note, ctype=ctype)
    mallory.answer(faults.document(mallory.document(), ctype=ctype))
    async with us.unchanged(evil, but=TAKEN_IN) as watch:
        assert (await mallory.send(us.inbox, mallory.create(note))).status == 401
        assert (await carla.send(us.inbox, carla.activity("Announce", note["id"]))).status == 202
    assert watch.outcomes == ["refused"]


def _ambiguous(good: bytes) -> dict[str, bytes]:
    """Bodies that two readers may read in two ways, and bodies that cannot be read at all."""
    end = good.rindex(b"}")
    return {
        "a key twice": good[:end] + b',"actor":"https://other.example/"}',
        "a key twice inside": good[:end] + b',"x":{"a":1,"a":2}}',
        "a key twice, escaped": good[:end] + b',"\\u0061ctor":"https://other.example/"}',
        "NaN": good[:end] + b',"x":NaN}',
        "infinity": good[:end] + b',"x":-Infinity}',
        "too great": good[:end] + b',"x":1e400}',
        "an integer too great": good[:end] + b',"x":9007199254740993}',
        "NUL": good[:end] + b',"x":"\\u0000"}',
        "a bare NUL": good[:end] + b',"x":"\0"}',
        "half a pair": good[:end] + b',"x":"\\ud800"}',
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "Latin-1": good[:end] + b',"x":"\xe4"}',
        "overlong": good[:end] + b',"x":"\xc0\xaf"}',
        "a list": b"[" + good + b"]",
        "two documents": good + good,
        "a comment": good + b"// x",
        "a comma too many": good[:end] + b",}",
        "half of it": good[: len(good) // 2],
        "nothing": b"",
        "a string": b'"x"',
        "__proto__": good[:end] + b',"__proto__":{"actor":"https://other.example/"}}',
    }


AMBIGUOUS = sorted(_ambiguous(b"{}"))


@pytest.mark.parametrize("kind", AMBIGUOUS)
async def test_bodies_that_say_two_things(us: Us, mallory: Account, kind: str) -> None:
    """A10: signed correctly, byte for byte."""
    await us.know(mallory)
    body = _ambiguous(encoded(mallory.activity("Like", us.public)))[kind]
    async with us.unchanged():
        assert (await mallory.send(us.inbox, body)).status == 400


WRONG: list[Document] = [
    {"actor": ["{mallory}", "{carla}"]},
    {"actor": []},
    {"actor": {"id": ["{mallory}"]}},
    {"actor": {"type": "Person"}},
    {"actor": 7},
    {"actor": None},
    {"actor": "mallory"},
    {"actor": "acct:mallory@evil.localhost"},
    {"id": None},
    {"id": ["{mallory}/1", "{carla}/1"]},
    {"id": {"id": "{mallory}/1"}},
    {"id": "urn:uuid:1"},
    {"id": "{mallory}/1\n"},
    {"type": None},
    {"type": []},
    {"type": 7},
    {"type": {"id": "Like"}},
    {"object": ["{mallory}/1", "{carla}/1"]},
    {"object": {"id": 7}},
    {"object": {"id": ["{mallory}/1"]}},
    {"object": 7},
    {"target": ["{mallory}/1", "{carla}/1"]},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_values_of_another_kind(us: Us, mallory: Account, carla: Account, wrong: Document) -> None:
    """A10: lists for single values, objects for ids, no ids at all."""
    await us.know(mallory, carla)
    text = encoded(wrong).decode().replace("{mallory}", mallory.id).replace("{carla}", carla.id)
    field = next(iter(wrong))
    activity = {key: value for key, value in mallory.activity("Like", us.public).items() if key != field}
    body = encoded(activity).decode()[:-1] + ", " + text[1:]
    async with us.unchanged():
        assert (await mallory.send(us.inbox, body.encode())).status == 400


OWNERS: list[Any] = [
    1,
    True,
    "robin",
    ["{carla}", "{mallory}"],
    ["{mallory}", "{us}"],
    {"id": "{us}"},
    "{us}",
    {"id": 1},
    [["{mallory}"]],
    "{mallory}/../carla",
    "{mallory}#main-key",
]


@pytest.mark.parametrize("owner", OWNERS, ids=str)
async def test_authors_of_another_kind(
    us: Us, evil: PeerServer, mallory: Account, carla: Account, owner: object
) -> None:
    """A11: neither the embedded post nor the served one is believed, though it is addressed to Kim by name."""
    await us.know(carla)
    await us.follow(mallory)
    ids = {"{carla}": carla.id, "{mallory}": mallory.id, "{us}": us.uri(us.robin)}
    text = encoded(mallory.note(attributedTo=owner, to=[us.uri(us.kim)])).decode()
    for name, uri in ids.items():
        text = text.replace(name, uri)
    note = json.loads(text)
    evil.pages[path_of(note)] = note
    async with us.unchanged(evil, but=TAKEN_IN) as watch:
        assert (await mallory.send(us.inbox, mallory.create(note))).status == 202
        assert (await mallory.send(us.inbox, mallory.activity("Announce", note["id"]))).status == 202
    assert await us.text_of(note["id"]) is None
    assert "done" not in watch.outcomes


def _spellings(us: Us) -> list[str]:
    """Our own origin as it may be spelled to slip through."""
    host, port = us.server.domain.split(":")
    return [
        us.base,
        f"http://US.localhost:{port}",
        f"http://us.localhost.:{port}",
        f"https://{host}:{port}",
        f"http://x@{host}:{port}",
        f"http://x:y@{host}:{port}",
        f"http://us%2elocalhost:{port}",
        f"http://us\u3002localhost:{port}",
        f"http://\uff55\uff53.localhost:{port}",
        f"http://us.localhost:0{port}",
        f"http://us.local\u00adhost:{port}",
    ]


@pytest.mark.parametrize("number", range(11))
async def test_ids_of_ours_from_elsewhere(us: Us, evil: PeerServer, mallory: Account, number: int) -> None:
    """A12: as id, actor, key, object and author, in every spelling; and we never ask ourselves."""
    await us.follow(mallory)
    ours = _spellings(us)[number] + f"/ap/actors/{us.robin.id}"
    like = mallory.activity("Like", us.public)
    signed: dict[str, Any] = {"key_id": f"{ours}#main-key"}
    async with us.unchanged(evil, but=TAKEN_IN) as watch:
        assert (await mallory.send(us.inbox, {**like, "id": ours})).status == 400
        assert (await mallory.send(us.inbox, {**like, "id": f"{ours}/9", "actor": ours})).status == 400
        assert (await mallory.send(us.inbox, {**like, "id": f"{ours}/9", "actor": ours}, **signed)).status in (400, 401)
        for note in (mallory.note(id=f"{ours}/n/1"), mallory.note(attributedTo=ours), {"id": ours, "type": "Person"}):
            for verb in ("Create", "Update"):
                assert (await mallory.send(us.inbox, mallory.activity(verb, note))).status in (202, 400)
        assert (await mallory.send(us.inbox, mallory.activity("Delete", ours))).status in (202, 400)
        evil.serve("lead", faults.redirect(ours))
        assert (await mallory.send(us.inbox, mallory.activity("Announce", evil.uri("lead")))).status == 202
    assert set(watch.outcomes) <= {"refused", "ignored"}
    assert "done" not in watch.outcomes


HANDLES = [
    "robin@evil\uff0elocalhost",
    "robin@evil.localhost/../x",
    "robin@evil.localhost\\x",
    "robin@evil.localhost:1\n.example",
    "ro bin@evil.localhost",
    "robin@x@evil.localhost",
    "robin@evil.localhost#x",
    "robin@evil.localhost?x",
    "rob\u202ein@evil.localhost",
    "robin@[::1]",
    "robin@127.1",
    "robin@0x7f000001",
    "robin@",
    "@evil.localhost",
]


@pytest.mark.parametrize("handle", HANDLES, ids=ascii)
async def test_handles_on_hosts_that_are_not_what_they_seem(us: Us, handle: str) -> None:
    """A13 (CVE-2023-42451): nothing is asked."""
    async with us.unchanged():
        with pytest.raises(FetchFailed):
            await look_up(us.federation, handle)


async def test_a_handle_that_both_ends_claim(us: Us, evil: PeerServer, mallory: Account) -> None:
    """What A14 is held against; and a host has one spelling, however it is written (A13)."""
    port = evil.listener.port
    name = f"{evil.host}.localhost"
    for host in (name, name.upper(), name.replace("v", "\uff56"), f"{name}."):
        assert (await look_up(us.federation, f"mallory@{host}:{port}")).id == mallory.id
    assert len([path for path in evil.fetched if "webfinger" in path]) == 1


async def test_handles_that_one_end_claims(
    us: Us, evil: PeerServer, mallory: Account, victim: PeerServer, carla: Account
) -> None:
    """A14 (Akkoma 3.18): a host cannot take in an actor of another, nor an actor take the name of another."""
    await us.know(carla)
    mallory.finger("admin", carla.id)
    mallory.finger("carla", mallory.id, subject=f"acct:carla@{victim.authority}")
    twin = evil.actor("twin", key=2, published=False)
    twin.answer(twin.document(preferredUsername="mallory", webfinger=f"carla@{victim.authority}"))
    mallory.finger("twin", twin.id)
    mallory.finger("nobody", mallory.id, subject=f"acct:mallory@{evil.authority}\n")
    async with us.unchanged(evil, victim, but=CACHED):
        for name in ("admin", "twin", "nobody"):
            with pytest.raises(FetchFailed):
                await look_up(us.federation, f"{name}@{evil.authority}")
        # Whom another host calls by its own name, that host is asked about: it is Carla, and never Mallory.
        assert (await look_up(us.federation, f"carla@{evil.authority}")).id == carla.id
    assert (await look_up(us.federation, f"carla@{victim.authority}")).id == carla.id


async def test_two_actors_of_one_name(us: Us, evil: PeerServer, mallory: Account) -> None:
    """A14: an actor is its id. Another of the same name gets nothing of what the first one has."""
    await us.follow(mallory)
    twin = evil.actor("twin", key=2, published=False)
    twin.answer(twin.document(preferredUsername="mallory"))
    note = twin.note("not followed")
    async with us.unchanged(evil, but=(*TAKEN_IN, *CACHED)) as watch:
        assert (await twin.send(us.inbox, twin.create(note))).status == 202
        stolen = twin.activity("Update", mallory.document(publicKey=twin.document()["publicKey"]))
        assert (await twin.send(us.inbox, stolen)).status == 202
    assert Counter(watch.outcomes) == {"ignored": 1, "refused": 1}
    assert await us.outcome_of(stolen) == "refused"
    assert (await look_up(us.federation, f"mallory@{evil.authority}")).id == mallory.id
