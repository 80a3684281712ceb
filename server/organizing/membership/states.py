"""The one table of what a membership may become. Nothing else changes the state of one."""

from enum import StrEnum

from server.organizing.refusal import Refusal, Refused


class State(StrEnum):
    """Where somebody stands with a circle. A membership that is none of these has no row."""

    INVITED = "invited"
    APPLIED = "applied"
    ACTIVE = "active"


class Step(StrEnum):
    """What happens to a membership."""

    FOUND = "found"
    INVITE = "invite"
    APPLY = "apply"
    ADMIT = "admit"
    REFUSE = "refuse"
    ACCEPT = "accept"
    DECLINE = "decline"
    LEAVE = "leave"
    REMOVE = "remove"


class NotPossible(Refused):
    """The step does not lead anywhere from this state; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(Refusal("That is not possible now: nobody of that address is waiting for it here."))


TRANSITIONS: dict[tuple[State | None, Step], State | None] = {
    (None, Step.FOUND): State.ACTIVE,
    (None, Step.INVITE): State.INVITED,
    (None, Step.APPLY): State.APPLIED,
    # Whoever asks again, with a new id, because the answer got lost, stands where they stood.
    (State.APPLIED, Step.APPLY): State.APPLIED,
    (State.ACTIVE, Step.APPLY): State.ACTIVE,
    # An invitation is the circle's consent: asking to join answers it.
    (State.INVITED, Step.APPLY): State.ACTIVE,
    (State.INVITED, Step.INVITE): State.INVITED,
    (State.INVITED, Step.ACCEPT): State.ACTIVE,
    (State.INVITED, Step.DECLINE): None,
    (State.INVITED, Step.REMOVE): None,
    (State.APPLIED, Step.ADMIT): State.ACTIVE,
    (State.APPLIED, Step.REFUSE): None,
    (State.APPLIED, Step.LEAVE): None,
    (State.ACTIVE, Step.LEAVE): None,
    (State.ACTIVE, Step.REMOVE): None,
}
"""None stands for having no row: strangers, and all who left, were refused or removed."""


def advance(state: State | None, step: Step) -> State | None:
    """The state after a step. Raises `NotPossible` where the table has no such step."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise NotPossible from None
