"""`queue`: what waits, in and out, by age; stops and resumes the work on it for all processes."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from federation import pauses
from federation.context import Context
from federation.overview import HostState, Overview, Source, overview
from federation.pauses import DIRECTIONS, Direction
from federation.queues import Queue
from server.assembly import Assembly
from server.checks.stored import told
from server.cli.terminal import CommandFailed, run, show_table

Way = Annotated[str | None, typer.Argument(metavar="[in|out]", help="What came in, or what goes out; both without it.")]


def register(app: typer.Typer) -> None:
    """Adds this family."""
    family = typer.Typer(help="What waits, in and out.", no_args_is_help=True)
    family.command("stats")(stats)
    family.command("pause")(pause)
    family.command("resume")(resume)
    app.add_typer(family, name="queue")


def stats(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Servers of each direction that are named.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")] = False,
) -> None:
    """Shows the age of the oldest that waits, then how many; then the same by server, oldest first."""

    async def command(assembly: Assembly) -> tuple[Overview, datetime]:
        async with assembly.federation.reading() as unit:
            return await overview(unit), unit.now

    seen, now = run(context, command)
    if as_json:
        typer.echo(json.dumps(_document(seen, now, limit), indent=2))
        return
    for direction, queue, servers in _both(seen):
        typer.echo(f"{direction}: {_line(queue, now)}")
        busy = [server for server in servers if server.waiting or server.dead]
        if busy:
            table = Table("oldest", "waiting", "given up", "server", box=None)
            for server in busy[:limit]:
                table.add_row(_age(server.oldest, now), str(server.waiting), str(server.dead), server.host)
            show_table(table)
        if len(busy) > limit:
            typer.echo(f"and {len(busy) - limit} more servers")


def pause(context: typer.Context, which: Way = None) -> None:
    """Stops the work on a queue within seconds, in every process, until resumed. More is taken in all the same."""

    _change(context, which, pauses.pause, done="paused", vain="was paused already")


def resume(context: typer.Context, which: Way = None) -> None:
    """Lets the work go on."""

    _change(context, which, pauses.resume, done="goes on", vain="was not paused")


def _change(
    context: typer.Context,
    which: str | None,
    change: Callable[[Context, Direction], Awaitable[bool]],
    *,
    done: str,
    vain: str,
) -> None:
    async def command(assembly: Assembly) -> list[str]:
        async with assembly.federation.writing() as unit:
            return [f"{way}: {done if await change(unit, way) else vain}" for way in _directions(which)]

    for line in run(context, command):
        typer.echo(line)


def _directions(which: str | None) -> tuple[Direction, ...]:
    if which is None:
        return DIRECTIONS
    for direction in DIRECTIONS:
        if which == direction:
            return (direction,)
    raise CommandFailed(f"{which!r} is no queue; there are: in, out")


def _both(seen: Overview) -> tuple[tuple[str, Queue, tuple[Source | HostState, ...]], ...]:
    return ("in", seen.queues.inbound, seen.sources), ("out", seen.queues.outbound, seen.hosts)


def _line(queue: Queue, now: datetime) -> str:
    parts = [f"oldest {_age(queue.oldest, now)}", f"{queue.waiting} waiting", f"{queue.dead} given up"]
    if queue.overdue_since is not None:
        parts.append(f"not taken up for {_age(queue.overdue_since, now)}")
    if queue.paused_since is not None:
        parts.append(f"PAUSED for {_age(queue.paused_since, now)}")
    return ", ".join(parts)


def _age(since: datetime | None, now: datetime) -> str:
    return "–" if since is None else told(now - since)


def _document(seen: Overview, now: datetime, limit: int) -> dict[str, object]:
    def age(since: datetime | None) -> float | None:
        return None if since is None else max(0.0, (now - since).total_seconds())

    return {
        direction: {
            "oldest_seconds": age(queue.oldest),
            "overdue_seconds": age(queue.overdue_since),
            "waiting": queue.waiting,
            "given_up": queue.dead,
            "paused": queue.paused_since is not None,
            "servers": [
                {"host": one.host, "oldest_seconds": age(one.oldest), "waiting": one.waiting, "given_up": one.dead}
                for one in servers[:limit]
                if one.waiting or one.dead
            ],
        }
        for direction, queue, servers in _both(seen)
    }
