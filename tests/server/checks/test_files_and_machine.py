"""Each check that looks at this machine alone, on files and texts made for it."""

import os
from pathlib import Path

import pytest

from server.checks import files, machine
from server.checks.findings import Finding, Severity, fail, note, ok, warn, worst
from server.config import Settings

MIB = 1024 * 1024
MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:40 / /srv rw - nfs4 nas:/srv rw
41 40 8:2 / /srv/fast\\040disk rw shared:1 - xfs /dev/sdb1 rw
42 22 0:42 / /run rw - tmpfs tmpfs rw
43 22 0:43 / /twice rw - ext4 /dev/sdc1 rw
44 22 0:44 / /twice rw - fuse.sshfs host: rw
a line that nobody understands
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/groundswell", "ext4"),
        ("/srv/groundswell", "nfs4"),
        ("/srv/fast disk/groundswell", "xfs"),
        ("/srvother", "ext4"),
        ("/run/groundswell", "tmpfs"),
        ("/twice/x", "fuse.sshfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert files.file_system(Path(path), MOUNTS) == kind


def test_no_text_no_kind() -> None:
    assert files.file_system(Path("/x"), "") is None
    assert files.about_file_system(None, is_sqlite=True).severity is Severity.NOTE


@pytest.mark.parametrize(
    ("kind", "is_sqlite", "severity"),
    [
        ("ext4", True, Severity.OK),
        ("nfs4", True, Severity.FAIL),
        ("cifs", True, Severity.FAIL),
        ("fuse.sshfs", True, Severity.FAIL),
        ("nfs4", False, Severity.OK),
        ("tmpfs", True, Severity.WARN),
        ("overlay", True, Severity.WARN),
    ],
)
def test_where_a_database_can_live(kind: str, is_sqlite: bool, severity: Severity) -> None:
    finding = files.about_file_system(kind, is_sqlite=is_sqlite)
    assert finding.severity is severity
    assert kind in finding.sentence or kind == "overlay"


def test_a_disk_is_told_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LITTLE_FREE", 1)
    monkeypatch.setattr(files, "LEAST_FREE", 1)
    assert worst(files.disk_space("data", tmp_path)) is Severity.OK
    monkeypatch.setattr(files, "LITTLE_FREE", 2**80)
    assert worst(files.disk_space("data", tmp_path)) is Severity.WARN
    monkeypatch.setattr(files, "LEAST_FREE", 2**79)
    assert worst(files.disk_space("data", tmp_path)) is Severity.FAIL
    assert list(files.disk_space("backups", tmp_path / "not there")) == []


def settings(folder: Path, **given: Path) -> Settings:
    return Settings(data_dir=folder / "data", **given)  # type: ignore[arg-type]  # each of them is a path


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    """A data directory, and a key beside it."""
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data.key").touch(mode=0o600)
    return tmp_path


def words(found: list[Finding]) -> str:
    return " ".join(f"{finding.severity}: {finding.sentence} {finding.next_step}" for finding in found)


def test_the_place_of_the_key_is_told(laid_out: Path) -> None:
    assert worst(files.key_placement(settings(laid_out))) is Severity.NOTE
    assert "same disk" in words(list(files.key_placement(settings(laid_out))))
    (laid_out / "data.key").chmod(0o640)
    assert "chmod 600" in words(list(files.key_placement(settings(laid_out))))
    (laid_out / "data.key").unlink()
    assert "put back the copy" in words(list(files.key_placement(settings(laid_out))))


def test_a_key_inside_the_data_is_a_failure(laid_out: Path) -> None:
    inside = laid_out / "data" / "root.key"
    inside.touch(mode=0o600)
    found = list(files.key_placement(settings(laid_out, root_key_file=inside)))
    assert worst(found) is Severity.FAIL
    assert "inside the data directory" in words(found)


def test_the_data_directory_is_ours_alone(laid_out: Path) -> None:
    assert files.data_directory(laid_out / "data").severity is Severity.OK
    (laid_out / "data").chmod(0o755)
    assert files.data_directory(laid_out / "data").severity is Severity.WARN
    assert files.data_directory(laid_out / "none").severity is Severity.FAIL


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_cannot_be_written_is_a_failure(laid_out: Path) -> None:
    (laid_out / "data").chmod(0o500)
    assert files.data_directory(laid_out / "data").severity is Severity.FAIL


def _tree(root: Path, limits: dict[str, str]) -> Path:
    for place, text in limits.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text)
    return root


@pytest.mark.parametrize(
    ("membership", "limits", "found"),
    [
        ("0::/system.slice/g.service\n", {"system.slice/g.service/memory.max": "536870912\n"}, 512 * MIB),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "268435456\n", "memory.max": "max"}, 256 * MIB),
        ("0::/not/of/this/container\n", {"memory.max": "134217728\n"}, 128 * MIB),
        ("4:memory:/g\n2:cpu:/\n", {"memory/g/memory.limit_in_bytes": "209715200\n"}, 200 * MIB),
        ("4:memory:/g\n", {"memory/g/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("0::/\n", {}, None),
        ("", {"memory.max": "1"}, None),
    ],
)
def test_control_groups_of_both_versions_are_read(
    tmp_path: Path, membership: str, limits: dict[str, str], found: int | None
) -> None:
    (tmp_path / "membership").write_text(membership)
    assert machine.memory_limit(_tree(tmp_path / "groups", limits), tmp_path / "membership") == found


def test_a_machine_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert machine.memory_limit(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize(
    ("limit", "total", "severity"),
    [
        (None, 8_192 * MIB, Severity.OK),
        (None, 128 * MIB, Severity.FAIL),
        (256 * MIB, 8_192 * MIB, Severity.WARN),
        (100 * MIB, 8_192 * MIB, Severity.FAIL),
        (8_192 * MIB, 1_024 * MIB, Severity.OK),
    ],
)
def test_little_memory_is_told(limit: int | None, total: int, severity: Severity) -> None:
    assert machine.memory(limit, total).severity is severity


@pytest.mark.parametrize(
    ("limit", "severity"), [(None, Severity.OK), (65_536, Severity.OK), (1_024, Severity.NOTE), (256, Severity.FAIL)]
)
def test_few_open_files_are_told(limit: int | None, severity: Severity) -> None:
    assert machine.open_files(limit).severity is severity


def test_this_machine_can_be_looked_at() -> None:
    assert {finding.check for finding in machine.about_machine()} == {"version", "memory", "open files"}


def test_the_worst_counts() -> None:
    assert worst([]) is Severity.OK
    assert worst([ok("a", "b"), note("a", "b", "c")]) is Severity.NOTE
    assert worst([fail("a", "b", "c"), warn("a", "b", "c")]) is Severity.FAIL
