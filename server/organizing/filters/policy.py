"""What a filter may be. Pure."""

from collections.abc import Collection
from typing import Final

from server.organizing.refusal import Refusal

CONTEXTS: Final = ("home", "notifications", "public", "thread", "account")
ACTIONS: Final = ("warn", "hide", "blur")
MOST_FILTERS = 100
MOST_KEYWORDS = 100
"""Of one filter; as many posts."""
LONGEST_TITLE = 200
LONGEST_KEYWORD = 512
LONGEST_LIFE = 10 * 365 * 24 * 60 * 60
"""Seconds."""

NO_SUCH_FILTER = Refusal("Record not found", missing=True)


def may_filter(*, title: str, contexts: Collection[str], action: str) -> Refusal | None:
    """Whether a filter may be called so, apply there, and do that."""
    if not title.strip():
        return Refusal("Validation failed: Title can't be blank")
    if len(title) > LONGEST_TITLE:
        return Refusal(f"Validation failed: Title is too long (maximum is {LONGEST_TITLE} characters)")
    if not contexts or not set(contexts) <= set(CONTEXTS):
        return Refusal("Validation failed: Context None or invalid context supplied")
    if action not in ACTIONS:
        return Refusal("Validation failed: Filter action is not included in the list")
    return None


def may_hold(*, keywords: Collection[str], posts: int) -> Refusal | None:
    """Whether a filter may hold these words, and so many posts."""
    if any(not keyword.strip() for keyword in keywords):
        return Refusal("Validation failed: Keyword can't be blank")
    if any(len(keyword) > LONGEST_KEYWORD for keyword in keywords):
        return Refusal(f"Validation failed: Keyword is too long (maximum is {LONGEST_KEYWORD} characters)")
    if len(keywords) > MOST_KEYWORDS or posts > MOST_KEYWORDS:
        return Refusal(f"Validation failed: A filter holds at most {MOST_KEYWORDS} keywords and as many posts")
    return None


def may_last(*, seconds: int) -> Refusal | None:
    """Whether a filter may end after so many seconds."""
    if not 0 < seconds <= LONGEST_LIFE:
        return Refusal("Validation failed: Expires in is not between one second and ten years")
    return None
