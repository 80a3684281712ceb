"""Who may block, mute, note and endorse whom. Pure."""

from federation.origin import Origin
from server.organizing.moderation.policy import is_below
from server.organizing.refusal import Refusal

MOST_BLOCKED = 2_000
MOST_MUTED = 2_000
MOST_NOTES = 2_000
MOST_ENDORSED = 100
MOST_DOMAINS = 1_000
LONGEST_NOTE = 2_000
LONGEST_MUTE = 10 * 365 * 24 * 60 * 60
"""Seconds."""

OUT_OF_REACH = Refusal("This action is not allowed.")
"""The same whether one blocked the other, or was blocked."""


def may_regard(*, own: str, other: str) -> Refusal | None:
    """Whether one actor may have such a relation to another, by their ids."""
    if own == other:
        return Refusal("This cannot be done to oneself.")
    return None


def may_mute(*, seconds: int) -> Refusal | None:
    """Whether a mute may last so long; 0 is for ever."""
    if not 0 <= seconds <= LONGEST_MUTE:
        return Refusal("Validation failed: Duration is not between 0 and ten years")
    return None


def may_note(*, comment: str) -> Refusal | None:
    """Whether a note is short enough."""
    if len(comment) > LONGEST_NOTE:
        return Refusal(f"Validation failed: Comment is too long (maximum is {LONGEST_NOTE:,} characters)")
    return None


def may_endorse(*, follows: bool) -> Refusal | None:
    """Whether somebody may be recommended: only those who are followed."""
    return (
        None if follows else Refusal("Validation failed: You must be already following the person you want to endorse")
    )


def may_shut(*, domain: str, own: Origin, as_circle: bool) -> Refusal | None:
    """Whether one may shut out a domain for oneself. A circle removes members one by one, never a server's at once."""
    if as_circle:
        return Refusal("A circle shuts out nobody but by name.")
    if "." not in domain or ":" in domain:
        return Refusal("Validation failed: Domain is not a valid domain name")
    if is_below(own.domain.partition(":")[0], domain):
        return Refusal("Validation failed: Domain is the one of this server")
    return None
