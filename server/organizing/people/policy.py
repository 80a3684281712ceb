"""What makes an account acceptable. Pure."""

from collections.abc import Sequence

from server.organizing.refusal import Refusal

SHORTEST_PASSPHRASE = 12
LONGEST_PASSPHRASE = 1_024
LONGEST_NAME = 100
LONGEST_SUMMARY = 5_000
MOST_FIELDS = 8
LONGEST_FIELD = 255


def may_use_passphrase(passphrase: str) -> Refusal | None:
    """Whether a passphrase is long enough to withstand guessing, and short enough to be hashed."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        return Refusal(f"A passphrase has at least {SHORTEST_PASSPHRASE} characters.")
    if len(passphrase) > LONGEST_PASSPHRASE:
        return Refusal(f"A passphrase has at most {LONGEST_PASSPHRASE} characters.")
    return None


def may_describe(*, name: str, summary: str) -> Refusal | None:
    """Whether a name and a summary are fit for a profile."""
    if len(name) > LONGEST_NAME:
        return Refusal(f"A name has at most {LONGEST_NAME} characters.")
    if len(summary) > LONGEST_SUMMARY:
        return Refusal(f"A description has at most {LONGEST_SUMMARY} characters.")
    return None


def may_list_fields(*, fields: Sequence[tuple[str, str]]) -> Refusal | None:
    """Whether rows are fit for a profile: few, each with a name, and short."""
    if len(fields) > MOST_FIELDS:
        return Refusal(f"Validation failed: A profile has at most {MOST_FIELDS} fields")
    if any(not name for name, _ in fields):
        return Refusal("Validation failed: Fields must all have a label")
    if any(len(text) > LONGEST_FIELD for row in fields for text in row):
        return Refusal(f"Validation failed: A field has at most {LONGEST_FIELD} characters")
    return None


def may_move(
    *, old: str, kind: str, target: str, target_kind: str, known_as: tuple[str, ...], moved_on: bool
) -> Refusal | None:
    """Whether followers here go along with a move: of a person, to one who says they were that, and stays there."""
    persons = ("Person", "Service")
    if kind not in persons or target_kind not in persons:
        return Refusal("Only persons are followed to another address.")
    if target == old or old not in known_as:
        return Refusal("The new address does not name the old one.")
    if moved_on:
        return Refusal("The new address has moved on already.")
    return None
