"""What all commands share: the settings, the open server, and words on the terminal."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from federation.context import Context
from federation.origin import Origin
from models import LocalActor
from server.assembly import Assembly, assemble
from server.backups.problem import Problem
from server.config import Settings
from server.organizing.people import queries as people

out = Console(highlight=False, soft_wrap=True)
Result = TypeVar("Result")


def show_table(table: Table) -> None:
    """Prints a table as wide as it is: a row is a line, for whoever reads it and for whoever searches it."""
    width = out.measure(table, options=out.options.update(max_width=10_000)).maximum
    Console(highlight=False, width=width).print(table)


class CommandFailed(Exception):
    """A mistake of the caller; the message is one line."""


def options(
    context: typer.Context,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory (GROUNDSWELL_DATA_DIR).")] = None,
    domain: Annotated[str | None, typer.Option(help="Public host name (GROUNDSWELL_DOMAIN).")] = None,
) -> None:
    """Reads the settings, flags first."""
    given = {"data_dir": data_dir, "domain": domain}
    context.obj = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def settings_of(context: typer.Context) -> Settings:
    """The settings that the flags and the environment gave."""
    settings: Settings = context.obj
    return settings


def fail(message: str) -> NoReturn:
    """Says what is wrong in one line, and ends with exit code 2."""
    typer.echo(f"groundswell: {' '.join(message.split())}", err=True)
    sys.exit(2)


@asynccontextmanager
async def opened(context: typer.Context) -> AsyncIterator[Assembly]:
    """The server's data, opened beside the running server or without one; says which directory it is."""
    settings = settings_of(context)
    typer.echo(f"data directory: {settings.data_dir}", err=True)
    async with assemble(settings, create=False) as assembly:
        yield assembly


def run(context: typer.Context, command: Callable[[Assembly], Awaitable[Result]]) -> Result:
    """Runs an asynchronous command over the opened data."""

    async def main() -> Result:
        async with opened(context) as assembly:
            return await command(assembly)

    return asyncio.run(main())


def done(work: Coroutine[Any, Any, Result]) -> Result:
    """What the work comes to. Raises `CommandFailed` for its problems."""
    try:
        return asyncio.run(work)
    except Problem as problem:
        raise CommandFailed(str(problem)) from problem


def in_words(size: int) -> str:
    """A number of bytes as people say it."""
    if size < 1_000_000:
        return f"{size / 1_000:.1f} kB"
    return f"{size / 1_000_000:.1f} MB" if size < 1_000_000_000 else f"{size / 1_000_000_000:.1f} GB"


def local_name(origin: Origin, text: str) -> str | None:
    """The handle in a text that names an actor of this server: `@flex`, `flex@our.domain`; None for others."""
    name = text.removeprefix("@").lower()
    if "/" in name:
        return None
    user, at, domain = name.partition("@")
    return user if not at or domain == origin.domain else None


async def actor_named(context: Context, handle: str) -> LocalActor:
    """The active local actor of a handle, with or without @ and our own domain. Raises `CommandFailed`."""
    name = local_name(context.origin, handle)
    actor = await people.find_actor(context, name) if name else None
    if actor is None or actor.state != "active":
        raise CommandFailed(f"there is no {handle} here; see: groundswell movement list")
    return actor
