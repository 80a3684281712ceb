"""Who may say, boost and like what, and to whom. Pure. No reply reaches further than what it answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from federation.vocabulary.polls import Poll
from server.organizing.posts.content import Audience
from server.organizing.refusal import Refusal

LONGEST_TEXT = 5_000
LONGEST_WARNING = 500
MOST_PINNED = 5
FEWEST_OPTIONS, MOST_OPTIONS = 2, 8
LONGEST_OPTION = 50
SOONEST_SCHEDULED, LATEST_SCHEDULED = timedelta(minutes=5), timedelta(days=2 * 365)
MOST_SCHEDULED = 300
SHORTEST_POLL, LONGEST_POLL = timedelta(minutes=5), timedelta(days=30)
MOST_MENTIONS = 50
"""Beyond this, Misskey refuses a post (HOSTILE B19)."""

NO_SUCH_POST = Refusal("There is no such post.", missing=True)
"""The same answer for what is missing and what is hidden."""

VOTED_ALREADY = Refusal("Validation failed: You have already voted on this poll")


class Speaker(StrEnum):
    """As what a local actor speaks."""

    PERSON = "person"
    MOVEMENT = "movement"
    CIRCLE = "circle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a reply answers, as far as it decides who may get the reply.

    `mine` is whether the speaker wrote it, `named` its author and all it names.
    """

    audience: Audience
    mine: bool
    named: Collection[str]


def may_write(*, text: str, content_warning: str | None, mentions: int, attachments: int = 0) -> Refusal | None:
    """Whether a text is fit to be a post. Only what comes with media may say nothing."""
    if not text.strip() and not attachments:
        return Refusal("A post needs some text.")
    if len(text) > LONGEST_TEXT:
        return Refusal(f"A post has at most {LONGEST_TEXT} characters.")
    if content_warning is not None and len(content_warning) > LONGEST_WARNING:
        return Refusal(f"A content warning has at most {LONGEST_WARNING} characters.")
    if mentions > MOST_MENTIONS:
        return Refusal(f"A post mentions at most {MOST_MENTIONS} people.")
    return None


def may_address(*, speaker: Speaker, audience: Audience, named: int) -> Refusal | None:
    """Whether a speaker may post to an audience. What a circle says stays in the circle, or goes to one by name."""
    if speaker is Speaker.CIRCLE and audience not in (Audience.CIRCLE, Audience.DIRECT):
        return Refusal("A circle speaks to its members only.")
    if audience is Audience.CIRCLE and speaker is not Speaker.CIRCLE:
        return Refusal("Only the circle itself posts to its members.")
    if audience is Audience.DIRECT and not named:
        return Refusal("A direct message needs somebody to go to.")
    return None


def may_answer(answered: Answered, *, audience: Audience, named: Collection[str]) -> Refusal | None:
    """Whether a reply may have this audience: part of those who have what it answers, never more (HOSTILE B14).

    Followers of one actor are not those of another, nor members of one circle those of another: only who wrote a
    closed post answers it to all of its readers.
    """
    if answered.audience.is_open:
        return None
    if audience is Audience.DIRECT:
        return None if set(named) <= set(answered.named) else Refusal("Somebody named did not get what this answers.")
    if answered.mine and audience is answered.audience:
        return None
    return Refusal("A reply cannot reach more people than what it answers.")


def may_boost(*, speaker: Speaker, audience: Audience, mine: bool) -> Refusal | None:
    """Whether a post that the speaker sees may be passed on: an open one, or one's own to the same followers."""
    if audience.is_open or (audience is Audience.FOLLOWERS and mine and speaker is not Speaker.CIRCLE):
        return None
    return Refusal("Only posts that anyone may read can be boosted.")


def may_like(*, speaker: Speaker, mine: bool) -> Refusal | None:
    """Whether a speaker may like what it sees. A circle likes nothing: its author would learn that it exists."""
    if speaker is Speaker.CIRCLE and not mine:
        return Refusal("A circle does not like what others say.")
    return None


def may_ask(options: Sequence[str], lasts: timedelta) -> Refusal | None:
    """Whether a poll may have these options and last so long."""
    if not FEWEST_OPTIONS <= len(options) <= MOST_OPTIONS:
        return Refusal(f"A poll has {FEWEST_OPTIONS} to {MOST_OPTIONS} options.")
    if not all(options) or len(set(options)) < len(options):
        return Refusal("Every option of a poll says something, and something else than the others.")
    if max(map(len, options)) > LONGEST_OPTION:
        return Refusal(f"An option of a poll has at most {LONGEST_OPTION} characters.")
    if not SHORTEST_POLL <= lasts <= LONGEST_POLL:
        return Refusal("A poll lasts from 5 minutes to 30 days.")
    return None


def may_vote(*, speaker: Speaker, mine: bool) -> Refusal | None:
    """Whether a speaker may vote in a poll it sees. A circle votes in none: its author would learn that it exists."""
    if mine:
        return Refusal("Validation failed: You can't vote in your own polls")
    if speaker is Speaker.CIRCLE:
        return Refusal("A circle does not vote.")
    return None


def may_choose(poll: Poll, choices: Sequence[int], *, now: datetime) -> Refusal | None:
    """Whether these options of a poll can be chosen now."""
    if poll.is_over(now):
        return Refusal("Validation failed: The poll has already ended")
    if not choices or len(set(choices)) < len(choices) or not all(0 <= place < len(poll.options) for place in choices):
        return Refusal("Validation failed: The chosen vote option does not exist")
    if len(choices) > 1 and not poll.multiple:
        return Refusal("Validation failed: Only one option of this poll can be chosen")
    return None


def may_schedule(due: datetime, *, now: datetime, waiting: int) -> Refusal | None:
    """Whether something may be posted at this time, while so much is waiting already."""
    if due < now + SOONEST_SCHEDULED:
        return Refusal("Validation failed: Scheduled at The scheduled date must be in the future")
    if due > now + LATEST_SCHEDULED:
        return Refusal("Validation failed: Scheduled at The scheduled date is too far in the future")
    if waiting >= MOST_SCHEDULED:
        return Refusal("Validation failed: You have exceeded the limit of 300 scheduled posts")
    return None


def may_pin(*, audience: Audience, pinned: int) -> Refusal | None:
    """Whether one more post of one's own may be pinned, for everybody to see."""
    if not audience.is_open:
        return Refusal("Validation failed: Only posts that anyone may read can be pinned")
    if pinned >= MOST_PINNED:
        return Refusal("Validation failed: You have already pinned the maximum number of posts")
    return None
