"""`person`: local accounts."""

from typing import Annotated

import typer

from federation.identities import BadHandle, HandleTaken, make_keypairs
from server.assembly import Assembly
from server.cli.terminal import CommandFailed, run
from server.organizing.people import service
from server.organizing.refusal import Refused


def register(app: typer.Typer) -> None:
    """Adds this family."""
    family = typer.Typer(help="Local accounts.", no_args_is_help=True)
    family.command("create")(create)
    app.add_typer(family, name="person")


def create(
    context: typer.Context,
    handle: Annotated[str, typer.Argument(help="Name here, not a real one: a-z, 0-9, _.")],
    passphrase: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="GROUNDSWELL_PASSPHRASE")
    ],
    name: Annotated[str, typer.Option(help="Shown name.")] = "",
) -> None:
    """Makes a pseudonymous account. The passphrase is asked for, or read from GROUNDSWELL_PASSPHRASE."""

    async def command(assembly: Assembly) -> str:
        hashed, keypairs = await service.hash_passphrase(passphrase), await make_keypairs()
        async with assembly.federation.writing() as unit:
            actor = await service.create_person(unit, handle=handle, passphrase=hashed, keypairs=keypairs, name=name)
            return f"@{actor.handle}@{unit.origin.domain}"

    try:
        typer.echo(run(context, command))
    except (BadHandle, HandleTaken, Refused) as error:
        raise CommandFailed(str(error)) from error
