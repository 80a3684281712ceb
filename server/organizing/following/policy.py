"""Who may follow whom. Pure."""

from server.organizing.refusal import Refusal

MAX_WAITING = 500
"""Requests that may wait for one actor: a list that strangers can grow."""


MAX_FOLLOWERS = 200_000
"""Followers of one actor."""


def may_be_followed(*, followers: int) -> Refusal | None:
    """Whether an actor may have one follower more."""
    if followers >= MAX_FOLLOWERS:
        return Refusal("Too many follow already.")
    return None


def may_follow(*, follower: str, followee: str, as_circle: bool = False) -> Refusal | None:
    """Whether one actor may ask to follow another, by their ids. A circle follows nobody: they would learn of it."""
    if follower == followee:
        return Refusal("Nobody follows themselves.")
    if as_circle:
        return Refusal("A circle follows nobody.")
    return None


def may_wait(*, waiting: int) -> Refusal | None:
    """Whether one more request may be put on the pile."""
    if waiting >= MAX_WAITING:
        return Refusal("Too many requests are waiting already.")
    return None
