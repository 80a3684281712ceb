"""Who may join, decide and invite. Pure."""

from collections.abc import Mapping

from server.organizing.membership.records import Role
from server.organizing.refusal import Refusal

MAX_WAITING = 500
"""Applications that may wait at one circle, and invitations at one person: lists that strangers can grow."""

APPLICANT_KINDS = ("Person", "Service")


def may_apply(*, kind: str, to_circle: bool) -> Refusal | None:
    """Whether an actor of this ActivityStreams type may ask to become a member."""
    if not to_circle:
        return Refusal("A movement is followed; its circles are joined.")
    if kind not in APPLICANT_KINDS:
        return Refusal("Only a person can become a member.")
    return None


def may_wait(*, waiting: int) -> Refusal | None:
    """Whether one more may be put on the pile."""
    if waiting >= MAX_WAITING:
        return Refusal("Too many are waiting already.")
    return None


def who_yields(*, waiting: Mapping[str, int], newcomer: str, ours: str) -> str | None:
    """Which domain loses an applicant to one of the newcomer's domain when the pile is full; None for none.

    The one with most on the pile, if it has more than the newcomer's domain would have then: nobody crowds others
    out by applying often. Our own people, who wait under `ours`, never lose any.
    """
    others = {domain: count for domain, count in waiting.items() if domain != ours}
    most = max(others, key=others.__getitem__, default=None)
    return most if most is not None and others[most] > waiting.get(newcomer, 0) + 1 else None


def may_organize(*, role: Role | None, as_circle: bool) -> Refusal | None:
    """Whether somebody may admit, refuse, invite, remove and see who belongs: organizers, and the circle itself."""
    if as_circle or role is Role.ORGANIZER:
        return None
    return Refusal("Only organizers of the circle may do that.")


def may_step_down(*, organizers: int, was: Role, becomes: Role | None) -> Refusal | None:
    """Whether a member may lose a role (None: all of it): a circle keeps one organizer at least."""
    if was is Role.ORGANIZER and becomes is not Role.ORGANIZER and organizers <= 1:
        return Refusal("The last organizer cannot go; make somebody else an organizer first.")
    return None
