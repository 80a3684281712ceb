"""Fixtures for talking to peers on loopback, over real TLS."""

import ssl
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from federation.client import Client
from federation.identities import make_actor, make_keypairs
from federation.origin import INSTANCE_ID
from federation.runtime import Federation
from server.db import Database
from tests.conftest import Clock
from tests.federation.certificates import NAMES, Authority
from tests.federation.running import Running, running
from tests.federation.servers import LOOPBACK
from tests.federation.strangers import Stranger, strangers


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates of peers."""
    return Authority.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tls(authority: Authority) -> ssl.SSLContext:
    """What a peer needs to answer for any of the names on loopback."""
    return authority.server_context(*NAMES)


@pytest.fixture
async def federation(
    database: Database, clock: Clock, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Federation]:
    """This server as far as fetching needs it: an instance actor, and a client that reaches loopback over https."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    client = Client.create(trusted_networks=LOOPBACK, user_agent="Groundswell/0.1 (+https://groundswell.test/)")
    async with database.writing() as context:
        await make_actor(
            context, kind="Application", handle="groundswell.test", keypairs=await make_keypairs(), actor_id=INSTANCE_ID
        )
    yield Federation(
        origin=database.origin,
        application=cast(Any, None),
        client=client,
        reading=database.reading,
        writing=database.writing,
        clock=clock,
    )
    await client.aclose()


@pytest.fixture
async def us(database: Database, clock: Clock) -> AsyncIterator[Running]:
    """This server in front of a real socket."""
    async with running(database, clock) as started:
        yield started


@pytest.fixture
async def bob(clock: Clock) -> AsyncIterator[Stranger]:
    """Somebody on another server."""
    async with strangers("bob", clock=clock) as (made,):
        yield made
