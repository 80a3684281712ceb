"""Actors and keys of others: confirmed from both sides, kept sealed, asked for rarely (HOSTILE A1, A6, C12, C13)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from federation.fetch import FetchFailed
from federation.fetch_errors import Suspended
from federation.memory import Newcomers, RemoteMemory, Tally
from federation.remote import forget_actor, known_actor, resolve_actor, resolve_key, store_actor
from federation.remote_store import sweep
from federation.runtime import Federation
from federation.vocabulary.actors import parse_actor
from models import RemoteActor, RemoteKey
from server.db import Database
from tests.conftest import Clock
from tests.federation.people import Person, rsa_key
from tests.federation.servers import Peer, Site, listening, response


@pytest.fixture
async def site() -> Site:
    return Site()


@pytest.fixture
async def peer(site: Site, tls: ssl.SSLContext) -> AsyncIterator[Peer]:
    async with listening(site, tls=tls) as peer:
        yield peer


@pytest.fixture
def alice(site: Site, peer: Peer) -> Person:
    person = Person(peer.url("/users/alice", scheme="https"))
    site.pages["/users/alice"] = person.document()
    return person


async def rows(database: Database) -> list[RemoteActor]:
    async with database.reading() as context:
        return list((await context.session.execute(select(RemoteActor))).scalars())


async def number_of_keys(database: Database) -> int:
    async with database.reading() as context:
        return (await context.session.execute(select(func.count(col(RemoteKey.key_index))))).scalar_one()


async def failure(federation: Federation, key_id: str, *, refresh: bool = False) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        await resolve_key(federation, key_id, refresh=refresh)
    return caught.value


# Actors


async def test_an_actor_is_fetched_once_and_kept_sealed(
    federation: Federation, database: Database, alice: Person, peer: Peer
) -> None:
    actor = await resolve_actor(federation, alice.id)
    assert actor == parse_actor(alice.document())
    assert await resolve_actor(federation, alice.id) == actor
    async with database.reading() as context:
        assert await known_actor(context, alice.id) == actor
        assert await known_actor(context, alice.id + "2") is None
    assert peer.targets == ["/users/alice"]
    (row,) = await rows(database)
    assert row.sealed_document is not None
    assert b"alice" not in row.sealed_document
    assert b"localhost" not in row.sealed_document


async def test_an_old_actor_is_fetched_anew_and_still_serves_when_that_fails(
    federation: Federation, alice: Person, site: Site, peer: Peer, clock: Clock
) -> None:
    await resolve_actor(federation, alice.id)
    clock.advance(hours=25)
    site.pages["/users/alice"] = alice.document(name="New name")
    assert (await resolve_actor(federation, alice.id)).name == "New name"
    clock.advance(hours=25)
    site.pages["/users/alice"] = response(503)
    assert (await resolve_actor(federation, alice.id)).name == "New name"
    assert (await resolve_actor(federation, alice.id)).name == "New name"
    assert len(peer.requests) == 3
    clock.advance(minutes=6)
    await resolve_actor(federation, alice.id)
    assert len(peer.requests) == 4


async def test_a_refresh_every_five_minutes_at_most(
    federation: Federation, alice: Person, peer: Peer, clock: Clock
) -> None:
    await resolve_actor(federation, alice.id)
    for _ in range(5):
        await resolve_actor(federation, alice.id, refresh=True)
    assert len(peer.requests) == 1
    clock.advance(minutes=6)
    for _ in range(5):
        await resolve_actor(federation, alice.id, refresh=True)
    assert len(peer.requests) == 2


async def test_an_id_that_leads_to_another_actor(federation: Federation, alice: Person, site: Site, peer: Peer) -> None:
    site.pages["/@alice"] = response(302, location="/users/alice")
    with pytest.raises(FetchFailed):
        await resolve_actor(federation, peer.url("/@alice", scheme="https"))


@pytest.mark.parametrize("change", [{"type": "Note"}, {"inbox": None}, {"preferredUsername": 1}, {"x": "y" * 200_000}])
async def test_documents_that_are_no_actors(
    federation: Federation, database: Database, alice: Person, site: Site, change: dict[str, object]
) -> None:
    site.pages["/users/alice"] = alice.document(**change)
    with pytest.raises(FetchFailed):
        await resolve_actor(federation, alice.id)
    assert await rows(database) == []


async def test_our_own_actors_are_not_remote(federation: Federation) -> None:
    for uri in ("https://groundswell.test/ap/instance", "https://Groundswell.test:443/x"):
        with pytest.raises(FetchFailed):
            await resolve_actor(federation, uri)
        await failure(federation, uri + "#main-key")


async def test_an_actor_that_is_gone(
    federation: Federation, database: Database, alice: Person, site: Site, peer: Peer, clock: Clock
) -> None:
    await resolve_actor(federation, alice.id)
    site.pages["/users/alice"] = response(410)
    clock.advance(minutes=6)
    for _ in range(2):
        with pytest.raises(FetchFailed) as caught:
            await resolve_actor(federation, alice.id, refresh=True)
        assert caught.value.gone
    assert len(peer.requests) == 2
    # The key still verifies the Delete that is about to come; then nothing is left.
    assert (await resolve_key(federation, alice.key_id)).owner.id == alice.id
    async with database.writing() as context:
        await forget_actor(context, alice.id)
    clock.advance(minutes=6)
    assert (await failure(federation, alice.key_id)).gone
    (row,) = await rows(database)
    assert (row.state, row.sealed_document) == ("gone", None)
    assert await number_of_keys(database) == 0
    clock.advance(days=8)
    async with database.writing() as context:
        await sweep(context)
    assert await rows(database) == []


async def test_a_suspended_actor(
    federation: Federation, database: Database, alice: Person, peer: Peer, clock: Clock
) -> None:
    actor = await resolve_actor(federation, alice.id)
    async with database.writing() as context:
        await forget_actor(context, alice.id, state="suspended")
        await store_actor(context, actor, alice.document())
    clock.advance(hours=25)
    with pytest.raises(Suspended):
        await resolve_actor(federation, alice.id, refresh=True)
    async with database.reading() as context:
        assert await known_actor(context, alice.id) == actor
    assert (await resolve_key(federation, alice.key_id)).owner == actor
    await failure(federation, alice.id + "#other")
    assert len(peer.requests) == 1


async def test_a_host_makes_only_so_many_actors_known(
    federation: Federation, database: Database, site: Site, peer: Peer, clock: Clock
) -> None:
    few = replace(federation, memory=RemoteMemory(newcomers=Newcomers(Tally(3, timedelta(hours=1)))))
    uris = [peer.url(f"/u/{number}", scheme="https") for number in range(5)]
    for number, uri in enumerate(uris):
        site.pages[f"/u/{number}"] = Person(uri).document()
    results = [await asyncio.gather(resolve_actor(few, uri), return_exceptions=True) for uri in uris]
    assert [isinstance(result, FetchFailed) for (result,) in results] == [False, False, False, True, True]
    assert len(await rows(database)) == 3
    clock.advance(hours=2)
    assert (await resolve_actor(few, uris[4])).id == uris[4]


# Keys


async def test_the_key_of_an_actor(federation: Federation, database: Database, alice: Person, peer: Peer) -> None:
    key = await resolve_key(federation, alice.key_id)
    assert (key.key_id, key.owner.id) == (alice.key_id, alice.id)
    assert key.public_key == alice.key.public_key()
    assert await resolve_key(federation, alice.key_id) is key
    # Another process finds it in the database.
    other = replace(federation, memory=RemoteMemory())
    assert (await resolve_key(other, alice.key_id)).public_key == alice.key.public_key()
    assert peer.targets == ["/users/alice"]
    assert await number_of_keys(database) == 1


async def test_a_key_at_an_address_that_shows_part_of_the_actor(
    federation: Federation, database: Database, site: Site, peer: Peer
) -> None:
    """GoToSocial: the key id has no fragment, and its address answers with a stub of the actor."""
    person = Person(peer.url("/users/bob", scheme="https"), username="bob", key_path="/main-key")
    stub = {"id": person.id, "type": "Person", "preferredUsername": "bob", "publicKey": person.key_entry}
    site.pages["/users/bob/main-key"] = stub
    site.pages["/users/bob"] = person.document()
    assert (await resolve_key(federation, person.key_id)).owner.id == person.id
    assert peer.targets == ["/users/bob/main-key", "/users/bob"]
    other = replace(federation, memory=RemoteMemory())
    assert (await resolve_key(other, person.key_id)).owner.id == person.id
    assert len(peer.requests) == 2
    assert await number_of_keys(database) == 1


@pytest.mark.parametrize("owner_property", ["owner", "controller"])
async def test_a_key_by_itself(federation: Federation, site: Site, peer: Peer, owner_property: str) -> None:
    person = Person(peer.url("/users/bob", scheme="https"), username="bob", key_path="/key")
    entry = dict(person.key_entry)
    entry[owner_property] = entry.pop("owner")
    site.pages["/users/bob/key"] = entry
    site.pages["/users/bob"] = person.document()
    assert (await resolve_key(federation, person.key_id)).public_key == person.key.public_key()
    assert peer.targets == ["/users/bob/key", "/users/bob"]


async def test_a_key_owner_believed_as_served(
    federation: Federation, database: Database, site: Site, peer: Peer, tls: ssl.SSLContext
) -> None:
    """HOSTILE-PEERS A1: the key names a victim who does not list it."""
    victims = Site()
    async with listening(victims, tls=tls) as victim_peer:
        victim = Person(victim_peer.url("/victim", host="victim.localhost", scheme="https"), username="victim")
        victims.pages["/victim"] = victim.document()
        for path in ("/key", "/key2"):
            url = peer.url(path, host="evil.localhost", scheme="https")
            mallory = Person(url, key=rsa_key(1), key_path="")
            site.pages[path] = {**mallory.key_entry, "owner": victim.id, "type": "Key"}
            await failure(federation, url)
    assert peer.targets == ["/key", "/key2"]
    assert victim_peer.targets == ["/victim"]
    assert await number_of_keys(database) == 1


async def test_a_key_id_that_two_actors_of_a_host_list(
    federation: Federation, alice: Person, site: Site, peer: Peer
) -> None:
    mallory = Person(peer.url("/users/mallory", scheme="https"), username="mallory", key=rsa_key(1))
    stolen = {**mallory.key_entry, "id": alice.key_id}
    site.pages["/users/mallory"] = mallory.document(publicKey=[mallory.key_entry, stolen])
    assert (await resolve_key(federation, mallory.key_id)).owner.id == mallory.id
    assert (await resolve_key(federation, alice.key_id)).owner.id == alice.id
    assert (await resolve_key(federation, alice.key_id)).public_key == alice.key.public_key()


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        "https://peer.localhost/users/alice#main-key",
        {"id": "KEY", "owner": "https://peer.localhost/users/bob", "publicKeyPem": "PEM"},
        {"id": "KEY", "publicKeyPem": "PEM"},
        {"id": "KEY", "owner": "ALICE", "publicKeyPem": "-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----"},
        {"id": "KEY", "owner": "ALICE", "publicKeyPem": 7},
        {"id": "KEY2", "owner": "ALICE", "publicKeyPem": "PEM"},
    ],
)
async def test_actors_without_that_key(federation: Federation, alice: Person, site: Site, entry: object) -> None:
    if isinstance(entry, dict):
        values = {"KEY": alice.key_id, "KEY2": alice.key_id + "2", "ALICE": alice.id}
        values["PEM"] = str(alice.key_entry["publicKeyPem"])
        entry = {name: values.get(str(value), value) for name, value in entry.items()}
    site.pages["/users/alice"] = alice.document(publicKey=entry)
    assert not (await failure(federation, alice.key_id)).transient


async def test_a_rotated_key_is_found_by_a_refresh(
    federation: Federation, alice: Person, site: Site, peer: Peer, clock: Clock
) -> None:
    await resolve_key(federation, alice.key_id)
    new = replace(alice, key=rsa_key(2))
    site.pages["/users/alice"] = new.document()
    assert (await resolve_key(federation, alice.key_id, refresh=True)).public_key == alice.key.public_key()
    clock.advance(minutes=6)
    assert (await resolve_key(federation, alice.key_id, refresh=True)).public_key == new.key.public_key()
    assert (await resolve_key(federation, alice.key_id)).public_key == new.key.public_key()
    assert len(peer.requests) == 2


async def test_a_key_stored_by_an_update_counts_at_once(
    federation: Federation, database: Database, alice: Person, peer: Peer
) -> None:
    await resolve_key(federation, alice.key_id)
    new = replace(alice, key=rsa_key(2), key_path="#second-key")
    async with database.writing() as context:
        await store_actor(context, parse_actor(new.document()), new.document())
    assert (await resolve_key(federation, new.key_id)).public_key == new.key.public_key()
    assert await number_of_keys(database) == 1
    await failure(federation, alice.key_id, refresh=True)
    assert len(peer.requests) == 1


async def test_invented_key_ids_do_not_make_us_ask_again(federation: Federation, alice: Person, peer: Peer) -> None:
    await resolve_key(federation, alice.key_id)
    for number in range(20):
        await failure(federation, f"{alice.id}#key-{number}")
    assert len(peer.requests) == 1


async def test_a_thousand_signatures_by_a_key_that_cannot_be_had(federation: Federation, tls: ssl.SSLContext) -> None:
    async with listening(Site(), tls=tls) as peer:
        url = peer.url("/nobody#main-key", scheme="https")
        results = await asyncio.gather(*(resolve_key(federation, url) for _ in range(1_000)), return_exceptions=True)
        assert all(isinstance(result, FetchFailed) for result in results)
        async with asyncio.timeout(1):
            assert (await failure(federation, url)).status == 404
    assert len(peer.requests) == 1


async def test_a_silent_host_is_left_alone(federation: Federation, tls: ssl.SSLContext, clock: Clock) -> None:
    async def hang_up(request: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(hang_up, tls=tls) as peer:
        for number in range(30):
            assert (await failure(federation, peer.url(f"/{number}", scheme="https"))).transient
        asked = len(set(peer.targets))
        assert asked == 10
        clock.advance(minutes=6)
        await failure(federation, peer.url("/31", scheme="https"))
        assert len(set(peer.targets)) == 11
