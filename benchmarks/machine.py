"""What this machine can do at all: the limits beside which every other figure is read."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crypto import keys
from crypto.signing import sign, verify

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Processor time that a process, with all its threads, has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_megabytes(pid: int) -> float:
    """Memory that a process holds in RAM."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


@dataclass(frozen=True)
class Limits:
    """How often a second one core makes and checks an RSA-2048 signature."""

    signatures: float
    verifications: float


def rsa_limits(seconds: float = 0.5) -> Limits:
    """Measures both for a while."""
    key, data = keys.generate_rsa(), os.urandom(300)
    signature = sign(key, data)
    public = key.public_key()
    return Limits(_rate(lambda: sign(key, data), seconds), _rate(lambda: verify(public, signature, data), seconds))


def _rate(work: Callable[[], object], seconds: float) -> float:
    began, count = time.process_time(), 0
    while (spent := time.process_time() - began) < seconds:
        work()
        count += 1
    return count / spent
