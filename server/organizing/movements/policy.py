"""Who may make and change a movement. Pure."""

from server.organizing.refusal import Refusal

MEMBERS = "members"
"""The purpose of the circle that every movement has."""

POSTURES = ("quiet", "members", "public")
LONGEST_NAME = 100
LONGEST_SUMMARY = 5_000


def may_describe(*, name: str, summary: str) -> Refusal | None:
    """Whether a name and a summary are fit for an actor."""
    if not name.strip():
        return Refusal("A name is needed.")
    if len(name) > LONGEST_NAME:
        return Refusal(f"A name has at most {LONGEST_NAME} characters.")
    if len(summary) > LONGEST_SUMMARY:
        return Refusal(f"A description has at most {LONGEST_SUMMARY} characters.")
    return None


def may_show(*, posture: str | None, discoverable: bool, relocked: bool) -> Refusal | None:
    """Whether a movement (None: a circle) may be shown so. Only a public one is in a directory; circles stay locked."""
    if relocked:
        return Refusal("Anybody may follow a movement, and a circle decides about each: that stays so.")
    if discoverable and posture != "public":
        return Refusal("Only a movement that everybody may see can be listed.")
    return None


def may_create(*, name: str, summary: str, posture: str, organizer_kind: str | None) -> Refusal | None:
    """Whether a movement may be made so: by a person, or by the operator (None)."""
    if posture not in POSTURES:
        return Refusal("A movement is quiet, for members, or public.")
    if organizer_kind not in (None, "Person"):
        return Refusal("Only a person can organize a movement.")
    return may_describe(name=name, summary=summary)
