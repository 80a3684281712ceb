"""`init`: the choice that has to be made before anything is stored: where the root key comes from."""

import asyncio
import sys
from typing import Annotated

import typer

from server.assembly import assemble
from server.cli.terminal import CommandFailed, settings_of
from server.config import Settings
from server.custody.opening import Held
from server.custody.placement import examine, promises
from server.custody.sources import CREDENTIAL, Source, chosen_source, credential_path
from server.root_key import BEGUN, RootKeyProblem


def register(app: typer.Typer) -> None:
    """Adds this family."""
    app.command("init")(init)


def init(
    context: typer.Context,
    key_source: Annotated[
        Source | None, typer.Option(help="Where the root key comes from; asked for if left out.")
    ] = None,
) -> None:
    """Makes data directory and root key, and says what that key protects from. `run` takes the default by itself."""
    settings = settings_of(context)
    if (settings.data_dir / BEGUN).exists():
        raise CommandFailed(f"{settings.data_dir} was begun already; see: groundswell keys status")
    source = _choose(settings, key_source)
    if source is Source.CREDENTIAL and credential_path() is None:
        # Made as a file, which the service manager's own means then encrypt.
        settings = settings.model_copy(update={"key_source": "file"})
    else:
        settings = settings.model_copy(update={"key_source": source.value})
    held = asyncio.run(_begin(settings))
    for line in _made(settings, source, held):
        typer.echo(line)


def _choose(settings: Settings, given: Source | None) -> Source:
    try:
        chosen = chosen_source(settings)
    except RootKeyProblem as problem:
        raise CommandFailed(str(problem)) from problem
    if given is not None and chosen not in (None, given):
        raise CommandFailed(f"--key-source is {given}, and the settings say {chosen}: change one of them")
    if given or chosen:
        return given or chosen or Source.FILE
    if not sys.stdin.isatty():
        return Source.FILE
    typer.echo("Everything that names people is sealed with one root key. Where should it come from?\n", err=True)
    for source in Source:
        typer.echo("\n  ".join([source.value, *promises(source)]) + "\n", err=True)
    # By hand and not by a list of choices: a mistake is asked about again, in these words.
    while True:
        typed = typer.prompt("file, passphrase or credential", default=Source.FILE.value, err=True).strip().lower()
        if typed in list(Source):
            return Source(typed)


async def _begin(settings: Settings) -> Held:
    async with assemble(settings) as assembly:
        return assembly.held


def _made(settings: Settings, source: Source, held: Held) -> list[str]:
    lines = [f"data directory: {settings.data_dir}", f"root key:       {held.where}", *promises(source)]
    if source is Source.CREDENTIAL and held.source is Source.FILE:
        lines += credential_steps(str(settings.key_path))
    elif source is Source.PASSPHRASE:
        lines.append("next:        write the passphrase down and keep it apart from the machine; then: groundswell run")
    else:
        lines.append("next:        keep a copy of the key apart from the data and its backups; then: groundswell run")
    remarks = examine(settings, held.source) if held.source is source else ()
    lines += [f"{remark.level}:        {remark.detail} → {remark.next_step}" for remark in remarks if remark.next_step]
    return lines


def credential_steps(path: str) -> list[str]:
    """What to do with a key file so that the service manager hands it over."""
    return [
        f"1. keep a copy of {path} apart from this machine: with the machine, the credential is lost",
        f"2. systemd-creds encrypt --name={CREDENTIAL} {path} /etc/credstore.encrypted/{CREDENTIAL}",
        f"3. in the service: LoadCredentialEncrypted={CREDENTIAL}; start it, and look for its address in its log",
        f"4. shred -u {path}",
    ]
