"""The table of what a membership may become: every step from every state, listed by hand."""

from itertools import product

import pytest

from server.organizing.membership import policy
from server.organizing.membership.records import Role
from server.organizing.membership.states import TRANSITIONS, NotPossible, State, Step, advance

ALLOWED = {
    (None, "found"): "active",
    (None, "invite"): "invited",
    (None, "apply"): "applied",
    ("invited", "apply"): "active",
    ("invited", "invite"): "invited",
    ("invited", "accept"): "active",
    ("invited", "decline"): None,
    ("invited", "remove"): None,
    ("applied", "apply"): "applied",
    ("applied", "admit"): "active",
    ("applied", "refuse"): None,
    ("applied", "leave"): None,
    ("active", "apply"): "active",
    ("active", "leave"): None,
    ("active", "remove"): None,
}


@pytest.mark.parametrize(("state", "step"), list(product([None, *State], Step)))
def test_every_step_from_every_state(state: State | None, step: Step) -> None:
    key = (state.value if state else None, step.value)
    if key in ALLOWED:
        assert advance(state, step) == ALLOWED[key]
    else:
        with pytest.raises(NotPossible):
            advance(state, step)


def test_nobody_becomes_active_without_the_circles_consent() -> None:
    ways_in = {(before, step) for (before, step), after in TRANSITIONS.items() if after is State.ACTIVE}
    # Founded by the server, admitted by an organizer, or invited by one before; the last stays what it is.
    assert ways_in == {
        (None, Step.FOUND),
        (State.APPLIED, Step.ADMIT),
        (State.INVITED, Step.ACCEPT),
        (State.INVITED, Step.APPLY),
        (State.ACTIVE, Step.APPLY),
    }


def test_a_refused_step_names_nobody() -> None:
    with pytest.raises(NotPossible) as refused:
        advance(None, Step.ADMIT)
    assert "http" not in str(refused.value)


@pytest.mark.parametrize(
    ("role", "as_circle", "may"),
    [
        (Role.ORGANIZER, False, True),
        (None, True, True),
        (Role.MODERATOR, False, False),
        (Role.MEMBER, False, False),
        (None, False, False),
    ],
)
def test_who_may_organize(role: Role | None, as_circle: bool, may: bool) -> None:
    assert (policy.may_organize(role=role, as_circle=as_circle) is None) is may


@pytest.mark.parametrize(
    ("organizers", "was", "becomes", "may"),
    [
        (1, Role.ORGANIZER, None, False),
        (1, Role.ORGANIZER, Role.MEMBER, False),
        (1, Role.ORGANIZER, Role.ORGANIZER, True),
        (2, Role.ORGANIZER, None, True),
        (1, Role.MEMBER, None, True),
        (0, Role.MODERATOR, Role.MEMBER, True),
    ],
)
def test_the_last_organizer_stays(organizers: int, was: Role, becomes: Role | None, may: bool) -> None:
    assert (policy.may_step_down(organizers=organizers, was=was, becomes=becomes) is None) is may


@pytest.mark.parametrize("kind", ["Group", "Application", "Organization", ""])
def test_only_persons_become_members(kind: str) -> None:
    assert policy.may_apply(kind=kind, to_circle=True) is not None
    assert policy.may_apply(kind="Person", to_circle=True) is None
    assert policy.may_apply(kind="Person", to_circle=False) is not None
