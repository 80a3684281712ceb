"""A server that runs in processes of its own, to be killed: who writes to it, and who is written to by it."""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from sqlalchemy import text

from crypto.tokens import random_id
from federation import follows, outbox
from federation.follows import Edge
from federation.remote import store_actor
from federation.vocabulary.actors import parse_actor
from models import LocalActor
from server.assembly import Assembly, assemble
from server.config import Settings
from tests.builders import make_person
from tests.faults.process import started
from tests.federation.servers import Peer, Request, answering, listening, response
from tests.federation.strangers import Stranger, encoded, rsa_key

HOSTS, INBOXES = 20, 200
"""A fan-out: so many inboxes on so many servers."""
KILLS = int(os.environ.get("GROUNDSWELL_KILLS", "0"))
"""How many kills of each kind are asked for, if not a few."""
PATIENCE = 60.0 + 4 * KILLS

Roles = Sequence[str]
"""Commands that run side by side: `run`, or `web` and `worker`."""


@dataclass
class Site:
    """The server's processes, by command, and what its tests count. `open` is our own door to its data."""

    settings: Settings
    author: LocalActor
    open: Assembly
    writer: Stranger
    inboxes: Peer
    log: Path
    processes: dict[str, ForkServerProcess] = field(default_factory=dict)
    abreast: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(200))
    """Activities that are being sent at a time."""
    accepted: set[str] = field(default_factory=set)
    sent: dict[str, list[str]] = field(default_factory=dict)
    """The activities queued about each object, in order."""

    async def start(self, *roles: str) -> None:
        """Starts these, and returns when requests are answered."""
        for role in roles:
            self.processes[role] = started(role, self.settings.environment(), self.log)
        await self.until_it_answers()

    async def until_it_answers(self) -> None:
        """Waits for whoever listens."""
        async with asyncio.timeout(PATIENCE):
            while not await self._answers():
                assert all(process.is_alive() for process in self.processes.values()), self.log.read_text()[-3000:]
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.settings.port)
            with closing(writer):
                accept = b"Accept: application/activity+json"
                writer.write(b"GET /ap/instance HTTP/1.1\r\nHost: x\r\n%s\r\nConnection: close\r\n\r\n" % accept)
                return b" 200 " in await reader.readline()
        return False

    async def kill(self, *roles: str) -> None:
        """`kill -9`."""
        for role in roles:
            self.processes[role].kill()
        for role in roles:
            await asyncio.to_thread(self.processes.pop(role).join)

    async def end(self) -> None:
        """Ends what runs, in peace."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            await asyncio.to_thread(process.join)
        self.processes.clear()

    async def outlast_leases(self) -> None:
        """What would be ten minutes later: nobody holds anything any more. Only while no worker runs."""
        if self.settings.database_url is not None:
            async with self.open.database.engine.begin() as connection:
                await connection.execute(text("UPDATE remote_hosts SET lease_holder = NULL, lease_until = NULL"))
                await connection.execute(text("UPDATE inbox_items SET due = now() WHERE state = 'waiting'"))

    async def count(self, query: str) -> int:
        """What a counting query says; 0 while it cannot be asked."""
        async with self.open.database.engine.connect() as connection:
            return int((await connection.execute(text(query))).scalar_one() or 0)

    async def until(self, query: str, reached: int = 0) -> None:
        """Waits until a counting query says so much, and no more."""
        async with asyncio.timeout(PATIENCE):
            while await self.count(query) != reached:
                await asyncio.sleep(0.1)

    async def post(self, number: int) -> None:
        """Sends a signed activity again and again until it is answered 202, as other servers do."""
        async with self.abreast:
            name, request = self.request(number)
            while await self.send(request) != 202:
                await asyncio.sleep(0.2)
            self.accepted.add(name)

    def request(self, number: int, **how: Any) -> tuple[str, bytes]:
        """The id of an activity, and the request that brings it; `how` may break its signature."""
        note = self.writer.note(f"notes/{number}", to=["https://www.w3.org/ns/activitystreams#Public"])
        activity = self.writer.activity("Create", note, f"creates/{number}", to=note["to"])
        body = encoded(activity)
        target = f"{self.settings.origin}/ap/inbox"
        headers = self.writer.sign(body, target_uri=target, **how) | {"Host": self.settings.public_domain}
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST /ap/inbox HTTP/1.1\r\n{fields}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return activity["id"], head.encode() + body

    async def send(self, request: bytes) -> int:
        """The status with which a request is answered, 0 when it is not."""
        with suppress(OSError, ValueError, IndexError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(10):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.settings.port)
                with closing(writer):
                    writer.write(request)
                    return int((await reader.readline()).split()[1])
        return 0

    async def fan_out(self, number: int, *inboxes: str) -> None:
        """Queues a Create and its Update for all inboxes, or these, as the command line does beside the server."""
        about = self.open.federation.origin.object(f"o{number}")
        for verb in ("Create", "Update"):
            activity = {"id": f"{about}/{verb}", "type": verb, "actor": "us", "object": about, "content": "x" * 300}
            async with self.open.database.writing() as context:
                await outbox.enqueue(
                    context,
                    sender=self.author,
                    activity=activity,
                    inboxes=inboxes or all_inboxes(self.inboxes),
                    about=about,
                )
            self.sent.setdefault(about, []).append(f"{about}/{verb}")

    def check_deliveries(self, inboxes: Sequence[str] = ()) -> None:
        """Every activity reached every inbox, and none about an object before all about it that were sent earlier."""
        got = arrivals(self.inboxes.requests)
        for inbox in inboxes or all_inboxes(self.inboxes):
            for sent in self.sent.values():
                mine = [name for name in got.get(inbox, ()) if name in sent]
                assert mine == sorted(mine, key=sent.index), f"{inbox}: {mine}"
                assert set(mine) == set(sent), f"{inbox}: {mine}"

    async def check_inbox(self, count: int) -> None:
        """So many activities were answered 202; each was stored once and handled exactly once."""
        assert len(self.accepted) == count
        assert await self.count("SELECT count(*) FROM inbox_items WHERE state = 'done'") == count
        assert await self.count("SELECT count(*) FROM inbox_items WHERE state <> 'done'") == 0
        handled = "SELECT sum(count) FROM activity_tallies WHERE verb = 'Create' AND outcome = 'done'"
        assert await self.count(handled) == count
        assert await self.count("SELECT count(*) FROM posts") == count


def all_inboxes(peer: Peer) -> list[str]:
    """All inboxes that are written to."""
    return [peer.url(f"/u{number}", host=f"h{number % HOSTS}.localhost") for number in range(INBOXES)]


def arrivals(requests: Sequence[Request]) -> dict[str, list[str]]:
    """The ids of what came to each inbox, in order."""
    found: dict[str, list[str]] = {}
    for request in requests:
        inbox = f"http://{request.headers['host']}{request.target}"
        found.setdefault(inbox, []).append(json.loads(request.body)["id"])
    return found


@asynccontextmanager
async def site(folder: Path, database_url: str | None) -> AsyncIterator[Site]:
    """A prepared server, not started yet: Robin, who follows somebody elsewhere, and inboxes that take everything."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        data_dir=folder / "data",
        domain=f"us.localhost:{port}",
        port=port,
        insecure_http=True,
        trusted_networks=("127.0.0.0/8",),
        database_url=database_url,
    )

    async def take(request: Request, writer: asyncio.StreamWriter) -> None:
        if "/slow" in request.target:  # a byte a second, and never the whole answer
            for byte in response(202, b"x" * 1_000):
                writer.write(bytes([byte]))
                await asyncio.sleep(1)
        writer.write(response(202))

    async with assemble(settings) as opened, listening(take) as inboxes, listening(answering(response(404))) as peer:
        writer = Stranger(peer, "mona", rsa_key(0), lambda: datetime.now(UTC), {}, {}, host="mona.localhost")
        author = await _prepare(opened, writer)
        made = Site(settings, author, opened, writer, inboxes, folder / "log")
        try:
            yield made
        finally:
            for process in made.processes.values():
                process.kill()
                await asyncio.to_thread(process.join)


async def _prepare(opened: Assembly, writer: Stranger) -> LocalActor:
    async with opened.database.writing() as context:
        robin = await make_person(context, "robin")
        own = context.origin.actor(robin.id)
        await store_actor(context, parse_actor(writer.document()), writer.document())
        edge = Edge(
            follower=own,
            followee=writer.id,
            activity=f"{own}/follows/{random_id()}",
            inbox=f"{own}/inbox",
            state="accepted",
            since=(context.now - timedelta(days=1)).date(),
        )
        await follows.put(context, edge)
        return robin


def now() -> float:
    """Seconds of the clock that never jumps."""
    return time.monotonic()
