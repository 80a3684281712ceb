"""How many signed deliveries a second leave the server, and what each costs.

`python -m benchmarks.fanout [--only NAME] [--tls] [--database-url URL]`
"""

import argparse
import asyncio
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult

from benchmarks.machine import rsa_limits
from benchmarks.receivers import Receivers, Tally, receivers
from benchmarks.subject import Subject, settings_for, subject
from crypto.tokens import random_id
from federation import outbox
from federation.context import Context
from federation.identities import make_keypairs
from models import LocalActor
from server.assembly import assemble
from server.config import Settings
from server.organizing.people.service import PassphraseHash, create_person

WORDS = "Words that somebody wrote to everybody who follows, a few lines of them, as posts are. " * 5


@dataclass(frozen=True)
class Run:
    """One figure: so many posts, each to so many inboxes on each of so many hosts."""

    name: str
    hosts: int
    inboxes: int
    posts: int
    latency: float = 0.0
    warm: int = 0
    """Posts sent before, not counted: connections are open then, and lanes know how much a host takes."""

    @property
    def deliveries(self) -> int:
        """How many are counted."""
        return self.hosts * self.inboxes * self.posts


RUNS = (
    Run("warm", hosts=50, inboxes=1, posts=80, warm=8),
    Run("cold", hosts=2_000, inboxes=1, posts=1),
    Run("slow", hosts=50, inboxes=10, posts=6, latency=0.1, warm=1),
    Run("one slow host", hosts=1, inboxes=5_000, posts=1, latency=0.1),
)


async def enqueue(context: Context, sender: LocalActor, posts: int, inboxes: Sequence[str]) -> None:
    """Queues so many posts for all of these inboxes."""
    own = context.origin.actor(sender.id)
    for _ in range(posts):
        note = context.origin.object(random_id())
        activity = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{note}/activity",
            "type": "Create",
            "actor": own,
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
            "cc": [f"{own}/followers"],
            "published": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "object": {"id": note, "type": "Note", "attributedTo": own, "content": f"<p>{WORDS}</p>"},
        }
        await outbox.enqueue(context, sender=sender, activity=activity, inboxes=inboxes, about=note)


async def counted(there: Receivers, count: int, patience: float = 900.0) -> Tally:
    """Waits until so many were received."""
    posts, first, most, began = 0, 0.0, 0, time.monotonic()
    while True:
        tally = await there.tally()
        first = first or tally.first * (tally.posts > 0)
        posts, most = posts + tally.posts, max(most, tally.most_at_once)
        if posts >= count:
            return Tally(posts, first, tally.last, tally.connections, most)
        if time.monotonic() - began > patience:
            raise TimeoutError(f"{posts} of {count} were delivered")
        await asyncio.sleep(0.05)


class Loopback(AbstractResolver):
    """Finds every name here."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def bare(there: Receivers, run: Run) -> float:
    """Posts a second of a client that signs nothing and stores nothing, as many at a time as the server may send."""
    waiting = iter([there.inbox(n % run.hosts) for n in range(min(run.deliveries, 2_000))])
    body = b"x" * 1_200
    connector = aiohttp.TCPConnector(limit=512, limit_per_host=4, ssl=False, resolver=Loopback())
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send() -> None:
            for url in waiting:
                async with session.post(url, data=body) as response:
                    await response.read()

        began = time.monotonic()
        await asyncio.gather(*(send() for _ in range(min(512, run.hosts * 4))))
    return min(run.deliveries, 2_000) / (time.monotonic() - began)


@dataclass(frozen=True)
class Delivered:
    """What the deliveries of a run took, in seconds and in those of the processor; `bare` is a bare client's rate."""

    run: Run
    took: float
    cpu: float
    tally: Tally
    megabytes: float
    bare: float = 0.0

    def __str__(self) -> str:
        count = self.run.deliveries
        return (
            f"{self.run.name}: {count} to {self.run.hosts} hosts in {self.took:.1f} s, {count / self.took:.0f}/s, "
            f"{self.cpu / count * 1e3:.2f} ms CPU each ({self.cpu / self.took:.2f} cores); {self.tally.posts} arrived, "
            f"{self.tally.most_at_once} at once to a host at most; {self.megabytes:.0f} MB; "
            f"a bare client: {self.bare:.0f}/s"
        )


async def measure(settings: Settings, made: Subject, sender: LocalActor, there: Receivers, run: Run) -> Delivered:
    """Queues from another process, as the command line does, and waits for the last delivery."""
    inboxes = [there.inbox(host, f"u{n}/inbox") for host in range(run.hosts) for n in range(run.inboxes)]

    async def queue(posts: int) -> None:
        async with assemble(settings) as assembly, assembly.database.writing() as context:
            await enqueue(context, sender, posts, inboxes)

    empty = "SELECT CASE WHEN count(*) = 0 THEN 1 ELSE 0 END FROM deliveries"
    if run.warm:
        await queue(run.warm)
        await counted(there, run.warm * len(inboxes))
        await made.until(empty, 1)
    spent = made.cpu_seconds
    await queue(run.posts)
    tally = await counted(there, run.deliveries)
    await made.until(empty, 1)
    cpu, took = made.cpu_seconds - spent, tally.last - tally.first + run.latency
    return Delivered(run, took, cpu, tally, made.megabytes)


async def one(run: Run, tls: bool, url: str | None = None) -> Delivered:
    """A run with a server and receivers of its own."""
    with TemporaryDirectory() as folder:
        authority = Path(folder) if tls else None
        if authority is not None:
            os.environ["SSL_CERT_FILE"] = str(authority / "authority.pem")
        settings, made_actor = settings_for(Path(folder) / "us", url), list[LocalActor]()

        async def prepare(context: Context) -> None:
            made_actor.append(
                await create_person(
                    context,
                    handle=f"p{random_id()[:9].lower()}",
                    passphrase=PassphraseHash("none"),
                    keypairs=await make_keypairs(),
                )
            )

        async with receivers(latency=run.latency, authority=authority) as there:
            rate = await bare(there, run)
            await there.tally()
            async with subject(settings, prepare) as made:
                return replace(await measure(settings, made, made_actor[0], there, run), bare=rate)


async def main() -> None:
    """Runs what was asked for and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[run.name for run in RUNS])
    parser.add_argument("--tls", action="store_true", help="over HTTPS, with an authority of our own")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; with --only")
    given = parser.parse_args()
    print(f"this machine: {rsa_limits().signatures:.0f} RSA signatures/s per core, {os.cpu_count()} cores")
    for run in RUNS:
        if given.only in (None, run.name):
            print(await one(run, given.tls, given.database_url))


if __name__ == "__main__":
    uvloop.run(main())
