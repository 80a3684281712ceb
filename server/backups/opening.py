"""Opens a backup and believes nothing in it before it was checked: every part, every checksum, every count."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crypto import age
from crypto.sealing import CannotOpen, RootKey
from server import schema
from server.backups import archive
from server.backups.archive import Reader
from server.backups.files import unpack
from server.backups.manifest import Manifest, WrappedKey, read_configuration, read_keys, read_manifest
from server.backups.problem import Problem, told
from server.backups.scratch import scratch
from server.backups.snapshots import count, examine, put_keys_back
from server.root_key import RootKeyProblem, load_root_key


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup whose parts lie decrypted in a folder, all of them checked. `root` is the key that came along."""

    manifest: Manifest
    configuration: dict[str, str]
    database: Path
    files: Path
    keys: list[WrappedKey]
    root: RootKey | None


def read_identity(path: Path) -> str:
    """The first identity in a file such as `age-keygen` writes. Raises `Problem` where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise Problem(f"{path} holds no age identity") from error
    except OSError as error:
        raise Problem(f"the identity {path} cannot be read: {error.strerror}") from error
    found = next((line.strip() for line in lines if line.strip().startswith(age.IDENTITY_PREFIX)), None)
    if found is None:
        protected = any("age-encryption.org" in line or "BEGIN AGE" in line for line in lines[:1])
        raise Problem(f"{path} holds no age identity" + (": decrypt it first, with age" if protected else ""))
    try:
        age.recipient_of(found)
    except age.BadKey as error:
        raise Problem(f"{path}: {error}") from error
    return found


def verify(
    path: Path, identity: str, work: Path, *, keys_from: Path | None = None, key_file: Path | None = None
) -> Opened:
    """Opens a backup inside the folder `work`, checks it, and leaves nothing behind.

    With the root key, from the backup or from `key_file`, also that it opens every wrapped key. Raises `Problem`.
    """
    with told(work), scratch(work) as folder:
        opened = open_into(path, identity, folder, keys_from=keys_from)
        root = opened.root
        if key_file is not None:
            root = root_key_at(key_file)
        if root is not None:
            check_root(root, opened.keys)
        return opened


def root_key_at(path: Path) -> RootKey:
    """The root key in a file. Raises `Problem`."""
    try:
        return load_root_key(path)
    except RootKeyProblem as problem:
        raise Problem(str(problem)) from problem


def check_root(root: RootKey, keys: Sequence[WrappedKey]) -> None:
    """Raises `Problem` unless the root key opens every wrapped key."""
    try:
        for key in keys:
            root.unwrap(bytes.fromhex(key.id), bytes.fromhex(key.wrapped), key.scope)
    except CannotOpen as error:
        raise Problem("the root key does not open this backup: it is the key of another server") from error


def open_into(path: Path, identity: str, folder: Path, *, keys_from: Path | None = None) -> Opened:
    """Decrypts all parts into an empty folder and checks them.

    `keys_from` is another backup of the same server, whose wrapped keys are taken instead. Raises `Problem`, and what
    disk and database raise.
    """
    reader = archive.read_parts(path)
    manifest = _manifest(reader, identity)
    configuration = read_configuration(_text(reader, manifest, archive.CONFIGURATION, identity))
    keys = _keys(reader, manifest, identity) if keys_from is None else _keys_of_other(keys_from, manifest, identity)
    database, files = folder / archive.DATABASE, folder / "files"
    _check(reader, manifest, archive.DATABASE, reader.extract(archive.DATABASE, identity, database))
    files.mkdir(mode=0o700)
    with reader.stream(archive.FILES, identity) as stream:
        unpacked = unpack(stream, files)  # type: ignore[arg-type]  # as much of a stream as is used
    _check(reader, manifest, archive.FILES, stream.sum)
    if unpacked != manifest.files:
        raise Problem(f"{path} is damaged: {unpacked} files where there were {manifest.files}")
    _check_database(database, manifest, keys, exact=keys_from is None)
    return Opened(manifest, configuration, database, files, keys, _root(reader, manifest, identity))


def _manifest(reader: Reader, identity: str) -> Manifest:
    data, _ = reader.text(archive.MANIFEST, identity)
    manifest = read_manifest(data)
    try:
        schema.check_known(manifest.revision)
    except schema.SchemaTooNew as error:
        raise Problem(
            f"the backup was made by Groundswell {manifest.version}, whose schema {manifest.revision} this version "
            "does not know: use that one or a newer one"
        ) from error
    return manifest


def _text(reader: Reader, manifest: Manifest, name: str, identity: str) -> bytes:
    data, found = reader.text(name, identity)
    _check(reader, manifest, name, found)
    return data


def _check(reader: Reader, manifest: Manifest, name: str, found: archive.Sum) -> None:
    if manifest.parts.get(name) != found:
        raise Problem(f"{reader.path} is damaged: the part {name} is not the one that the manifest names")


def _keys(reader: Reader, manifest: Manifest, identity: str) -> list[WrappedKey]:
    if archive.DATA_KEYS not in reader.parts:
        raise Problem(
            f"the wrapped keys were taken out of {reader.path} (backup prune --keys): name a newer backup of the same "
            "server with --keys-from"
        )
    return read_keys(_text(reader, manifest, archive.DATA_KEYS, identity))


def _keys_of_other(path: Path, manifest: Manifest, identity: str) -> list[WrappedKey]:
    other = archive.read_parts(path)
    its_manifest = _manifest(other, identity)
    if its_manifest.origin != manifest.origin:
        raise Problem(f"{path} is a backup of {its_manifest.origin}, not of {manifest.origin}")
    return _keys(other, its_manifest, identity)


def _root(reader: Reader, manifest: Manifest, identity: str) -> RootKey | None:
    if not manifest.root_key:
        return None
    if archive.ROOT_KEY not in reader.parts:
        raise Problem(f"{reader.path} is damaged: the root key is missing that the manifest names")
    try:
        return RootKey.from_bytes(bytes.fromhex(_text(reader, manifest, archive.ROOT_KEY, identity).decode("ascii")))
    except ValueError as error:
        raise Problem(f"{reader.path} is damaged: its root key cannot be read") from error


def _check_database(path: Path, manifest: Manifest, keys: list[WrappedKey], *, exact: bool) -> None:
    put_keys_back(path, keys)
    examine(path)
    expected = dict(manifest.tables)
    if not exact:
        expected["data_keys"] = len(keys)
    found = count(path)
    if found != expected:
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise Problem(f"the backup is damaged: {wrong[0]} has another number of rows than the manifest says")
