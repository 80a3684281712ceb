"""`movement`: the movements of this server."""

from typing import Annotated

import typer

from federation.identities import BadHandle, HandleTaken, make_keypairs
from server.assembly import Assembly
from server.cli.terminal import CommandFailed, actor_named, run
from server.organizing.movements import audit, queries, service
from server.organizing.refusal import Refused


def register(app: typer.Typer) -> None:
    """Adds this family."""
    family = typer.Typer(help="Movements and their circles.", no_args_is_help=True)
    family.command("create")(create)
    family.command("list")(show)
    family.command("log")(log)
    app.add_typer(family, name="movement")


def create(
    context: typer.Context,
    handle: Annotated[str, typer.Argument(help="Address of the movement: a-z, 0-9, _.")],
    name: Annotated[str, typer.Option(help="Name, as people read it.")],
    summary: Annotated[str, typer.Option(help="What it wants.")] = "",
    posture: Annotated[str, typer.Option(help="quiet, members or public.")] = "quiet",
    organizer: Annotated[str | None, typer.Option(help="A local person who organizes it.")] = None,
) -> None:
    """Makes a movement and its locked circle of members."""

    async def command(assembly: Assembly) -> list[str]:
        keypairs, circle_keypairs = await make_keypairs(), await make_keypairs()
        async with assembly.federation.writing() as unit:
            person = await actor_named(unit, organizer) if organizer else None
            movement = await service.create_movement(
                unit,
                handle=handle,
                name=name,
                keypairs=keypairs,
                circle_keypairs=circle_keypairs,
                summary=summary,
                posture=posture,
                organizer=person,
            )
            circle = await queries.circle_actor(unit, movement)
            domain = unit.origin.domain
            return [f"movement: @{handle}@{domain}", f"members' circle: @{circle.handle}@{domain}"]

    try:
        for line in run(context, command):
            typer.echo(line)
    except (BadHandle, HandleTaken, Refused) as error:
        raise CommandFailed(str(error)) from error


def show(context: typer.Context) -> None:
    """Lists movements, their posture and their circles."""

    async def command(assembly: Assembly) -> list[str]:
        async with assembly.federation.reading() as unit:
            return [
                f"@{entry.actor.handle}\t{entry.movement.posture}\t{entry.actor.name}\t"
                + ", ".join(f"@{circle.handle}" for circle in entry.circles)
                for entry in await queries.list_movements(unit)
            ]

    for line in run(context, command):
        typer.echo(line)


def log(
    context: typer.Context,
    handle: Annotated[str, typer.Argument(help="A movement or circle.")],
) -> None:
    """What organizers did as a movement or circle within three months, newest first."""

    async def command(assembly: Assembly) -> list[str]:
        async with assembly.federation.reading() as unit:
            entries = await audit.entries_of(unit, await actor_named(unit, handle))
            return [f"{entry.moment:%Y-%m-%d %H:%M} UTC\t@{entry.by}\t{entry.act}" for entry in entries]

    for line in run(context, command):
        typer.echo(line)
