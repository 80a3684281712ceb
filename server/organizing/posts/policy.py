"""Who may say, boost and like what, and to whom. Pure. No reply reaches further than what it answers."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from server.organizing.posts.content import Audience
from server.organizing.refusal import Refusal

LONGEST_TEXT = 5_000
LONGEST_WARNING = 500
MOST_MENTIONS = 50
"""Beyond this, Misskey refuses a post (HOSTILE B19)."""

NO_SUCH_POST = Refusal("There is no such post.", missing=True)
"""The same answer for what is missing and what is hidden."""


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


def may_write(*, text: str, content_warning: str | None, mentions: int) -> Refusal | None:
    """Whether a text is fit to be a post."""
    if not text.strip():
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
