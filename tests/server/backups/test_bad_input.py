"""Whatever is wrong with a backup or its place: one clear sentence, nothing overwritten, no half files."""

import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from crypto import age
from server.backups import archive, keeping
from server.backups.creating import create
from server.backups.opening import read_identity, verify
from server.backups.problem import Problem, told
from server.backups.restoring import restore
from server.config import Settings
from tests.conftest import Clock
from tests.server.backups.conftest import Operator


@pytest.fixture
def database_address() -> None:
    """SQLite: what is wrong here is wrong before any database is asked."""


@pytest.fixture
async def backup(operator: Operator, clock: Clock) -> Path:
    """A good backup, root key included."""
    return (await create(operator.settings, now=clock.now, with_root_key=True)).path


def refused(operator: Operator, path: Path, identity: str | None = None) -> str:
    """What verifying says; it leaves nothing."""
    work = operator.folder / "work"
    work.mkdir(exist_ok=True)
    with pytest.raises(Problem) as problem:
        verify(path, identity or operator.identity, work)
    assert list(work.iterdir()) == []
    return str(problem.value)


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.6, 0.9])
def test_cut_off(operator: Operator, backup: Path, share: float) -> None:
    whole = backup.read_bytes()
    backup.write_bytes(whole[: int(len(whole) * share)])
    assert "not a backup" in refused(operator, backup)
    assert keeping.backups_in(backup.parent)[0].fault


@pytest.mark.parametrize("name", [archive.DATABASE, archive.FILES, archive.DATA_KEYS, archive.MANIFEST])
@pytest.mark.parametrize("place", [5, 0.5, -1])
def test_a_bit_that_fell_over(operator: Operator, backup: Path, name: str, place: float) -> None:
    start, size = archive.read_parts(backup).parts[name]
    data = bytearray(backup.read_bytes())
    data[start + (size + int(place) if place < 0 else int(place * size) if place < 1 else int(place))] ^= 4
    backup.write_bytes(data)
    assert "is damaged" in refused(operator, backup)


def test_something_else(operator: Operator, tmp_path: Path) -> None:
    for content in (b"", b"hello", bytes(4_096)):
        other = tmp_path / "other.tar"
        other.write_bytes(content)
        assert "not a backup" in refused(operator, other)
    with tarfile.open(tmp_path / "files.tar", "w") as tar:
        tar.add(operator.settings.data_dir, "data")
    assert "not a backup" in refused(operator, tmp_path / "files.tar")
    assert "No such file" in refused(operator, tmp_path / "missing.tar")
    assert "Is a directory" in refused(operator, tmp_path)


def test_the_wrong_identity(operator: Operator, backup: Path) -> None:
    assert "for another recipient" in refused(operator, backup, age.new_identity()[0])


@pytest.mark.parametrize(
    "text", ["", "age1only", "AGE-SECRET-KEY-1NONSENSE", "age-encryption.org/v1\n-> scrypt", "\xff"]
)
def test_no_identity(tmp_path: Path, text: str) -> None:
    path = tmp_path / "identity"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Problem, match="identity"):
        read_identity(path)
    with pytest.raises(Problem, match="cannot be read: No such file"):
        read_identity(tmp_path / "none")


Change = Callable[[dict[str, bytes]], None]


def forged(backup: Path, operator: Operator, change: Change) -> Path:
    """A backup whose parts, by name, were changed by somebody who could open it, and encrypted again."""
    reader = archive.read_parts(backup)
    parts = {name: reader.text(name, operator.identity)[0] for name in reader.parts}
    change(parts)
    path = backup.with_name("forged.tar")
    with path.open("wb") as file:
        writer = archive.Writer(file, operator.settings.backup_recipients, 0.0)
        for name, data in parts.items():
            writer.add_bytes(name, data)
        writer.end()
    return path


def in_manifest(**values: object) -> Change:
    def change(parts: dict[str, bytes]) -> None:
        parts[archive.MANIFEST] = json.dumps(json.loads(parts[archive.MANIFEST]) | values).encode()

    return change


def of_part(name: str, change: Callable[[bytes], bytes]) -> Change:
    """Changes a part, and its checksum with it."""

    def both(parts: dict[str, bytes]) -> None:
        parts[name] = change(parts[name])
        manifest = json.loads(parts[archive.MANIFEST])
        summed = archive.Summed(io.BytesIO(parts[name]))
        summed.read()
        manifest["parts"][name] = {"size": summed.sum.size, "sha256": summed.sum.sha256}
        parts[archive.MANIFEST] = json.dumps(manifest).encode()

    return both


def without_part(name: str) -> Change:
    return lambda parts: parts.__delitem__(name)


def tar_of(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    return target.getvalue()


def other_database(data: bytes) -> bytes:
    return data[:8_192] + bytes(40_960) + data[49_152:]


FORGERIES: dict[str, tuple[Change, str]] = {
    "a newer schema": (in_manifest(revision="9999"), "schema 9999 this version does not know"),
    "a newer format": (in_manifest(format=2), "format 2"),
    "no number": (in_manifest(format="x"), "manifest cannot be read"),
    "other counts": (in_manifest(tables={"posts": 5}), "another number of rows"),
    "other files": (in_manifest(files=7), "2 files where there were 7"),
    "not the part": (lambda parts: parts.update({archive.FILES: tar_of("a")}), "not the one that the manifest names"),
    "no keys": (without_part(archive.DATA_KEYS), "--keys-from"),
    "no root key": (without_part(archive.ROOT_KEY), "root key is missing"),
    "no manifest": (without_part(archive.MANIFEST), "parts are missing"),
    "another root key": (of_part(archive.ROOT_KEY, lambda _: b"00" * 32), "key of another server"),
    "half a root key": (of_part(archive.ROOT_KEY, lambda _: b"00"), "root key cannot be read"),
    "keys that are none": (of_part(archive.DATA_KEYS, lambda _: b"[1]"), "keys cannot be read"),
    "settings that are none": (of_part(archive.CONFIGURATION, lambda _: b"{"), "settings cannot be read"),
    "no database": (of_part(archive.DATABASE, lambda _: b"x" * 5_000), "not a database"),
    "a damaged database": (of_part(archive.DATABASE, other_database), "malformed|damaged"),
    "a file above": (of_part(archive.FILES, lambda _: tar_of("../above")), "below its folder"),
    "a file at the root": (of_part(archive.FILES, lambda _: tar_of("/tmp/above")), "below its folder"),
    "a link": (of_part(archive.FILES, lambda _: tar_of("a", tarfile.SYMTYPE)), "below its folder"),
    "a device": (of_part(archive.FILES, lambda _: tar_of("a", tarfile.CHRTYPE)), "below its folder"),
    "files that are none": (of_part(archive.FILES, lambda _: b"x" * 20_000), "files cannot be read"),
}


@pytest.mark.parametrize("what", FORGERIES)
async def test_forged(operator: Operator, backup: Path, what: str) -> None:
    change, says = FORGERIES[what]
    path = forged(backup, operator, change)
    with pytest.raises(Problem, match=says):
        verify(path, operator.identity, operator.folder)
    place = operator.settings.model_copy(update={"data_dir": operator.folder / "elsewhere" / "data"})
    with pytest.raises(Problem, match=says):
        await restore(path, operator.identity, place)
    assert not place.data_dir.exists()
    assert not place.key_path.exists()
    assert list((operator.folder / "elsewhere").iterdir()) == []
    assert not (operator.folder / "elsewhere" / "above").exists()


async def test_places_that_are_taken(operator: Operator, backup: Path) -> None:
    settings = operator.settings
    key = settings.key_path.read_bytes()
    with pytest.raises(Problem, match="not empty"):
        await restore(backup, operator.identity, settings)
    empty = settings.model_copy(update={"data_dir": operator.folder / "empty"})
    empty.data_dir.mkdir()
    empty.key_path.write_bytes(key[:-9] + b"01234567\n")
    stands = empty.key_path.read_bytes()
    with pytest.raises(Problem, match="key of another server"):
        await restore(backup, operator.identity, empty)
    assert empty.key_path.read_bytes() == stands
    assert list(empty.data_dir.iterdir()) == []
    empty.key_path.write_bytes(key)
    assert (await restore(backup, operator.identity, empty)).key
    file = settings.model_copy(update={"data_dir": operator.folder / "a file"})
    file.data_dir.write_text("mine")
    with pytest.raises(Problem, match="not empty"):
        await restore(backup, operator.identity, file)
    assert file.data_dir.read_text() == "mine"
    inside = settings.model_copy(
        update={"data_dir": operator.folder / "x", "root_key_file": operator.folder / "x" / "key"}
    )
    with pytest.raises(Problem, match="must not be inside"):
        await restore(backup, operator.identity, inside)


async def test_nothing_to_back_up(operator: Operator, clock: Clock, tmp_path: Path) -> None:
    settings = operator.settings
    nobody = settings.model_copy(update={"backup_recipients": ()})
    with pytest.raises(Problem, match="backup identity"):
        await create(nobody, now=clock.now)
    nothing = settings.model_copy(update={"data_dir": tmp_path / "nothing"})
    with pytest.raises(Problem, match="there is nothing in"):
        await create(nothing, now=clock.now)
    settings.key_path.unlink()
    with pytest.raises(Problem, match="root key"):
        await create(settings, now=clock.now, with_root_key=True)
    (settings.data_dir / "groundswell.sqlite3").rename(tmp_path / "away")
    with pytest.raises(Problem, match="there is no database"):
        await create(settings, now=clock.now)
    (settings.data_dir / "groundswell.sqlite3").write_bytes(b"x" * 10_000)
    with pytest.raises(Problem, match="not a database"):
        await create(settings, now=clock.now)
    assert list((operator.folder / "backups").iterdir()) == []
    assert not [path for path in settings.data_dir.iterdir() if path.name.startswith(".")]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no room is left in") as problem, told(tmp_path):
        with Path("/dev/full").open("wb") as full:
            full.write(b"x")
    assert str(tmp_path) in str(problem.value)


async def test_a_database_that_cannot_be_reached(operator: Operator, clock: Clock) -> None:
    away = operator.settings.model_copy(update={"database_url": "postgresql://robin@127.0.0.1:1/flex"})
    with pytest.raises(Problem, match=re.escape("127.0.0.1")):
        await create(away, now=clock.now)
    assert list((operator.folder / "backups").iterdir()) == []


def test_recipients_are_checked_when_settings_are_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not an age recipient"):
        Settings(data_dir=tmp_path, backup_recipients="age1nobody")
    two = [age.new_identity()[1] for _ in range(2)]
    assert Settings(data_dir=tmp_path, backup_recipients=", ".join(two)).backup_recipients == tuple(two)


async def test_keys_taken_out_come_from_a_newer_backup_of_the_same_server(operator: Operator, clock: Clock) -> None:
    old = (await create(operator.settings, now=clock.now)).path
    clock.advance(days=1)
    new = (await create(operator.settings, now=clock.now)).path
    keeping.prune(old.parent, keeping.plan_pruning(old.parent, keep=2, keys=1))
    assert [(kept.path, kept.data_keys) for kept in keeping.backups_in(old.parent)] == [(new, True), (old, False)]
    assert "--keys-from" in refused(operator, old)
    work = operator.folder / "work"
    opened = verify(old, operator.identity, work, keys_from=new, key_file=operator.settings.key_path)
    assert len(opened.keys) >= 2
    other = forged(new, operator, in_manifest(origin="https://other.test"))
    with pytest.raises(Problem, match=r"a backup of https://other\.test"):
        verify(old, operator.identity, work, keys_from=other)


async def test_pruning_keeps_the_newest_that_are_sound(operator: Operator, clock: Clock) -> None:
    made = []
    for _ in range(4):
        made.append((await create(operator.settings, now=clock.now)).path)
        clock.advance(hours=1)
    made[3].write_bytes(made[3].read_bytes()[:-50_000])
    (made[0].parent / "notes.txt").write_text("mine")
    pruning = keeping.plan_pruning(made[0].parent, keep=2)
    assert pruning == keeping.Pruning(remove=[made[0]], strip=[])
    keeping.prune(made[0].parent, pruning)
    assert sorted(made[0].parent.iterdir()) == sorted([*made[1:], made[0].parent / "notes.txt"])
    assert keeping.backups_in(operator.folder / "nowhere") == []
