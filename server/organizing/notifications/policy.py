"""What somebody wants to be told of, and what that means for one notification. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from server.organizing.notifications.kinds import Kind
from server.organizing.refusal import Refusal

MOST_ACCEPTED = 1_000
"""Senders whom one has accepted; the first ones give way."""

_UNFILTERED = frozenset({Kind.POLL, Kind.UPDATE, Kind.STATUS})
"""What only comes of what one did oneself."""


class Answer(StrEnum):
    """What becomes of a notification."""

    ACCEPT = "accept"
    FILTER = "filter"
    DROP = "drop"


class PushTexts(StrEnum):
    """What a push says on the screen of a device."""

    NEUTRAL = "neutral"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """How whoever did it stands to the receiver. `is_new` is known of accounts here alone."""

    followed: bool
    follows: bool
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What one receiver wants. `accepted` are ids of actors whose notifications come through, whatever they are."""

    for_not_following: Answer = Answer.ACCEPT
    for_not_followers: Answer = Answer.ACCEPT
    for_new_accounts: Answer = Answer.ACCEPT
    for_private_mentions: Answer = Answer.ACCEPT
    for_limited_accounts: Answer = Answer.ACCEPT
    push_texts: PushTexts = PushTexts.NEUTRAL
    accepted: tuple[str, ...] = ()

    @property
    def wants_all(self) -> bool:
        """Whether nothing depends on who did it."""
        rules = (
            self.for_not_following,
            self.for_not_followers,
            self.for_new_accounts,
            self.for_private_mentions,
        )
        return all(rule is Answer.ACCEPT for rule in rules)

    def accepting(self, sender: str) -> Self:
        """The same with one more sender accepted."""
        others = tuple(uri for uri in self.accepted if uri != sender)
        return replace(self, accepted=(*others, sender)[-MOST_ACCEPTED:])

    def but(self, **changes: Any) -> Self:
        """The same with some wishes changed."""
        return replace(self, **changes)

    def to_fields(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """What `to_fields` wrote."""
        rules = {name: Answer(value) for name, value in fields.items() if name.startswith("for_")}
        texts = PushTexts(fields["push_texts"])
        return cls(**rules, push_texts=texts, accepted=tuple(fields["accepted"]))


def judge(wishes: Wishes, *, kind: Kind, sender: Sender, is_private: bool) -> Answer:
    """What becomes of a notification. `is_private`: a direct post that answers nothing of the receiver's.

    Whom one follows is never filtered. The strictest rule counts that applies.
    """
    if kind in _UNFILTERED or sender.followed:
        return Answer.ACCEPT
    rules = [wishes.for_not_following]
    if not sender.follows:
        rules.append(wishes.for_not_followers)
    if sender.is_new:
        rules.append(wishes.for_new_accounts)
    if is_private:
        rules.append(wishes.for_private_mentions)
    return max(rules, key=list(Answer).index)


def may_wish(values: Mapping[str, str]) -> Refusal | None:
    """Whether these are answers that there are."""
    for name, value in values.items():
        known = set(PushTexts) if name == "push_texts" else set(Answer)
        if value not in known:
            return Refusal(f"{name} is one of: {', '.join(sorted(known))}.")
    return None
