"""`post`, `edit`, `delete`, `boost`, `like` and `timeline`: what actors here say and read."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from federation.vocabulary.html import plain_text
from server.assembly import Assembly
from server.cli.following import As, party
from server.cli.terminal import CommandFailed, actor_named, run
from server.organizing.posts import reactions, service, timelines
from server.organizing.refusal import Refused
from server.organizing.window import Window

Result = TypeVar("Result")
Which = Annotated[str, typer.Argument(help="The id of a post, as `post` and `timeline` print it.")]


def register(app: typer.Typer) -> None:
    """Adds this family."""
    app.command("post")(post)
    app.command("edit")(edit)
    app.command("delete")(delete)
    app.command("boost")(boost)
    app.command("unboost")(unboost)
    app.command("like")(like)
    app.command("unlike")(unlike)
    app.command("timeline")(timeline)


def post(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What to say: plain text, with a little Markdown.")],
    actor: As,
    to: Annotated[str, typer.Option(help="public, unlisted, supporters, circle (as a circle), or direct.")] = "public",
    reply_to: Annotated[str | None, typer.Option(help="The id of the post this answers.")] = None,
    mention: Annotated[list[str] | None, typer.Option(help="user@host; may be given several times.")] = None,
    warning: Annotated[str | None, typer.Option(help="Content warning.")] = None,
    language: Annotated[str | None, typer.Option(help="BCP 47 tag, such as en.")] = None,
) -> None:
    """Posts as a person, a movement or a circle, and prints the id of the post."""

    async def command(assembly: Assembly) -> str:
        mentions = [await party(assembly.federation, name) for name in mention or []]
        async with assembly.federation.writing() as unit:
            made = await service.publish(
                unit,
                author=await actor_named(unit, actor),
                text=text,
                audience=to,
                reply_to=reply_to,
                content_warning=warning,
                language=language,
                mentions=mentions,
            )
            return unit.origin.object(made.id)

    typer.echo(_run(context, command))


def edit(context: typer.Context, which: Which, text: str, actor: As) -> None:
    """Replaces the text of one's own post."""

    async def command(assembly: Assembly) -> None:
        async with assembly.federation.writing() as unit:
            await service.edit(unit, author=await actor_named(unit, actor), post_id=which, text=text)

    _run(context, command)


def delete(context: typer.Context, which: Which, actor: As) -> None:
    """Deletes one's own post, here and everywhere that listens."""

    async def command(assembly: Assembly) -> None:
        async with assembly.federation.writing() as unit:
            await service.delete(unit, author=await actor_named(unit, actor), post_id=which)

    _run(context, command)


def boost(context: typer.Context, which: Which, actor: As) -> None:
    """Passes a public post on to one's followers."""
    _react(context, which, actor, reactions.boost)


def unboost(context: typer.Context, which: Which, actor: As) -> None:
    """Takes a boost back."""
    _react(context, which, actor, reactions.unboost)


def like(context: typer.Context, which: Which, actor: As) -> None:
    """Tells the author of a post, and nobody else, that it is liked."""
    _react(context, which, actor, reactions.like)


def unlike(context: typer.Context, which: Which, actor: As) -> None:
    """Takes a like back."""
    _react(context, which, actor, reactions.unlike)


def timeline(
    context: typer.Context,
    actor: As,
    limit: Annotated[int, typer.Option(min=1, max=80)] = 20,
) -> None:
    """Shows what an actor reads: posts of those it follows and belongs to, its own, and boosts; newest first."""

    async def command(assembly: Assembly) -> list[str]:
        async with assembly.federation.reading() as unit:
            page = await timelines.timeline_home(unit, await actor_named(unit, actor), Window(limit))
            return [line for entry in page.entries for line in _lines(entry)]

    for line in _run(context, command):
        typer.echo(line)


def _lines(entry: timelines.Entry) -> list[str]:
    content = entry.post.content
    boosted = f", boosted by {entry.boosted_by}" if entry.boosted_by else ""
    return [
        f"{content.published:%Y-%m-%d %H:%M} {content.author} ({entry.post.audience}{boosted})",
        f"  {content.uri}",
        *(f"  | {line}" for line in plain_text(content.html).splitlines()),
        "",
    ]


def _react(context: typer.Context, which: str, actor: str, reaction: Callable[..., Awaitable[object]]) -> None:
    async def command(assembly: Assembly) -> None:
        async with assembly.federation.writing() as unit:
            await reaction(unit, actor=await actor_named(unit, actor), post=which)

    _run(context, command)


def _run(context: typer.Context, command: Callable[[Assembly], Awaitable[Result]]) -> Result:
    try:
        return run(context, command)
    except Refused as error:
        raise CommandFailed(str(error)) from error
