"""`demo`: two throw-away servers on loopback play a story, over real HTTP and with real signatures."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import typer

from crypto.tokens import random_token
from federation import follows
from federation.context import Context
from federation.fetch import FetchFailed, fetch_document
from federation.identities import make_keypairs
from federation.remote import look_up
from federation.vocabulary import Document
from federation.vocabulary.html import plain_text
from models import LocalActor
from server.cli.terminal import CommandFailed
from server.loopback import LoopbackServer, loopback_server
from server.organizing.following import queries as follow_queries
from server.organizing.following import service as following
from server.organizing.membership import queries as membership
from server.organizing.movements import queries as movement_queries
from server.organizing.movements import service as movements
from server.organizing.people import service as people
from server.organizing.posts import queries as post_queries
from server.organizing.posts import reactions, timelines
from server.organizing.posts import service as posts


def register(app: typer.Typer) -> None:
    """Adds this family."""
    app.command("demo")(demo)


def demo() -> None:
    """Starts two servers, lets a member on one follow and join a movement on the other, and deletes both."""
    with tempfile.TemporaryDirectory(prefix="groundswell-demo-") as folder:
        try:
            asyncio.run(_play(Path(folder)))
        except TimeoutError as error:
            raise CommandFailed("a step of the demo did not happen in time; please report this") from error
    typer.echo("\nBoth servers are gone, with all they stored. Your own: ./groundswell run")


@dataclass(slots=True)
class Story:
    """The two servers and whoever plays: Robin organizes on one, Kim is a member on the other."""

    home: LoopbackServer
    away: LoopbackServer
    movement: LocalActor
    circle: LocalActor
    kim: LocalActor

    @property
    def kim_uri(self) -> str:
        """Kim, as the home server knows them."""
        return self.away.assembly.federation.origin.actor(self.kim.id)


async def _play(folder: Path) -> None:
    async with AsyncExitStack() as stack:
        home = await stack.enter_async_context(loopback_server("kestrel", folder / "kestrel"))
        away = await stack.enter_async_context(loopback_server("heron", folder / "heron"))
        typer.echo(f"1. Two servers listen: {home.domain} and {away.domain}.")
        story = await _settle(home, away)
        await _follow(story)
        post = await _post(story)
        await _answer(story, post)
        await _change(story, post)
        await _join(story)
        await _remove(story)


async def _settle(home: LoopbackServer, away: LoopbackServer) -> Story:
    hashed = await people.hash_passphrase(random_token())
    for_robin, for_kim, for_group, for_circle = [await make_keypairs() for _ in range(4)]
    async with home.assembly.federation.writing() as unit:
        robin = await people.create_person(unit, handle="robin", passphrase=hashed, keypairs=for_robin)
        movement = await movements.create_movement(
            unit,
            handle="flex",
            name="Flexible work",
            keypairs=for_group,
            circle_keypairs=for_circle,
            organizer=robin,
        )
        circle = await movement_queries.circle_actor(unit, movement)
        group = await unit.session.get_one(LocalActor, movement.actor_id)
    async with away.assembly.federation.writing() as unit:
        kim = await people.create_person(unit, handle="kim", passphrase=hashed, keypairs=for_kim)
    typer.echo(f"2. Robin starts the movement @flex@{home.domain}. Kim has an account @kim@{away.domain}.")
    return Story(home, away, group, circle, kim)


async def _follow(story: Story) -> None:
    await _ask(story, story.movement)
    await story.home.until(lambda unit: follow_queries.follower_uris(unit, story.movement))
    await _accepted(story, story.movement)
    typer.echo("3. Kim finds it by WebFinger and follows it: a signed Follow goes out, a signed Accept comes back.")


async def _accepted(story: Story, group: LocalActor) -> None:
    """Waits for the Accept: a post that overtakes it comes again a minute later."""
    uri = story.home.assembly.federation.origin.actor(group.id)
    await story.away.until(lambda unit: follows.has_followers(unit, uri))


async def _ask(story: Story, group: LocalActor) -> None:
    handle = f"{group.handle}@{story.home.domain}"
    followee = await look_up(story.away.assembly.federation, handle)
    async with story.away.assembly.federation.writing() as unit:
        await following.follow(unit, follower=story.kim, followee=followee)


async def _post(story: Story) -> str:
    uri = await _publish(story, story.movement, "Who else wants one day a week at home?", "public")
    await story.away.until(lambda unit: _reads(unit, story.kim, "one day a week"))
    typer.echo("4. The movement posts in public. Kim reads it at home:")
    await _show(story)
    return uri


async def _publish(story: Story, author: LocalActor, text: str, audience: str) -> str:
    async with story.home.assembly.federation.writing() as unit:
        made = await posts.publish(unit, author=author, text=text, audience=audience)
        return unit.origin.object(made.id)


async def _show(story: Story) -> None:
    async with story.away.assembly.federation.reading() as unit:
        for entry in (await timelines.timeline_home(unit, story.kim)).entries:
            typer.echo(f"     {entry.post.audience:<10} {plain_text(entry.post.content.html)}")


async def _answer(story: Story, post: str) -> None:
    async with story.away.assembly.federation.writing() as unit:
        await reactions.like(unit, actor=story.kim, post=post)
        await posts.publish(unit, author=story.kim, text="Me.", audience="unlisted", reply_to=post)

    async def answered(unit: Context) -> bool:
        thread = await post_queries.thread(unit, post, story.movement)
        return thread is not None and len(thread.descendants) == 1

    await story.home.until(answered)
    typer.echo("5. Kim likes and answers it; the answer stands in the movement's thread.")


async def _change(story: Story, post: str) -> None:
    async with story.home.assembly.federation.writing() as unit:
        await posts.edit(unit, author=story.movement, post_id=post, text="Who else wants two days a week at home?")
    await story.away.until(lambda unit: _reads(unit, story.kim, "two days a week"))
    typer.echo("6. The movement edits its post; Kim reads the new text.")
    async with story.home.assembly.federation.writing() as unit:
        await posts.delete(unit, author=story.movement, post_id=post)
    await story.away.until(lambda unit: _reads_not(unit, story.kim, "days a week"))
    typer.echo("7. The movement deletes it; it is gone from Kim's server too.")


async def _join(story: Story) -> None:
    await _ask(story, story.circle)
    await story.home.until(lambda unit: membership.requests_of(unit, story.circle))
    typer.echo("8. Kim asks to join the locked circle of members. The request waits; nothing is shared yet.")
    async with story.home.assembly.federation.writing() as unit:
        await following.accept_request(unit, owner=story.circle, requester=story.kim_uri)
    await _accepted(story, story.circle)
    uri = await _publish(story, story.circle, "For members only: we meet on Thursday.", "circle")
    await story.away.until(lambda unit: _reads(unit, story.kim, "Thursday"))
    typer.echo("9. Robin accepts. The circle posts to its members, and Kim reads it:")
    await _show(story)
    typer.echo(f"10. A signed request of a server without a member gets: {await _stranger(story, uri)}")


async def _stranger(story: Story, uri: str) -> str:
    with tempfile.TemporaryDirectory(prefix="groundswell-demo-") as folder:
        async with loopback_server("magpie", Path(folder)) as stranger:
            try:
                document: Document = await fetch_document(stranger.assembly.federation, uri)
            except FetchFailed as error:
                return f"{error.status}, as if there were no such post"
            return f"the post ({document['type']}), which must not be"


async def _remove(story: Story) -> None:
    async with story.home.assembly.federation.writing() as unit:
        await following.remove_follower(unit, owner=story.circle, follower=story.kim_uri)
    secret = await _publish(story, story.circle, "After the removal.", "circle")
    last = await _publish(story, story.movement, "The last public word of this demo.", "public")
    await story.away.until(lambda unit: _reads(unit, story.kim, "last public word"))
    async with story.away.assembly.federation.reading() as unit:
        leaked = await post_queries.find_post(unit, secret, story.kim)
    said = "Kim's server got it all the same, which must not be" if leaked else "nothing more of the circle reached Kim"
    typer.echo(f"11. Robin removes Kim from the circle and posts again: {said}.")
    typer.echo(f"    What is public still does: {last}")


async def _reads(unit: Context, reader: LocalActor, words: str) -> bool:
    page = await timelines.timeline_home(unit, reader)
    return any(words in plain_text(entry.post.content.html) for entry in page.entries)


async def _reads_not(unit: Context, reader: LocalActor, words: str) -> bool:
    return not await _reads(unit, reader, words)
