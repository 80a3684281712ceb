"""Two whole servers on loopback and the people of a story; what they do goes over real HTTP with real signatures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from federation.context import Context
from federation.remote import look_up
from federation.vocabulary.html import plain_text
from models import LocalActor
from server.loopback import LoopbackServer, loopback_server
from server.organizing.following import queries as following_queries
from server.organizing.following import service as following
from server.organizing.posts import service as posts
from server.organizing.posts import timelines
from tests.builders import make_movement, make_person

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class Stage:
    """A movement with its circle on the home server, and Kim, whose account is on the away server."""

    home: LoopbackServer
    away: LoopbackServer
    robin: LocalActor
    movement: LocalActor
    circle: LocalActor
    kim: LocalActor

    @property
    def kim_uri(self) -> str:
        """Kim's id."""
        return self.away.assembly.federation.origin.actor(self.kim.id)

    async def ask_to_follow(self, group: LocalActor) -> None:
        """Kim looks a group up by its address and asks to follow it."""
        followee = await look_up(self.away.assembly.federation, f"@{group.handle}@{self.home.domain}")
        async with self.away.assembly.federation.writing() as unit:
            await following.follow(unit, follower=self.kim, followee=followee)

    async def until_related(self, group: LocalActor, state: str | None) -> None:
        """Waits until Kim's server knows of this relation to a group."""
        followee = await look_up(self.away.assembly.federation, f"@{group.handle}@{self.home.domain}")

        async def related(unit: Context) -> bool:
            return await following_queries.relation(unit, follower=self.kim, followee=followee) == state

        await self.away.until(related)

    async def publish(self, author: LocalActor, text: str, audience: str) -> str:
        """Posts as somebody of the home server; the id of the post."""
        async with self.home.assembly.federation.writing() as unit:
            made = await posts.publish(unit, author=author, text=text, audience=audience)
            return unit.origin.object(made.id)

    async def until_kim_reads(self, words: str) -> None:
        """Waits until Kim's home timeline shows these words."""

        async def reads(unit: Context) -> bool:
            return any(words in text for text in await self.read_by_kim(unit))

        await self.away.until(reads)

    async def read_by_kim(self, unit: Context) -> list[str]:
        """The texts in Kim's home timeline."""
        page = await timelines.timeline_home(unit, self.kim)
        return [plain_text(entry.post.content.html) for entry in page.entries]


@asynccontextmanager
async def stage(folder: Path, urls: tuple[str | None, str | None]) -> AsyncIterator[Stage]:
    """Raises the curtain."""
    async with (
        loopback_server("kestrel", folder / "home", database_url=urls[0]) as home,
        loopback_server("heron", folder / "away", database_url=urls[1]) as away,
    ):
        async with home.assembly.federation.writing() as unit:
            robin = await make_person(unit, "robin")
            flex = await make_movement(unit, organizer=robin)
        async with away.assembly.federation.writing() as unit:
            kim = await make_person(unit, "kimmarker")
        yield Stage(home, away, robin, flex.actor, flex.circle, kim)
