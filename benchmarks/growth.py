"""What more followers cost: how long a post takes to be answered, and how long until its deliveries are queued.

`python -m benchmarks.growth [--followers 100 1000 10000 100000] [--database-url URL]`
"""

import argparse
import time
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Growth:
    """One line of the table: seconds until the post was answered and until all was queued, and processor seconds."""

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
    return Growth(inboxes, answered, queued, spent)


async def main() -> None:
    """Runs once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--followers", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--database-url")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        settings = settings_for(Path(folder), given.database_url).model_copy(update={"insecure_http": False})
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
            print("followers  inboxes  answered (ms)  queued (s)  CPU per follower (us)")
            before, queued = 0, 0
            for followers in given.followers:
                await let_follow(made, uri, before, followers)
                line = await measure(made, actor)
                per_follower = line.cpu / followers * 1e6
                print(
                    f"{followers:9}  {line.inboxes - queued:7}  {line.answered * 1e3:13.0f}  {line.queued:10.2f}  "
                    f"{per_follower:21.0f}"
                )
                before, queued = followers, line.inboxes


if __name__ == "__main__":
    uvloop.run(main())
