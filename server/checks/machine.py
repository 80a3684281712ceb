"""Looks at what the machine allows this process: memory, open files. Reads /proc and /sys, and nothing else."""

import os
import resource
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from server.checks.findings import Finding, fail, note, ok, warn
from server.version import VERSION

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")

LEAST_MEMORY = 192 * 1024 * 1024
LITTLE_MEMORY = 384 * 1024 * 1024
"""Bytes. An idle server takes about 120 MB; a fan-out or a large inbox more."""

LEAST_FILES = 1_024
ENOUGH_FILES = 4_096
"""Open files. Deliveries take up to 512, fetches 256, and every caller one."""

_NO_LIMIT = 2**60
"""Version 1 of control groups writes a huge number where there is no limit."""


def about_machine() -> Iterator[Finding]:
    """Version, memory, open files: of this command; those of a service may be others."""
    yield versions()
    yield memory(memory_limit(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    yield open_files(open_files_limit())


def versions() -> Finding:
    """What runs here."""
    python = ".".join(map(str, sys.version_info[:3]))
    return ok("version", f"this is Groundswell {VERSION} on Python {python} with SQLite {sqlite3.sqlite_version}")


def memory_limit(groups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes that this process may take by its control groups (either version), None without a limit."""
    limits: list[int] = []
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, own = rest.partition(":")
        if not controllers:
            limits += _limits_above(groups, own, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits_above(groups / "memory", own, "memory.limit_in_bytes")
    return min(limits, default=None)


def _limits_above(root: Path, own: str, name: str) -> Iterator[int]:
    folder = root / own.lstrip("/")
    for each in (folder, *folder.parents):
        if not each.is_relative_to(root):
            return
        try:
            text = (each / name).read_text().strip()
        except OSError:  # within a container the path may be one of the host's
            continue
        if text.isdecimal() and int(text) < _NO_LIMIT:
            yield int(text)


def memory(limit: int | None, total: int) -> Finding:
    """Whether that much memory will do. `limit` is that of the control groups."""
    most = min(limit or total, total)
    where = "allowed" if limit is not None and limit < total else "in this machine"
    said = f"{most // (1024 * 1024):,} MiB of memory are {where}"
    step = "give the server's service or container at least 512 MiB"
    if most < LEAST_MEMORY:
        return fail("memory", said, step)
    return warn("memory", said, step) if most < LITTLE_MEMORY else ok("memory", said)


def open_files_limit() -> int | None:
    """How many files and connections this process may hold open, None without a limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def open_files(limit: int | None) -> Finding:
    """Whether that many will do."""
    if limit is None or limit >= ENOUGH_FILES:
        return ok(
            "open files", "as many files may be open as are needed" if limit is None else f"{limit:,} may be open"
        )
    said = f"only {limit:,} files and connections may be open at a time"
    step = "raise the limit: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536"
    return fail("open files", said, step) if limit < LEAST_FILES else note("open files", said, step)
