"""How many signed activities a second the inbox takes for good, and how many become visible posts.

`python -m benchmarks.inbox [--count N] [--connections C] [--database-url URL]`
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from benchmarks.elsewhere import Author, authors
from benchmarks.machine import rsa_limits
from benchmarks.subject import Subject, settings_for, subject
from crypto.tokens import random_id
from federation import follows
from federation.context import Context
from federation.follows import Edge
from federation.identities import make_keypairs
from federation.remote import store_actor
from server.organizing.people.service import PassphraseHash, create_person

HOSTS, ACTORS = 40, 5


async def send(port: int, requests: Sequence[bytes], connections: int) -> dict[int, int]:
    """Sends all of them over kept-alive connections; how often each status was answered."""
    waiting = iter(requests)
    counts: dict[int, int] = {}

    async def run() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            status = int(head[9:12])
            counts[status] = counts.get(status, 0) + 1
        writer.close()

    await asyncio.gather(*(run() for _ in range(connections)))
    return counts


@dataclass(frozen=True)
class Taken:
    """Seconds until all were answered and until all were visible, on the clock and of the processor."""

    count: int
    accepted: float
    accepted_cpu: float
    visible: float
    visible_cpu: float
    megabytes: float


async def measure(made: Subject, them: Sequence[Author], count: int, connections: int) -> Taken:
    """Sends so many, none of which may fail, and waits for the last post."""
    now = datetime.now(UTC)
    bodies = [(them[n % len(them)], n) for n in range(count + len(them))]
    requests = [
        author.request(made.inbox, author.create(n, f"Words that somebody wrote, {n} times over.", now), now)
        for author, n in bodies
    ]
    warm, timed = requests[: len(them)], requests[len(them) :]
    assert await send(made.settings.port, warm, 8) == {202: len(warm)}
    await made.until("SELECT count(*) FROM inbox_items WHERE state <> 'waiting'", len(warm))
    began, spent = time.monotonic(), made.cpu_seconds
    assert await send(made.settings.port, timed, connections) == {202: count}
    accepted, accepted_cpu = time.monotonic() - began, made.cpu_seconds - spent
    await made.until("SELECT count(*) FROM inbox_items WHERE state <> 'waiting'", count + len(warm))
    visible, visible_cpu = time.monotonic() - began, made.cpu_seconds - spent
    assert await made.count("SELECT count(*) FROM posts") == len(requests)
    return Taken(count, accepted, accepted_cpu, visible, visible_cpu, made.megabytes)


async def taken(count: int = 4_000, connections: int = 64, url: str | None = None) -> Taken:
    """The figures of one run, with a server of its own."""
    with TemporaryDirectory() as folder:
        async with authors(HOSTS, ACTORS) as them:

            async def prepare(context: Context) -> None:
                reader = await create_person(
                    context, handle="reader", passphrase=PassphraseHash("none"), keypairs=await make_keypairs()
                )
                own = context.origin.actor(reader.id)
                for author in them:
                    await store_actor(context, author.actor, author.document)
                    edge = Edge(
                        follower=own,
                        followee=author.uri,
                        activity=f"{own}/{random_id()}",
                        inbox=f"{own}/inbox",
                        state="accepted",
                        since=context.now.date(),
                    )
                    await follows.put(context, edge)

            async with subject(settings_for(Path(folder), url), prepare) as made:
                return await measure(made, them, count, connections)


def _show(what: str, count: int, seconds: float, cpu: float) -> None:
    print(f"{what}: {count / seconds:.0f}/s, {cpu / count * 1e3:.2f} ms CPU each, {count / cpu:.0f}/s per core")


async def main() -> None:
    """Runs once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--database-url")
    given = parser.parse_args()
    limits = rsa_limits()
    print(f"this machine: {limits.signatures:.0f} RSA signatures/s, {limits.verifications:.0f} verifications/s")
    run = await taken(given.count, given.connections, given.database_url)
    _show("accepted", run.count, run.accepted, run.accepted_cpu)
    _show("visible, acceptance included", run.count, run.visible, run.visible_cpu)
    print(f"memory: {run.megabytes:.0f} MB")


if __name__ == "__main__":
    uvloop.run(main())
