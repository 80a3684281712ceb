"""Followers synchronization (FEP-8fcf) over real connections, both ways, and those who would misuse it."""

import re
from collections.abc import AsyncIterator
from datetime import date

import pytest
from sqlalchemy import update
from sqlmodel import col

from crypto.digests import followers_digest
from federation import follows, identities, synchronization
from federation.context import Viewer
from federation.fetch import FetchFailed
from federation.origin import INSTANCE_ID
from federation.synchronization import CannotSynchronize, Difference, parse_header, synchronize
from federation.vocabulary.actors import Actor
from models import Follow
from server.db import Database
from tests.conftest import Clock
from tests.federation.receiver import Receiver
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender

DIGEST = "c33f48cd341ef046a206b8a72ec97af65079f9a3a9b90eef79c5920dce45c61f"
OURS = [f"http://groundswell.test/ap/actors/{name}" for name in ("ada", "bea", "cid")]


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        async with database.writing() as context:
            await identities.make_actor(
                context,
                kind="Application",
                handle="groundswell.test",
                keypairs=await identities.make_keypairs(),
                actor_id=INSTANCE_ID,
            )
        yield made


async def follow(sender: Sender, follower: str, followee: str, state: follows.State = "accepted") -> None:
    async with sender.database.writing() as context:
        await follows.put(
            context,
            follows.Edge(
                follower=follower,
                followee=followee,
                activity=f"{follower}#follow",
                inbox=f"{follower}/inbox",
                state=state,
                since=date(2026, 6, 7),
            ),
        )


def own_uri(sender: Sender) -> str:
    return sender.federation.origin.actor(sender.actor.id)


async def test_the_header_tells_each_server_the_digest_of_its_own_followers(sender: Sender) -> None:
    async with sender.receiver() as one, sender.receiver() as two, sender.receiver() as three:
        for name in ("bob", "eve"):
            await follow(sender, one.inbox(name), own_uri(sender))
        await follow(sender, two.inbox("kim"), own_uri(sender))
        await follow(sender, two.inbox("lee"), own_uri(sender), state="requested")
        everywhere = [there.inbox() for there in (one, two, three)]
        await sender.enqueue("Create", 1, *everywhere, synchronize_followers=True)
        await sender.deliver()
        expected = {one.host: [one.inbox("bob"), one.inbox("eve")], two.host: [two.inbox("kim")], three.host: []}
        for there in (one, two, three):
            [taken] = there.taken
            told = parse_header(taken.headers["collection-synchronization"])
            assert told.digest == followers_digest(expected[there.host])
            assert told.collection == own_uri(sender) + "/followers"
            assert told.url == own_uri(sender) + "/followers_synchronization"
            assert re.search(r'^"?collection-synchronization"?: collectionId=', taken.signed, re.MULTILINE)


async def test_the_header_is_signed_in_the_other_form_too(sender: Sender) -> None:
    async with sender.receiver(accepts=("rfc9421",)) as there:
        await sender.enqueue("Create", 1, there.inbox(), synchronize_followers=True)
        await sender.deliver()
        assert '"collection-synchronization": collectionId=' in there.taken[0].signed


async def test_other_deliveries_carry_no_header(sender: Sender) -> None:
    async with sender.receiver() as there:
        await sender.enqueue("Create", 1, there.inbox())
        await sender.deliver()
        assert "collection-synchronization" not in there.taken[0].headers


async def test_too_many_followers_mean_no_header(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synchronization, "MAX_FOLLOWERS", 1)
    async with sender.receiver() as there:
        for name in ("bob", "eve"):
            await follow(sender, there.inbox(name), own_uri(sender))
        await sender.enqueue("Create", 1, there.inbox(), synchronize_followers=True)
        assert await sender.deliver() == 1
        assert "collection-synchronization" not in there.taken[0].headers


async def test_the_partial_collection_shows_a_server_only_its_own_people(sender: Sender) -> None:
    for uri in ("https://alpha.test/bob", "https://alpha.test:8443/eve", "https://beta.test/kim"):
        await follow(sender, uri, own_uri(sender))
    await follow(sender, "https://alpha.test/waiting", own_uri(sender), state="requested")
    shown = {}
    async with sender.database.reading() as context:
        for host in ("alpha.test", "beta.test", "gamma.test", ""):
            document = await synchronization.partial_collection(context, sender.actor, Viewer("x", host))
            assert document is not None
            assert document["id"] == own_uri(sender) + "/followers_synchronization"
            assert document["totalItems"] == len(document["orderedItems"])
            shown[host] = document["orderedItems"]
        assert await synchronization.partial_collection(context, sender.actor, Viewer()) is None
    assert shown == {
        "alpha.test": ["https://alpha.test/bob"],
        "beta.test": ["https://beta.test/kim"],
        "gamma.test": [],
        "": [],
    }


def test_a_header_is_taken_apart_in_any_order() -> None:
    told = parse_header(f'url="https://a.test/s",digest="{DIGEST.upper()}", collectionId="https://a.test/f", x="y"')
    assert (told.collection, told.digest, told.url) == ("https://a.test/f", DIGEST, "https://a.test/s")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "collectionId",
        f'collectionId="a", digest="{DIGEST}"',
        'collectionId="a", digest="00", url="b"',
        f'collectionId="a", digest="{DIGEST}0", url="b"',
        f'collectionId="a", collectionId="b", digest="{DIGEST}", url="b"',
        f'collectionId="a", digest="{DIGEST}", url="b',
        f'collectionId=a, digest="{DIGEST}", url="b"',
        f'collectionId="a" digest="{DIGEST}" url="b"',
        f'collectionId="a", digest="{DIGEST}", url="b\\"',
        f'collectionId="a", digest="{DIGEST}", url="{"b" * 5_000}"',
        " " * 4_000 + "=",
    ],
)
def test_a_broken_header_is_refused(header: str) -> None:
    with pytest.raises(CannotSynchronize):
        parse_header(header)


def remote_actor(there: Receiver) -> Actor:
    base = there.inbox("users/kim")
    return Actor(id=base, type="Person", preferred_username="kim", inbox=f"{base}/inbox", followers=f"{base}/followers")


def header_of(actor: Actor, listed: list[str], *, url: str | None = None, collection: str | None = None) -> str:
    digest = followers_digest(listed)
    return f'collectionId="{collection or actor.followers}", digest="{digest}", url="{url or actor.id + "/sync"}"'


def put_list(there: Receiver, listed: list[str], *, path: str = "/users/kim/sync", **more: object) -> None:
    there.documents[path] = {"id": there.inbox(path[1:]), "type": "OrderedCollection", "orderedItems": listed} | more


async def followers_here(sender: Sender, actor: Actor) -> set[str]:
    async with sender.database.reading() as context:
        return {edge.follower for edge in await follows.followers_of(context, actor.id, state=None)}


async def test_edges_that_the_other_side_lacks_are_removed(sender: Sender) -> None:
    async with sender.receiver() as there:
        actor = remote_actor(there)
        for uri in (*OURS, "https://alpha.test/bob"):
            await follow(sender, uri, actor.id)
        listed = [OURS[0], "http://groundswell.test/ap/actors/unknown"]
        put_list(there, listed)
        found = await synchronize(sender.federation, sender=actor, header=header_of(actor, listed))
        assert {edge.follower for edge in found.removed} == set(OURS[1:])
        assert found.unknown == ("http://groundswell.test/ap/actors/unknown",)
        assert await followers_here(sender, actor) == {OURS[0], "https://alpha.test/bob"}


async def test_nothing_is_fetched_when_both_agree(sender: Sender) -> None:
    async with sender.receiver() as there:
        actor = remote_actor(there)
        for uri in OURS[:2]:
            await follow(sender, uri, actor.id)
        await follow(sender, OURS[2], actor.id, state="requested")
        header = header_of(actor, OURS[:2])
        assert await synchronize(sender.federation, sender=actor, header=header) == Difference()
        assert there.fetched == []
        assert await followers_here(sender, actor) == set(OURS)


async def test_a_list_over_several_pages_counts_whole(sender: Sender) -> None:
    async with sender.receiver() as there:
        actor = remote_actor(there)
        for uri in OURS:
            await follow(sender, uri, actor.id)
        put_list(there, [], first=there.inbox("users/kim/p1"))
        put_list(there, OURS[:1], path="/users/kim/p1", type="OrderedCollectionPage", next=there.inbox("users/kim/p2"))
        put_list(there, OURS[1:2], path="/users/kim/p2", type="OrderedCollectionPage")
        await synchronize(sender.federation, sender=actor, header=header_of(actor, OURS[:2]))
        assert await followers_here(sender, actor) == set(OURS[:2])


async def test_a_list_with_another_digest_removes_nobody(sender: Sender) -> None:
    async with sender.receiver() as there:
        actor = remote_actor(there)
        await follow(sender, OURS[0], actor.id)
        put_list(there, [])
        with pytest.raises(CannotSynchronize):
            await synchronize(sender.federation, sender=actor, header=header_of(actor, OURS[1:]))
        assert await followers_here(sender, actor) == {OURS[0]}


@pytest.mark.parametrize("kind", ["endless", "loop", "elsewhere", "missing"])
async def test_a_list_that_does_not_end_well_removes_nobody(sender: Sender, kind: str) -> None:
    async with sender.receiver() as there, sender.receiver() as elsewhere:
        actor = remote_actor(there)
        await follow(sender, OURS[0], actor.id)
        if kind != "missing":
            put_list(there, [], first=there.inbox("users/kim/p0"))
        pages = 30 if kind == "endless" else 1
        for number in range(pages):
            following = {
                "endless": there.inbox(f"users/kim/p{number + 1}"),
                "loop": there.inbox("users/kim/p0"),
                "elsewhere": elsewhere.inbox("users/kim/p1"),
                "missing": None,
            }[kind]
            put_list(there, [], path=f"/users/kim/p{number}", next=following)
        with pytest.raises((CannotSynchronize, FetchFailed)):
            await synchronize(sender.federation, sender=actor, header=header_of(actor, []))
        assert await followers_here(sender, actor) == {OURS[0]}
        assert len(there.fetched) <= 11
        assert elsewhere.fetched == []


async def test_a_header_may_speak_only_of_its_sender(sender: Sender) -> None:
    async with sender.receiver() as there, sender.receiver() as victim:
        actor = remote_actor(there)
        await follow(sender, OURS[0], actor.id)
        for header in (
            header_of(actor, [], collection=victim.inbox("users/vic/followers")),
            header_of(actor, [], collection=there.inbox("users/other/followers")),
            header_of(actor, [], url=victim.inbox("sync")),
            header_of(actor, [], url="file:///etc/passwd"),
        ):
            with pytest.raises(CannotSynchronize):
                await synchronize(sender.federation, sender=actor, header=header)
        assert there.fetched == victim.fetched == []
        assert await followers_here(sender, actor) == {OURS[0]}


async def test_a_server_that_asks_costs_no_more_than_its_own_people(sender: Sender) -> None:
    far = [f"https://far.example/users/n{number}" for number in range(5)]
    for follower in (*far, "https://near.example/users/kim"):
        await follow(sender, follower, own_uri(sender))
    async with sender.database.writing() as context:
        # What cannot be opened was not opened: neither effort nor time tells a server how many follow elsewhere.
        for edge in await follows.followers_on(context, own_uri(sender), "far.example"):
            spoil = update(Follow).where(col(Follow.id) == edge.id).values(sealed_edge=b"spoilt")
            await context.session.execute(spoil)
    async with sender.database.reading() as context:
        viewer = Viewer("https://near.example/actor", "near.example")
        shown = await synchronization.partial_collection(context, sender.actor, viewer)
    assert shown is not None
    assert shown["orderedItems"] == ["https://near.example/users/kim"]
