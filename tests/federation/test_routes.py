"""What this server answers to a GET: to everybody, to a signer who may, and the same nothing to everyone else."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from federation import follows
from federation.follows import Edge
from federation.serving import preferred_form
from federation.vocabulary.builders import like
from models import LocalActor
from tests.conftest import Clock
from tests.federation.program import Note
from tests.federation.running import Running
from tests.federation.strangers import ACTIVITY_JSON, US, Stranger, strangers

MARKER = "the secret word"


@pytest.fixture
async def eve(clock: Clock) -> AsyncIterator[Stranger]:
    async with strangers("other", "eve", clock=clock) as (_, made):
        yield made


async def get(us: Running, path: str, accept: str = ACTIVITY_JSON, **headers: str) -> httpx.Response:
    return await us.http.get(path, headers={"Accept": accept, **headers})


async def signed(us: Running, who: Stranger, path: str, **how: Any) -> httpx.Response:
    return await us.http.get(path, headers=who.sign_get(path, **how))


async def write(us: Running, text: str, **how: Any) -> str:
    """A note by Ada; returns its path."""
    async with us.database.reading() as context:
        document = await us.program.write(context, us.ada, text, **how)
    return str(document["id"]).removeprefix(US)


def varies(answer: httpx.Response) -> None:
    assert answer.headers["vary"] == "Accept, Signature, Signature-Input"


async def test_an_actor_is_served_to_anybody(us: Running, bob: Stranger) -> None:
    """Without asking who signed: two servers that both want to know first would wait for each other."""
    path = f"/ap/actors/{us.ada.id}"
    for answer in (await get(us, path), await signed(us, bob, path), await get(us, path, Signature="nonsense")):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == ACTIVITY_JSON
        assert answer.headers["cache-control"] == "public, max-age=60"
        varies(answer)
        assert answer.json()["id"] == US + path
    assert bob.peer.targets == []
    instance = await get(us, "/ap/instance")
    assert (instance.status_code, instance.json()["type"]) == (200, "Application")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/activity+json", "activity"),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', "activity"),
        ("application/activity+json, text/html;q=0.5", "activity"),
        ("text/html;q=0.5, application/ld+json", "activity"),
        ("", "activity"),
        ("*/*", "activity"),
        ("application/*", "activity"),
        ("application/json", "activity"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "page"),
        ("text/html", "page"),
        ("application/activity+json;q=0.5, text/html", "page"),
        ("text/*, application/activity+json;q=0", "page"),
        ("image/png", None),
        ("text/html;q=0", None),
        ("text/html;q=nan", None),
        ("application/activity+json;q=1e9", None),
        ("q=1;,;;=/;*", None),
        ("text/plain, */*;q=0.1", "activity"),
    ],
)
def test_forms_are_negotiated(accept: str, form: str | None) -> None:
    assert preferred_form(accept) == form


async def test_browsers_are_led_to_the_page(us: Running) -> None:
    note = await write(us, "hello")
    for path, page in ((note, f"{US}/@ada/n0"), (f"/ap/actors/{us.ada.id}", f"{US}/@ada")):
        answer = await get(us, path, accept="text/html")
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        varies(answer)
    us.program.notes["n0"].document["url"] = "https://elsewhere.example/"
    assert (await get(us, note, accept="text/html")).headers["content-type"] == ACTIVITY_JSON
    assert (await get(us, note, accept="image/png")).status_code == 406
    assert (await get(us, "/ap/objects/none", accept="image/png")).status_code == 406


async def test_a_public_note_needs_no_signature_and_heeds_no_bad_one(us: Running, bob: Stranger) -> None:
    path = await write(us, "hello")
    for answer in (await get(us, path), await get(us, path, Signature="x"), await signed(us, bob, path)):
        assert answer.status_code == 200
        assert answer.json()["content"] == "<p>hello</p>"
        assert answer.headers["cache-control"] == "public, max-age=60"
    assert bob.peer.targets == []


async def test_a_hidden_note_is_for_its_readers_alone(us: Running, bob: Stranger, eve: Stranger) -> None:
    """HOSTILE B11, B12: for everyone else it is exactly as missing as one that never was."""
    path = await write(us, MARKER, readers=frozenset({bob.id}))
    answer = await signed(us, bob, path)
    assert answer.status_code == 200
    assert MARKER in answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    varies(answer)
    for part in ("", "/activity", "/replies"):
        assert (await signed(us, bob, path + part)).status_code == 200
        missing = await get(us, f"/ap/objects/none{part}")
        for other in (
            await get(us, path + part),
            await get(us, path + part, accept="text/html"),
            await get(us, path + part, Signature="x"),
            await signed(us, eve, path + part),
            await signed(us, bob, path + part, key=eve.key),
            await signed(us, eve, "/ap/objects/none" + part),
        ):
            assert (other.status_code, other.content, other.headers) == (404, missing.content, missing.headers)


async def test_a_readers_server_is_blocked(us: Running, bob: Stranger) -> None:
    path = await write(us, MARKER, readers=frozenset({bob.id}))
    assert (await signed(us, bob, path)).status_code == 200
    await us.block("127.0.0.1")
    assert (await signed(us, bob, path)).status_code == 404


async def test_the_create_of_a_note(us: Running) -> None:
    path = await write(us, "hello")
    create = (await get(us, f"{path}/activity")).json()
    assert (create["id"], create["type"]) == (f"{US}{path}/activity", "Create")
    assert create["actor"] == create["object"]["attributedTo"] == f"{US}/ap/actors/{us.ada.id}"
    assert create["to"] == create["object"]["to"]
    assert "@context" in create
    assert "@context" not in create["object"]


async def test_deleted_notes_leave_a_tombstone(us: Running) -> None:
    path = await write(us, MARKER)
    us.program.notes["n0"].deleted = True
    answer = await get(us, path)
    assert (answer.status_code, answer.json()["type"]) == (410, "Tombstone")
    assert MARKER not in answer.text


async def test_activities_with_ids_of_their_own(us: Running, bob: Stranger) -> None:
    ada = f"{US}/ap/actors/{us.ada.id}"
    liked = like(id=f"{US}/ap/activities/l1", actor=ada, object=bob.uri("n/1"), to=[bob.id])
    us.program.activities["l1"] = Note(liked, frozenset({bob.id}))
    assert (await signed(us, bob, "/ap/activities/l1")).json()["type"] == "Like"
    assert (await get(us, "/ap/activities/l1")).content == (await get(us, "/ap/activities/l2")).content


async def test_the_outbox_has_pages(us: Running) -> None:
    outbox = f"/ap/actors/{us.ada.id}/outbox"
    empty = (await get(us, outbox)).json()
    assert (empty["type"], empty["totalItems"], "first" in empty) == ("OrderedCollection", 0, False)
    for number in range(5):
        await write(us, f"note {number}")
    root = (await get(us, outbox)).json()
    assert (root["totalItems"], "orderedItems" in root) == (5, False)
    seen: list[str] = []
    address = root["first"]
    pages = 0
    while address:
        page = (await get(us, address)).json()
        assert (page["id"], page["type"]) == (address, "OrderedCollectionPage")
        assert page["partOf"] == US + outbox
        seen += page["orderedItems"]
        address = page.get("next")
        pages += 1
    assert (pages, seen) == (3, [f"{US}/ap/objects/n{number}" for number in range(5)])


async def test_hidden_collections_show_not_even_a_number(us: Running) -> None:
    """HOSTILE F1."""
    for name in ("followers", "following"):
        document = (await get(us, f"/ap/actors/{us.ada.id}/{name}")).json()
        assert set(document) == {"@context", "id", "type"}
    for name in ("featured", "moderators"):
        assert (await get(us, f"/ap/actors/{us.ada.id}/{name}")).json()["orderedItems"] == []
    for name in ("events", "posts", "resources", "discussions", "todos"):
        document = (await get(us, f"/ap/instance/{name}")).json()
        assert (document["totalItems"], document["orderedItems"]) == (0, [])


async def test_members_see_what_others_do_not(us: Running, bob: Stranger) -> None:
    path = f"/ap/actors/{us.ada.id}/members"
    theirs = await signed(us, bob, path)
    assert theirs.json()["orderedItems"] == [bob.id]
    assert theirs.headers["cache-control"] == "private, no-store"
    everybodys = await get(us, path)
    assert everybodys.json()["orderedItems"] == []
    assert everybodys.headers["cache-control"] == "public, max-age=60"
    varies(everybodys)


async def test_signers_may_leave_the_query_out(us: Running, bob: Stranger) -> None:
    """WIRE 1.4: several peers do, on GET."""
    path = f"/ap/actors/{us.ada.id}/members?cursor=start"
    for omit_query in (False, True):
        assert (await signed(us, bob, path, omit_query=omit_query)).json()["orderedItems"] == [bob.id]


@pytest.mark.parametrize("cursor", ["", "x" * 201])
async def test_cursors_of_no_use(us: Running, cursor: str) -> None:
    assert (await get(us, f"/ap/actors/{us.ada.id}/outbox?cursor={cursor}")).status_code == 404


async def test_replies_come_with_their_first_page(us: Running) -> None:
    path = await write(us, "hello")
    replies = (await get(us, f"{path}/replies")).json()
    assert (replies["id"], replies["type"], replies["first"]["type"]) == (
        f"{US}{path}/replies",
        "Collection",
        "CollectionPage",
    )
    assert (await get(us, replies["first"]["id"])).json()["items"] == []


async def test_a_server_learns_of_its_own_people_only(us: Running, bob: Stranger, eve: Stranger) -> None:
    """FEP-8fcf."""
    ada = f"{US}/ap/actors/{us.ada.id}"
    async with us.database.writing() as context:
        for follower in (bob.id, eve.id):
            edge = Edge(
                follower=follower,
                followee=ada,
                activity=f"{follower}/f/1",
                inbox=f"{follower}/inbox",
                state="accepted",
                since=context.now.date(),
            )
            await follows.put(context, edge)
    path = f"/ap/actors/{us.ada.id}/followers_synchronization"
    answer = await signed(us, bob, path)
    assert answer.json()["orderedItems"] == [bob.id]
    assert answer.headers["cache-control"] == "private, no-store"
    for refused in (await get(us, path), await signed(us, eve, path, key=bob.key)):
        assert refused.status_code == 401
        assert "accept-signature" in refused.headers
        assert bob.id not in refused.text


async def test_actors_that_are_not_here_or_no_more(us: Running) -> None:
    for part in ("", "/outbox", "/followers", "/members", "/followers_synchronization", "/events"):
        assert (await get(us, f"/ap/actors/nobody{part}")).status_code == 404
    async with us.database.writing() as context:
        await context.session.execute(update(LocalActor).where(col(LocalActor.id) == us.ada.id).values(state="deleted"))
    for part in ("", "/outbox", "/followers"):
        gone = await get(us, f"/ap/actors/{us.ada.id}{part}")
        assert (gone.status_code, gone.json()["type"]) == (410, "Tombstone")
        assert "ada" not in gone.json()


async def test_methods_that_do_not_belong(us: Running) -> None:
    assert (await us.http.get("/ap/inbox")).status_code == 405
    assert (await us.http.post(f"/ap/actors/{us.ada.id}")).status_code == 405
    assert (await us.http.head(f"/ap/actors/{us.ada.id}")).status_code == 200


async def test_nothing_shows_a_hidden_note(us: Running, bob: Stranger, eve: Stranger) -> None:
    """HOSTILE B13: every address, as nobody and as a stranger."""
    note = await write(us, MARKER, readers=frozenset({bob.id}))
    hidden = US + note
    ada = f"/ap/actors/{us.ada.id}"
    names = ("outbox", "followers", "following", "featured", "moderators", "members", "events", "posts")
    paths = [ada, note, f"{note}/activity", f"{note}/replies", "/ap/activities/n0", "/ap/objects/n0/likes"]
    paths += [f"{ada}/{name}{query}" for name in names for query in ("", "?cursor=start")]
    for path in paths:
        for answer in (await get(us, path), await signed(us, eve, path)):
            assert MARKER not in answer.text
            assert hidden not in json.dumps(answer.text)
