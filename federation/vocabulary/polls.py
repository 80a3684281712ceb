"""Polls as received and as served (FEP-9967). What is received is cut to size; numbers of others are not believed
further than that they are numbers."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from federation.vocabulary import Document
from federation.vocabulary.documents import MAX_INTEGER, clean_line, listed, moment_of, text_of, timestamp

MAX_OPTIONS = 20
MAX_OPTION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What is asked, and how many voted for what as far as the poll's own server told: `counts` has a number for each
    option, or is empty. `ends` is None for a poll without an end. `hides_totals` until it ends."""

    options: tuple[str, ...]
    multiple: bool = False
    ends: datetime | None = None
    hides_totals: bool = False
    counts: tuple[int, ...] = ()
    voters: int | None = None

    def counted(self, counts: tuple[int, ...], voters: int | None) -> Self:
        """The same poll with other numbers."""
        return replace(self, counts=counts, voters=voters)

    def is_over(self, now: datetime) -> bool:
        """Whether nobody can vote any more."""
        return self.ends is not None and self.ends <= now


def parse_poll(document: Document) -> Poll | None:
    """The poll of a `Question`; None where it asks nothing. What was closed before its end, ended then."""
    choices: dict[str, Document] = {}
    for choice in listed(document.get("oneOf")) or listed(document.get("anyOf")):
        name = clean_line(text_of(choice, "name") or "", limit=MAX_OPTION) if isinstance(choice, dict) else ""
        if name and len(choices) < MAX_OPTIONS:
            choices.setdefault(name, choice)
    if not choices:
        return None
    ends, closed = moment_of(document.get("endTime")), moment_of(document.get("closed"))
    return Poll(
        options=tuple(choices),
        multiple=not listed(document.get("oneOf")),
        ends=min((moment for moment in (ends, closed) if moment is not None), default=None),
        counts=tuple(_number(_replies(choice).get("totalItems")) for choice in choices.values()),
        voters=_number(document["votersCount"]) if "votersCount" in document else None,
    )


def poll_properties(poll: Poll, now: datetime) -> Document:
    """What a `Question` of ours says besides what every post says. While it hides its totals, they are zero."""
    is_over = poll.is_over(now)
    shows = is_over or not poll.hides_totals
    counts = poll.counts if shows and poll.counts else (0,) * len(poll.options)
    properties: Document = {
        "anyOf" if poll.multiple else "oneOf": [
            {"type": "Note", "name": option, "replies": {"type": "Collection", "totalItems": count}}
            for option, count in zip(poll.options, counts, strict=True)
        ],
        "votersCount": (poll.voters or 0) if shows else 0,
    }
    if poll.ends is not None:
        properties |= {"endTime": timestamp(poll.ends)} | ({"closed": timestamp(poll.ends)} if is_over else {})
    return properties


def _replies(choice: Document) -> Document:
    replies = choice.get("replies")
    return replies if isinstance(replies, dict) else {}


def _number(value: object) -> int:
    return min(value, MAX_INTEGER) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
