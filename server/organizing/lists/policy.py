"""What a list may be, and who may be on it. Pure."""

from typing import Final

from server.organizing.refusal import Refusal

MOST_LISTS = 50
MOST_LISTED = 500
LONGEST_TITLE = 200

REPLIES: Final = ("followed", "list", "none")
"""Which answers a list shows: to anybody followed, to those on the list, none."""

NO_SUCH_LIST = Refusal("Record not found", missing=True)


def may_call(*, title: str, replies: str) -> Refusal | None:
    """Whether a list may be called so, and show these answers."""
    if not title.strip():
        return Refusal("Validation failed: Title can't be blank")
    if len(title) > LONGEST_TITLE:
        return Refusal(f"Validation failed: Title is too long (maximum is {LONGEST_TITLE} characters)")
    if replies not in REPLIES:
        return Refusal("Validation failed: Replies policy is not included in the list")
    return None


def may_list(*, followed: bool, listed: int) -> Refusal | None:
    """Whether one more may be on a list: somebody who is followed, while there is room."""
    if not followed:
        return Refusal("Record not found", missing=True)
    if listed >= MOST_LISTED:
        return Refusal(f"Validation failed: A list holds at most {MOST_LISTED} accounts")
    return None
