"""Polls, as their viewer may see them."""

from typing import Any

from server.mastodon.entities.base import Entity, Moment


class PollOption(Entity):
    """What can be chosen. How many chose it is None while that is hidden."""

    title: str
    votes_count: int | None


class Poll(Entity):
    """A poll. Who voted is told to nobody; what oneself chose, to oneself."""

    id: str
    expires_at: Moment | None
    expired: bool
    multiple: bool
    votes_count: int
    voters_count: int | None
    voted: bool = False
    own_votes: list[int] = []
    options: list[PollOption]
    emojis: list[Any] = []
