"""Whoever keeps our fetches waiting keeps nobody else's waiting, and no delivery (HOSTILE-PEERS C6, C12)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from crypto.keys import generate_rsa
from federation.client import Answer, Client, Crowded, Limits, Unreachable
from federation.fetch_errors import FetchFailed
from federation.gate import DNS_THREADS
from federation.identities import Signer
from federation.remote import resolve_key
from server.db import Database
from tests.conftest import Clock
from tests.federation.running import running
from tests.federation.servers import LOOPBACK, Peer, Request, answering, listening, response
from tests.federation.strangers import strangers

NOW = datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)
SIGNER = Signer("https://groundswell.test/ap/instance#main-key", generate_rsa())
LIMITS = Limits()
MANY = 600
"""More than all connections there ever are."""

PROMPT = 5.0
"""Seconds for what must not wait; whatever waits for silent hosts waits for 10."""


class Silent:
    """Answers nobody before it is told to; `asked` is set once so many requests wait."""

    def __init__(self, crowd: int) -> None:
        self.crowd = crowd
        self.waiting = 0
        self.asked = asyncio.Event()
        self.told = asyncio.Event()

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Waits, then knows nothing."""
        self.waiting += 1
        if self.waiting == self.crowd:
            self.asked.set()
        await self.told.wait()
        writer.write(response(404))


def made(limits: Limits = LIMITS) -> Client:
    return Client.create(trusted_networks=LOOPBACK, user_agent="Groundswell/0.1", insecure_http=True, limits=limits)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = made()
    yield client
    await client.aclose()


async def get(client: Client, url: str) -> Answer:
    return await client.get(url, accept="application/activity+json", signer=None, now=NOW)


async def post(client: Client, url: str) -> Answer:
    return await client.post(url, b"{}", signer=SIGNER, now=NOW)


@contextmanager
def fetching(client: Client, stuck: Peer, names: str, number: int = MANY) -> Iterator[list[asyncio.Task[Answer]]]:
    tasks = [asyncio.create_task(get(client, stuck.url(host=names.format(n)))) for n in range(number)]
    yield tasks
    for task in tasks:
        task.cancel()


async def test_one_domain_does_not_take_the_place_of_others(client: Client) -> None:
    silent = Silent(LIMITS.per_domain)
    async with listening(silent) as stuck, listening(answering(response(200))) as alive:
        with fetching(client, stuck, "n{}.evil.localhost") as tasks:
            await silent.asked.wait()
            async with asyncio.timeout(PROMPT):
                assert (await get(client, alive.url())).status == 200
                assert (await post(client, alive.url())).status == 200
            refused = [task.exception() for task in tasks if task.done()]
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(refused) == MANY - LIMITS.per_domain
    assert {type(error) for error in refused} == {Crowded}


async def test_no_number_of_domains_stops_deliveries(client: Client) -> None:
    silent = Silent(LIMITS.fetching)
    async with listening(silent) as stuck, listening(answering(response(200))) as alive:
        with fetching(client, stuck, "evil{}.localhost") as tasks:
            await silent.asked.wait()
            async with asyncio.timeout(PROMPT):
                assert (await post(client, alive.url())).status == 200
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_deliveries_do_not_stop_fetches() -> None:
    client, silent = made(Limits(delivering=8)), Silent(8)
    async with listening(silent) as stuck, listening(answering(response(200))) as alive:
        urls = [stuck.url(host=f"h{number}.localhost") for number in range(9)]
        tasks = [asyncio.create_task(post(client, url)) for url in urls]
        await silent.asked.wait()
        async with asyncio.timeout(PROMPT):
            assert (await get(client, alive.url())).status == 200
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await client.aclose()


async def test_whoever_finds_no_place_waits_a_while_and_is_told() -> None:
    client, silent = made(Limits(fetching=4, per_domain=2, connect=0.3)), Silent(4)
    async with listening(silent) as stuck, listening(answering(response(200))) as alive:
        with fetching(client, stuck, "evil{}.localhost", 4) as tasks:
            await silent.asked.wait()
            with pytest.raises(Crowded):
                await get(client, alive.url())
            waiting = asyncio.create_task(get(client, alive.url()))
            await asyncio.sleep(0)
            tasks[0].cancel()
            assert (await waiting).status == 200
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await get(client, alive.url())).status == 200, "all places were given back"
    await client.aclose()


async def test_places_are_given_back_however_a_fetch_ends() -> None:
    client = made(Limits(fetching=2, per_domain=1, total=0.3))
    async with listening(Silent(1)) as stuck, listening(answering(response(302, location="/again"))) as circling:
        for _ in range(3):
            with pytest.raises(Unreachable, match="slow"):
                await get(client, stuck.url(host="evil.localhost"))
            with pytest.raises(Unreachable, match="redirects"):
                await get(client, circling.url(host="evil.localhost"))
            with pytest.raises(Unreachable, match="no answer"):
                await get(client, "http://evil.localhost:1/")
    await client.aclose()


def test_names_of_one_domain_leave_threads_for_others() -> None:
    assert LIMITS.per_domain <= DNS_THREADS // 2


async def test_a_key_that_we_had_no_place_to_ask_for_is_asked_for_later(database: Database, clock: Clock) -> None:
    silent = Silent(LIMITS.per_domain)
    async with (
        running(database, clock) as us,
        strangers("bea", clock=clock) as (bea,),
        listening(silent) as stuck,
        listening(answering(response(202))) as alive,
    ):
        keys = [stuck.url(f"/u{n}#main-key", host=f"n{n}.evil.localhost") for n in range(300)]
        tasks = [asyncio.create_task(resolve_key(us.federation, key)) for key in keys]
        await silent.asked.wait()
        async with asyncio.timeout(PROMPT):
            activity = bea.activity("Like", "http://groundswell.test/ap/objects/1")
            assert (await us.post(bea, activity)).status_code == 202
            assert (await post(us.federation.client, alive.url())).status == 202
        silent.told.set()
        failures = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [key for key, error in zip(keys, failures, strict=True) if _is_ours(error)]
        assert len(refused) == 300 - LIMITS.per_domain
        asked = len(stuck.requests)
        with pytest.raises(FetchFailed) as failure:
            await resolve_key(us.federation, refused[0])
        assert (failure.value.status, len(stuck.requests)) == (404, asked + 1)


def _is_ours(error: object) -> bool:
    return isinstance(error, FetchFailed) and error.ours and error.transient
