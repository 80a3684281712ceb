"""What there is to be told of, in Mastodon's words: clients show no others."""

from enum import StrEnum


class Kind(StrEnum):
    """Why somebody is notified."""

    MENTION = "mention"
    STATUS = "status"
    REBLOG = "reblog"
    FOLLOW = "follow"
    FOLLOW_REQUEST = "follow_request"
    FAVOURITE = "favourite"
    POLL = "poll"
    UPDATE = "update"


TOGETHER = frozenset({Kind.FAVOURITE, Kind.REBLOG, Kind.FOLLOW})
"""What is shown as one when many did the same."""

OF_GROUPS = frozenset({Kind.MENTION, Kind.FOLLOW_REQUEST})
"""What organizers learn of by a movement's or circle's token: never who favourited, boosted or voted."""


def kinds_for(actor_kind: str) -> frozenset[Kind]:
    """What an actor of this kind is told of."""
    return OF_GROUPS if actor_kind == "Group" else frozenset(Kind)
