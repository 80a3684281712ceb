"""`keys`: what protects the data, how old it is, and new ones for old. Shows no secret."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from federation.identities import NoSuchKey, TooSoon
from models import LocalActor
from server.assembly import Assembly
from server.cli.key_changes import Which, rotate_data, rotate_federation, rotate_root
from server.cli.terminal import CommandFailed, run, settings_of
from server.custody.data_keys import KeyRow, keys_of
from server.custody.opening import DamagedData
from server.custody.placement import examine
from server.custody.record import read_record
from server.custody.resealing import count_sealed
from server.custody.sources import Source
from server.root_key import RootKeyProblem
from server.vault import INDEX_SCOPE, StaleRootKey


def register(app: typer.Typer) -> None:
    """Adds this family."""
    family = typer.Typer(help="Root key, data keys, keys of actors.", no_args_is_help=True)
    family.command("status")(status)
    family.command("rotate")(rotate)
    app.add_typer(family, name="keys")


def status(context: typer.Context) -> None:
    """Which keys there are, how old they are, and what protects them."""

    async def command(assembly: Assembly) -> list[str]:
        async with assembly.federation.reading() as unit:
            lines = [*await _about_root(assembly, unit), *await _about_data(unit), *await _about_actors(unit)]
        return [*lines, "set-up link   new at every start, until somebody has an account; only its hash is kept"]

    for line in run(context, command):
        typer.echo(line)


def rotate(
    context: typer.Context,
    which: Annotated[Which, typer.Argument(help="root, data or federation.")],
    name: Annotated[
        str, typer.Argument(help="data: server, or a movement; federation: an actor. All if left out.")
    ] = "",
    to: Annotated[Source | None, typer.Option(help="root: where the new key comes from.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="root: a new file for the new key.")] = None,
    new_passphrase_file: Annotated[Path | None, typer.Option(help="root: file or descriptor with it.")] = None,
    reseal: Annotated[bool, typer.Option("--reseal", help="data: seal anew what older keys sealed.")] = False,
    at_once: Annotated[bool, typer.Option("--at-once", help="federation: no overlap, for stolen keys.")] = False,
) -> None:
    """Changes keys. Cut off at any moment, the old ones or the new ones open everything."""
    strays = {
        "a name": bool(name) and which is Which.ROOT,
        "--to, --key-file or --new-passphrase-file": any((to, key_file, new_passphrase_file))
        and which is not Which.ROOT,
        "--reseal": reseal and which is not Which.DATA,
        "--at-once": at_once and which is not Which.FEDERATION,
    }
    for option in (option for option, stray in strays.items() if stray):
        raise CommandFailed(f"{option} means nothing for: keys rotate {which}")
    try:
        if which is Which.ROOT:
            lines = rotate_root(settings_of(context), to, key_file, new_passphrase_file)
        elif which is Which.DATA:
            lines = run(context, lambda assembly: rotate_data(assembly, name, resealing=reseal))
        else:
            lines = run(context, lambda assembly: rotate_federation(assembly, name, at_once=at_once))
    except (RootKeyProblem, DamagedData, StaleRootKey, TooSoon, NoSuchKey) as error:
        raise CommandFailed(str(error)) from error
    for line in lines:
        typer.echo(line)


async def _about_root(assembly: Assembly, unit: Context) -> list[str]:
    held, record = assembly.held, await read_record(unit.session)
    since = "" if record is None else f", in use since {record.since}"
    lines = [f"root key      {held.root.id[:8]}: {held.where}{since}"]
    for remark in examine(assembly.settings, held.source):
        step = f" → {remark.next_step}" if remark.next_step else ""
        lines.append(f"              {remark.level}: {remark.detail}{step}")
    return lines


async def _about_data(unit: Context) -> list[str]:
    keys = await keys_of(unit)
    look_ups = next(key for key in keys if key.scope == INDEX_SCOPE)
    current = [key for key in keys if key.retired_on is None and key is not look_ups]
    older = [key for key in keys if key.retired_on is not None]
    lines = [f"look-ups      one key, since {look_ups.made_on}, under the root key; it stays when that changes"]
    lines += [f"data key      {await _owner(unit, key)}, since {key.made_on}" for key in current]
    if older:
        sealed = await count_sealed(unit)
        needed = sum(sealed[key.id] for key in older)
        lines.append(f"older keys    {len(older)}, which {needed} cells need → groundswell keys rotate data --reseal")
    return lines


async def _owner(unit: Context, key: KeyRow) -> str:
    movement = await unit.session.get(LocalActor, key.scope.partition(":")[2])
    return key.scope if movement is None else f"@{movement.handle}"


async def _about_actors(unit: Context) -> list[str]:
    statement = select(LocalActor).where(col(LocalActor.state) == "active").order_by(col(LocalActor.handle))
    lines = []
    for actor in (await unit.session.execute(statement)).scalars():
        former = f"; those before count until {actor.former_until.date()}" if actor.former_until else ""
        lines.append(f"actor         @{actor.handle}: since {actor.keys_made_on}{former}")
    return lines
