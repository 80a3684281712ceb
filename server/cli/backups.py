"""`backup` and `restore`: copies of all there is, and how one comes back."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from crypto import age
from server.assembly import utc_now
from server.backups import creating, keeping, opening, restoring
from server.backups.manifest import Manifest
from server.backups.opening import Opened
from server.backups.problem import Problem
from server.cli.terminal import CommandFailed, done, in_words, settings_of
from server.config import Settings

Identity = Annotated[Path | None, typer.Option(help="File with the secret age identity; asked for.")]
KeysFrom = Annotated[Path | None, typer.Option(help="A newer backup of the same server, for its wrapped keys.")]
Recipients = Annotated[list[str] | None, typer.Option(help="Who can open it (GROUNDSWELL_BACKUP_RECIPIENTS).")]
Folder = Annotated[Path | None, typer.Option("--dir", help="Where backups are (GROUNDSWELL_BACKUP_DIR).")]


def register(app: typer.Typer) -> None:
    """Adds these families."""
    family = typer.Typer(help="Copies of all there is.", no_args_is_help=True)
    family.command("identity")(make_identity)
    family.command("create")(create)
    family.command("verify")(verify)
    family.command("list")(list_backups)
    family.command("prune")(prune)
    app.add_typer(family, name="backup")
    app.command("restore")(restore)


def make_identity(file: Annotated[Path, typer.Argument(help="A new file for the secret.")]) -> None:
    """Makes the key that opens backups. Best on your own computer: the server needs only the recipient it prints."""
    secret, recipient = age.new_identity()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as target:
            target.write(f"# opens backups; keep it away from the server\n# public key: {recipient}\n{secret}\n")
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise CommandFailed(f"{file}: {error.strerror}") from error
    typer.echo(recipient)
    typer.echo(
        f"{file} opens every backup made for this recipient: keep it, and a copy, away from the server\n"
        f"on the server → export GROUNDSWELL_BACKUP_RECIPIENTS={recipient}",
        err=True,
    )


def create(
    context: typer.Context,
    folder: Folder = None,
    recipient: Recipients = None,
    with_root_key: Annotated[bool, typer.Option("--with-root-key", help="Puts the root key in as well.")] = False,
) -> None:
    """Makes a backup while the server runs. Says what is in it and who can open it."""
    settings = _with(settings_of(context), folder, recipient)
    typer.echo(f"data directory: {settings.data_dir}", err=True)
    made = done(creating.create(settings, now=utc_now(), with_root_key=with_root_key))
    manifest = made.manifest
    typer.echo(f"{made.path} ({in_words(made.size)})")
    typer.echo(f"holds    {_contents(manifest)}; the settings, without passwords")
    for who in settings.backup_recipients:
        typer.echo(f"opened   by whoever holds the identity of {who}; not by this server")
    if manifest.root_key:
        typer.echo("root key IS IN IT: whoever opens it reads everything, names of members and private keys too")
    else:
        typer.echo(
            "root key is not in it: whoever opens it reads what is plain in the database; nothing sealed is read, or "
            f"restored, without the copy of {settings.key_path} that you keep elsewhere"
        )
    typer.echo(f"next     where the identity is → groundswell backup verify {made.path.name}")


def _contents(manifest: Manifest) -> str:
    return (
        f"the database of {manifest.origin} (schema {manifest.revision}): {sum(manifest.tables.values())} rows; "
        f"wrapped keys: {manifest.tables['data_keys']}; other files: {manifest.files}"
    )


def _with(settings: Settings, folder: Path | None, recipients: list[str] | None) -> Settings:
    changes: dict[str, object] = {}
    if folder is not None:
        changes["backup_dir"] = folder.expanduser().absolute()
    if recipients:
        try:
            changes["backup_recipients"] = tuple(age.check_recipient(text) for text in recipients)
        except age.BadKey as error:
            raise CommandFailed(f"--recipient: {error}") from error
    return settings.model_copy(update=changes)


def verify(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    identity: Identity = None,
    keys_from: KeysFrom = None,
    root_key: Annotated[Path | None, typer.Option(help="Root key file: also tries whether it fits.")] = None,
) -> None:
    """Opens a backup in the temporary directory, checks every part, the database and the counts, and removes it."""
    try:
        opened = opening.verify(
            file,
            _secret(identity),
            Path(tempfile.gettempdir()),
            keys_from=keys_from,
            key_file=root_key,
        )
    except Problem as problem:
        raise CommandFailed(str(problem)) from problem
    manifest = opened.manifest
    typer.echo(f"good     {file}: {len(manifest.parts)} parts with their checksums, the database whole")
    typer.echo(
        f"holds    {_contents(manifest)}; made {manifest.made_at:%Y-%m-%d %H:%M} UTC by Groundswell {manifest.version}"
    )
    typer.echo(f"root key {_about_root_key(opened, tried=root_key is not None)}")


def _secret(file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise CommandFailed("name the file with the identity: --identity FILE")
        file = Path(typer.prompt("File with the identity"))
    try:
        return opening.read_identity(file.expanduser())
    except Problem as problem:
        raise CommandFailed(str(problem)) from problem


def _about_root_key(opened: Opened, *, tried: bool) -> str:
    if tried:
        return "opens every wrapped key"
    if opened.root is not None:
        return "is in it, and opens every wrapped key"
    return "is not in it, and was not tried: without its copy nothing sealed comes back (--root-key FILE tries one)"


def list_backups(context: typer.Context, folder: Folder = None) -> None:
    """Lists the backups of a folder, the newest first, as far as they can be seen without opening them."""
    settings = _with(settings_of(context), folder, None)
    kept = _kept(settings.backup_folder)
    typer.echo(f"backups in {settings.backup_folder}", err=True)
    for each in kept:
        keys = "wrapped keys" if each.data_keys else "no wrapped keys"
        about = "DAMAGED" if each.fault else keys + (", ROOT KEY" if each.root_key else "")
        typer.echo(f"{each.path.name}  {in_words(each.size):>9}  {about}")
    if not kept:
        typer.echo("none → groundswell backup create")


def _kept(folder: Path) -> list[keeping.Kept]:
    try:
        return keeping.backups_in(folder)
    except Problem as problem:
        raise CommandFailed(str(problem)) from problem


def prune(
    context: typer.Context,
    keep: Annotated[int, typer.Option(min=1, help="How many to keep, the newest.")],
    keys: Annotated[int | None, typer.Option(min=1, help="How many of them keep their wrapped keys.")] = None,
    folder: Folder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only says what would go.")] = False,
) -> None:
    """Deletes old backups. What was deleted on the server is still in them, and in older ones more of it."""
    settings = _with(settings_of(context), folder, None)
    typer.echo(f"backups in {settings.backup_folder}", err=True)
    try:
        pruning = keeping.plan_pruning(settings.backup_folder, keep=keep, keys=keys)
        if not dry_run:
            keeping.prune(settings.backup_folder, pruning)
    except Problem as problem:
        raise CommandFailed(str(problem)) from problem
    would = "would go: " if dry_run else ""
    for path in pruning.remove:
        typer.echo(f"{would}{path.name}" if dry_run else f"deleted {path.name}")
    for path in pruning.strip:
        typer.echo(f"{would}wrapped keys of {path.name}" if dry_run else f"took the wrapped keys out of {path.name}")
    if not pruning.remove and not pruning.strip:
        typer.echo("nothing to delete")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The backup.")],
    identity: Identity = None,
    to: Annotated[Path | None, typer.Option(help="A new or empty directory; by default the data directory.")] = None,
    keys_from: KeysFrom = None,
) -> None:
    """Brings database, files and keys of a backup to an empty place, from which the server then runs."""
    settings = settings_of(context)
    if to is not None:
        settings = settings.model_copy(update={"data_dir": to.expanduser().absolute()})
    typer.echo(f"data directory: {settings.data_dir}", err=True)
    secret = _secret(identity)
    restored = done(restoring.restore(file, secret, settings, keys_from=keys_from))
    manifest = restored.opened.manifest
    where = "PostgreSQL" if settings.sqlite_path is None else "SQLite"
    typer.echo(f"restored {manifest.origin} as of {manifest.made_at:%Y-%m-%d %H:%M} UTC, on {where}")
    for name, value in restored.opened.configuration.items():
        typer.echo(f"  it ran with {name}={value}")
    if restored.key:
        typer.echo(f"root key {settings.key_path}: fits")
    else:
        typer.echo(f"root key was not in the backup → put your copy at {settings.key_path}, readable by you alone")
    typer.echo("before you start: the old server must be off for good; two of one name garble both")
    typer.echo(f"then → groundswell --data-dir {settings.data_dir} --domain {manifest.origin.partition('://')[2]} run")
