"""Looks at where data and key lie: disk, file system, permissions. Writes nothing."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from server.checks.findings import Finding, Severity, fail, note, ok, warn
from server.config import Settings
from server.custody import placement
from server.custody.sources import Source, chosen_source
from server.root_key import RootKeyProblem

LEAST_FREE = 64 * 1024 * 1024
"""Bytes below which a disk counts as full: SQLite's log and a deletion need room too."""

LITTLE_FREE = 1024 * 1024 * 1024
"""Bytes below which it is time to act."""

FEW_FILES = 1_000
"""File entries (inodes) below which it is time to act, where the file system counts them."""

NETWORK_SYSTEMS = frozenset(
    """9p afs afpfs beegfs ceph cifs coda davfs fuse.ceph fuse.davfs2 fuse.glusterfs fuse.rclone fuse.s3fs fuse.sshfs
    glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs prl_fs smb2 smb3 smbfs vboxsf virtiofs""".split()
)
"""File systems (as /proc names them) of which locks and fsync do not hold what SQLite needs."""

VANISHING_SYSTEMS = frozenset({"tmpfs", "ramfs"})
"""File systems in memory: gone with the next restart of the machine."""

ROOT_KEY = "root key"

MOUNTINFO = Path("/proc/self/mountinfo")


def about_files(settings: Settings) -> Iterator[Finding]:
    """Data directory, its file system, free space of all places that are written to, and the root key."""
    yield data_directory(settings.data_dir)
    for about, path in places(settings).items():
        yield from disk_space(about, path)
    if settings.data_dir.exists() and MOUNTINFO.exists():
        kind = file_system(settings.data_dir, MOUNTINFO.read_text(errors="surrogateescape"))
        yield about_file_system(kind, is_sqlite=settings.database_url is None)
    yield from key_placement(settings)


def places(settings: Settings) -> Mapping[str, Path]:
    """Every folder that the server writes to, by what is kept there."""
    return {"data": settings.data_dir}


def data_directory(path: Path) -> Finding:
    """Is it there, ours, and closed to others."""
    if not path.is_dir():
        return fail("data directory", f"there is no directory {path}", "start the server: groundswell run")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return fail("data directory", f"{path} cannot be written", "give it to the user who runs the server")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return warn("data directory", f"{path} is open to other users of this machine", f"chmod 700 {path}")
    return ok("data directory", f"{path} can be written, and by its owner only")


def disk_space(about: str, path: Path) -> Iterator[Finding]:
    """Free bytes and file entries where something is written; nothing for a place that is not there yet."""
    if not path.exists():
        return
    check = f"disk of {about}"
    free = shutil.disk_usage(path).free
    said = f"{free // (1024 * 1024):,} MiB are free where the {about} is kept"
    step = f"make room, or move the {about} to a larger disk"
    if free < LEAST_FREE:
        yield fail(check, said, step)
    elif free < LITTLE_FREE:
        yield warn(check, said, step)
    else:
        yield ok(check, said)
    entries = os.statvfs(path)
    if entries.f_files and entries.f_favail < FEW_FILES:
        yield warn(check, f"only {entries.f_favail} more files can be made where the {about} is kept", step)


def file_system(path: Path, mountinfo: str) -> str | None:
    """The kind of file system that a path is on, from the text of /proc/self/mountinfo; None when it does not say."""
    best, kind = "", None
    for line in mountinfo.splitlines():
        fields, _, after = line.partition(" - ")
        parts = fields.split(" ")
        if len(parts) < 5 or not after:
            continue
        mount = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), parts[4])
        if path.is_relative_to(mount) and len(mount) >= len(best):  # of two at one place the later one counts
            best, kind = mount, after.split(" ")[0]
    return kind


def about_file_system(kind: str | None, *, is_sqlite: bool) -> Finding:
    """Whether a database can live on such a file system."""
    check = "file system"
    if kind is None:
        return note(check, "the kind of file system is not known", "see to it that it is a local disk")
    if kind in NETWORK_SYSTEMS and is_sqlite:
        return fail(
            check,
            f"the data directory is on a network file system ({kind}), on which SQLite loses data",
            "move the data directory to a local disk, or use PostgreSQL (GROUNDSWELL_DATABASE_URL)",
        )
    if kind in VANISHING_SYSTEMS:
        step = "move the data directory to a disk, unless this is only a trial"
        return warn(check, f"the data directory is in memory ({kind}) and gone with the next restart", step)
    if kind == "overlay":
        step = "mount a volume at the data directory"
        return warn(check, "the data directory is inside a container and gone with it", step)
    return ok(check, f"the data directory is on {kind}")


def key_placement(settings: Settings) -> Iterator[Finding]:
    """What is to be said of the root key's place before anything is opened."""
    key = settings.key_path
    if key.is_relative_to(settings.data_dir):
        step = "move it out, and set GROUNDSWELL_ROOT_KEY_FILE"
        yield fail(ROOT_KEY, f"{key} is inside the data directory: every copy of the data has it", step)
    with suppress(RootKeyProblem):  # said below
        if chosen_source(settings) in (None, Source.FILE) and not key.exists():
            begun = settings.data_dir.exists()
            step = "put back the copy that you keep apart from the data" if begun else "groundswell run"
            yield fail(ROOT_KEY, f"{key} is missing", step)
    for remark in placement.examine(settings):
        yield Finding(ROOT_KEY, _SEVERITIES[remark.level], remark.detail, remark.next_step or "nothing to do")


def key_source(source: Source) -> Finding:
    """Where the root key came from that opens this data, and what that protects from."""
    protects, exposes = placement.PROTECTS[source]
    return ok(ROOT_KEY, f"from a {source}. Protects: {protects}. But not: {exposes}")


_SEVERITIES = {"ok": Severity.OK, "note": Severity.NOTE, "problem": Severity.FAIL}
