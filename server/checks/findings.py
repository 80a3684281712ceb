"""What a check says: how bad, one sentence, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """From nothing to do, over good to know and needs attention, to does not work."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `next_step` is what the operator does now."""

    check: str
    severity: Severity
    sentence: str
    next_step: str


def ok(check: str, sentence: str) -> Finding:
    """All is well."""
    return Finding(check, Severity.OK, sentence, "nothing to do")


def note(check: str, sentence: str, next_step: str) -> Finding:
    """Good to know; a choice rather than a mistake."""
    return Finding(check, Severity.NOTE, sentence, next_step)


def warn(check: str, sentence: str, next_step: str) -> Finding:
    """Works for now, or could not be looked at."""
    return Finding(check, Severity.WARN, sentence, next_step)


def fail(check: str, sentence: str, next_step: str) -> Finding:
    """Does not work, or will not for long."""
    return Finding(check, Severity.FAIL, sentence, next_step)


def worst(findings: Iterable[Finding]) -> Severity:
    """The gravest severity among the findings, `OK` for none."""
    order = list(Severity)
    return max((finding.severity for finding in findings), key=order.index, default=Severity.OK)
