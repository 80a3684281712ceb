"""What more followers cost: how long a post takes to be answered, and how long until its deliveries are queued.

`python -m benchmarks.growth [--followers 100 1000 10000 30000 100000] [--database-url URL]`
"""

import argparse
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from sqlalchemy import func, select

from benchmarks.subject import settings_for
from crypto.tokens import random_id
from federation import fanout, follows
from federation.follows import Edge
from federation.identities import make_keypairs
from models import Delivery, LocalActor
from server.assembly import Assembly, assemble
from server.organizing.movements.service import create_movement
from server.organizing.posts.service import publish

FOLLOWERS_OF_A_SERVER = 20
NUMBERS = (100, 1_000, 10_000, 30_000, 100_000)


@dataclass(frozen=True)
class Growth:
    """One line of the table: seconds until the post was answered and until all was queued, and processor seconds."""

    followers: int
    inboxes: int
    answered: float
    queued: float
    cpu: float


async def let_follow(made: Assembly, movement: str, first: int, last: int) -> None:
    """Followers by number, twenty on a server, each server with a shared inbox."""
    for start in range(first, last, 1_000):
        async with made.database.writing() as context:
            for number in range(start, min(start + 1_000, last)):
                server = f"https://s{number // FOLLOWERS_OF_A_SERVER}.example"
                uri = f"{server}/users/{number}"
                edge = Edge(
                    follower=uri,
                    followee=movement,
                    activity=f"{uri}/{random_id()}",
                    inbox=f"{uri}/inbox",
                    shared_inbox=f"{server}/inbox",
                    state="accepted",
                    since=context.now.date(),
                )
                await follows.put(context, edge)


async def measure(made: Assembly, actor: LocalActor) -> Growth:
    """One post, from the call to its last delivery."""
    began, cpu = time.monotonic(), time.process_time()
    async with made.database.writing() as context:
        await publish(context, author=actor, text="A word to everybody.", audience="public")
    answered = time.monotonic() - began
    await fanout.work(made.federation)
    queued, spent = time.monotonic() - began, time.process_time() - cpu
    async with made.database.reading() as context:
        inboxes = (await context.session.execute(select(func.count()).select_from(Delivery))).scalar_one()
    return Growth(0, inboxes, answered, queued, spent)


async def growing(numbers: Sequence[int], url: str | None = None) -> AsyncIterator[Growth]:
    """A movement with so many followers, and then with more: one post each time."""
    with TemporaryDirectory() as folder:
        settings = settings_for(Path(folder), url).model_copy(update={"insecure_http": False})
        async with assemble(settings) as made:
            async with made.database.writing() as context:
                movement = await create_movement(
                    context,
                    handle="flex",
                    name="Flex",
                    keypairs=await make_keypairs(),
                    circle_keypairs=await make_keypairs(),
                )
                actor = await context.session.get_one(LocalActor, movement.actor_id)
                uri = context.origin.actor(actor.id)
            await measure(made, actor)  # keys are opened, statements compiled
            before, queued = 0, 0
            for followers in numbers:
                await let_follow(made, uri, before, followers)
                line = await measure(made, actor)
                yield replace(line, followers=followers, inboxes=line.inboxes - queued)
                before, queued = followers, line.inboxes


async def main() -> None:
    """Runs once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--followers", type=int, nargs="+", default=NUMBERS)
    parser.add_argument("--database-url")
    given = parser.parse_args()
    print("followers  inboxes  answered (ms)  queued (s)  CPU per follower (us)")
    async for line in growing(given.followers, given.database_url):
        print(
            f"{line.followers:9}  {line.inboxes:7}  {line.answered * 1e3:13.0f}  {line.queued:10.2f}  "
            f"{line.cpu / line.followers * 1e6:21.0f}"
        )


if __name__ == "__main__":
    uvloop.run(main())
