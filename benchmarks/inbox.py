"""How many signed activities a second the inbox takes for good, and how many become visible posts.

`python -m benchmarks.inbox [--count N] [--connections C] [--database-url URL]`
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
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


async def measure(made: Subject, them: Sequence[Author], count: int, connections: int) -> None:
    """Prints the figures of one run."""
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
    answers = await send(made.settings.port, timed, connections)
    accepted, accepted_cpu = time.monotonic() - began, made.cpu_seconds - spent
    done = await made.count("SELECT count(*) FROM inbox_items WHERE state = 'done'") - len(warm)
    await made.until("SELECT count(*) FROM inbox_items WHERE state <> 'waiting'", count + len(warm))
    visible, visible_cpu = time.monotonic() - began, made.cpu_seconds - spent
    posts = await made.count("SELECT count(*) FROM posts")
    print(f"answers: {answers}; posts visible: {posts} of {len(requests)}")
    print(f"accepted: {count / accepted:.0f}/s, {accepted_cpu / count * 1e3:.2f} ms CPU each; {done} processed by then")
    print(f"visible:  {count / visible:.0f}/s, {visible_cpu / count * 1e3:.2f} ms CPU each, acceptance included")
    print(f"memory: {made.megabytes:.0f} MB")


async def main() -> None:
    """Runs once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--database-url")
    given = parser.parse_args()
    limits = rsa_limits()
    print(f"this machine: {limits.signatures:.0f} RSA signatures/s, {limits.verifications:.0f} verifications/s")
    with TemporaryDirectory() as folder:
        settings = settings_for(Path(folder), given.database_url)
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

            async with subject(settings, prepare) as made:
                await measure(made, them, given.count, given.connections)


if __name__ == "__main__":
    uvloop.run(main())
