"""Makes a backup: snapshot, files, keys and settings, each encrypted to the recipients, in one file."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic_core import to_json

from server.backups import archive
from server.backups.files import Packer
from server.backups.manifest import Manifest, write_keys
from server.backups.pipes import produced
from server.backups.problem import Problem, told
from server.backups.scratch import publish, scratch
from server.backups.snapshots import Snapshot, take
from server.config import Settings
from server.custody.opening import hold, peek
from server.custody.record import DamagedRecord, RootRecord
from server.custody.sources import Source, ask_on_terminal, chosen_source
from server.db import create_engine
from server.root_key import BEGUN, RootKeyProblem
from server.version import VERSION


@dataclass(frozen=True, slots=True)
class Made:
    """A finished backup."""

    path: Path
    size: int
    manifest: Manifest
    keys: int


def name_at(moment: datetime) -> str:
    """The name of a backup made at a moment: to the second, in UTC."""
    return f"groundswell-{moment.astimezone(UTC):%Y-%m-%dT%H%M%SZ}.tar"


async def create(settings: Settings, *, now: datetime, with_root_key: bool = False) -> Made:
    """Writes a new backup into the backup folder. The server may run and write meanwhile.

    The root key is not needed and not read unless it is to come along; one that is made from a passphrase does not.
    Raises `Problem`; there is no file then.
    """
    if not settings.backup_recipients:
        raise Problem("nobody could open it: name a recipient, or make one with: groundswell backup identity FILE")
    if not (settings.data_dir / BEGUN).exists():
        raise Problem(f"there is nothing in {settings.data_dir}")
    root = await _root_key(settings) if with_root_key else None
    with told(settings.data_dir, settings.backup_folder):
        settings.backup_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = settings.backup_folder / name_at(now)
        if target.exists():
            raise Problem(f"{target} is there already, and nothing is overwritten: wait a second")
        with scratch(settings.data_dir) as inside, scratch(settings.backup_folder) as outside:
            snapshot = await take(settings, inside / archive.DATABASE)
            written = outside / target.name
            manifest = _write(written, snapshot, settings, root, now)
            archive.read_parts(written)
            size = written.stat().st_size
            publish(written, target)
    return Made(target, size, manifest, len(snapshot.keys))


async def _root_key(settings: Settings) -> bytes:
    """The key that the data is under, from a file or a credential; a restore makes a file of it. Raises `Problem`."""
    try:
        with told():
            record = await _record(settings)
        if (record is not None and record.stretching) or chosen_source(settings) is Source.PASSPHRASE:
            raise Problem(
                "the root key is made from a passphrase, and whoever restores a backup types that: leave out "
                "--with-root-key, and keep the passphrase apart from the backups"
            )
        return (await hold(settings, record, begun=True, ask=ask_on_terminal)).root.to_bytes()
    except (RootKeyProblem, DamagedRecord) as problem:
        raise Problem(str(problem)) from problem


async def _record(settings: Settings) -> RootRecord | None:
    engine = create_engine(settings.sqlalchemy_url)
    try:
        return await peek(engine)
    finally:
        await engine.dispose()


def _write(target: Path, snapshot: Snapshot, settings: Settings, root: bytes | None, now: datetime) -> Manifest:
    packer = Packer(settings.data_dir, besides=settings.backup_folder)
    with target.open("xb") as file:
        target.chmod(0o600)
        writer = archive.Writer(file, settings.backup_recipients, now.timestamp())
        with snapshot.path.open("rb") as database:
            writer.add(archive.DATABASE, database)
        with produced(packer.write) as files:
            writer.add(archive.FILES, files)
        writer.add_bytes(archive.CONFIGURATION, to_json(configuration(settings), indent=1))
        writer.add_bytes(archive.DATA_KEYS, write_keys(snapshot.keys))
        if root is not None:
            writer.add_bytes(archive.ROOT_KEY, root.hex().encode())
        manifest = Manifest(
            made_at=now,
            version=VERSION,
            revision=snapshot.revision,
            origin=snapshot.origin,
            database=snapshot.kind,
            root_key=root is not None,
            tables=snapshot.tables,
            files=packer.files,
            parts=dict(writer.sums),
        )
        writer.add_bytes(archive.MANIFEST, manifest.model_dump_json(indent=1).encode())
        writer.end()
    return manifest


def configuration(settings: Settings) -> dict[str, str]:
    """The settings that were chosen, as environment variables; a password in the database's address is left out."""
    shown = settings.environment()
    if settings.database_url is not None:
        shown["GROUNDSWELL_DATABASE_URL"] = without_password(settings.database_url)
    return shown


def without_password(url: str) -> str:
    """A database's address without the password in it, and without options, where there may be another."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=user.partition(":")[0] + at + host, query="", fragment="").geturl()
