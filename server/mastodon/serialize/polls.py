"""Polls as entities."""

from collections.abc import Collection
from datetime import datetime

from federation.vocabulary import polls
from server.mastodon.entities.poll import Poll, PollOption


def poll_of(poll: polls.Poll, number: int, now: datetime, *, own: Collection[int], mine: bool) -> Poll:
    """A poll of the post with this number, for whoever chose `own` in it, or wrote it (`mine`)."""
    is_over = poll.is_over(now)
    counts = poll.counts or (0,) * len(poll.options)
    shows = is_over or not poll.hides_totals
    return Poll(
        id=str(number),
        expires_at=poll.ends,
        expired=is_over,
        multiple=poll.multiple,
        votes_count=sum(counts),
        voters_count=poll.voters if poll.voters is not None or poll.multiple else sum(counts),
        voted=mine or bool(own),
        own_votes=list(own),
        options=[
            PollOption(title=option, votes_count=count if shows else None)
            for option, count in zip(poll.options, counts, strict=True)
        ],
    )
