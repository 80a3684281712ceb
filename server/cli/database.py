"""`migrate` and `db`: the schema of the data, and from one kind of database to the other."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from server.assembly import assemble
from server.backups import converting, migrating
from server.backups.converting import Sums
from server.backups.creating import without_password
from server.cli.terminal import done, in_words, out, settings_of
from server.config import Settings


def register(app: typer.Typer) -> None:
    """Adds these families."""
    family = typer.Typer(help="The schema of the data.", no_args_is_help=True)
    family.command("plan")(plan)
    family.command("run")(run_migration)
    family.command("status")(status)
    app.add_typer(family, name="migrate")
    database = typer.Typer(help="The database itself.", no_args_is_help=True)
    database.command("convert")(convert)
    # A family of one command would lose its name.
    database.callback()(lambda: None)
    app.add_typer(database, name="db")


def status(context: typer.Context) -> None:
    """Says which schema the data has, and whether anything is left to do."""
    seen = _look(_announced(context))
    typer.echo(f"schema: {seen.revision}, newest {seen.newest}")
    if seen.is_current:
        typer.echo("nothing to do")
    elif seen.pending:
        typer.echo(f"{len(seen.pending)} to apply → groundswell migrate plan")
    else:
        typer.echo(f"{seen.unfilled} rows are to be filled with what takes the root key → groundswell migrate run")


def plan(context: typer.Context) -> None:
    """Says what `migrate run`, or the next start of the server, would do. Changes nothing."""
    settings = _announced(context)
    seen = _look(settings)
    for revision, does in seen.pending:
        typer.echo(f"apply  {revision}: {does}")
    if seen.unfilled:
        typer.echo(f"fill   {seen.unfilled} rows with what takes the root key, in steps")
    if seen.is_current:
        typer.echo(f"nothing to do: the schema is {seen.newest}, the newest")
        return
    typer.echo(f"over   {seen.rows} rows, {in_words(seen.size)}; {in_words(seen.free)} are free on the disk")
    if seen.pending:
        typer.echo("how    all revisions in one transaction: stop the server first; cut off, nothing was changed")
        typer.echo(f"before {_backup_before(settings)}")


def _backup_before(settings: Settings) -> str:
    if settings.backup_recipients:
        return f"a backup into {settings.backup_folder}"
    return "no backup: set GROUNDSWELL_BACKUP_RECIPIENTS to have one made"


def run_migration(context: typer.Context) -> None:
    """Does what the next start of the server would do: a backup, what is pending, what is left. Can be repeated."""
    settings = _announced(context)
    seen = _look(settings)
    if seen.is_current:
        typer.echo(f"nothing to do: the schema is {seen.newest}, the newest")
        return
    asyncio.run(_start_once(settings))
    typer.echo(f"the schema is {_look(settings).revision} now")


async def _start_once(settings: Settings) -> None:
    async with assemble(settings, create=False, tell=typer.echo):
        return


def convert(
    context: typer.Context,
    to: Annotated[str, typer.Option(help="postgresql://USER@HOST/NAME of an empty database, or: sqlite")],
) -> None:
    """Copies the data into a database of the other kind, all or nothing. The server must be stopped."""
    settings = _announced(context)
    if to == "sqlite":
        sums = done(converting.to_sqlite(settings))
        step = "unset GROUNDSWELL_DATABASE_URL and start the server; the old database is as it was"
    else:
        sums = done(converting.to_postgres(settings, to))
        step = f"set GROUNDSWELL_DATABASE_URL to {without_password(to)} and start the server; the old file is as it was"
    _print(sums)
    typer.echo(f"every row was read again and is the same → {step}, delete it when all is well")


def _print(sums: Sums) -> None:
    table = Table("table", "rows", "SHA-256 on both sides", box=None)
    for name, each in sorted(sums.items()):
        table.add_row(name, str(each.rows), each.sha256[:32])
    out.print(table)


def _announced(context: typer.Context) -> Settings:
    settings = settings_of(context)
    typer.echo(f"data directory: {settings.data_dir}", err=True)
    return settings


def _look(settings: Settings) -> migrating.Status:
    return done(migrating.status(settings))
