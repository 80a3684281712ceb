"""What may be uploaded, and what may hang on a post. Pure."""

from collections.abc import Collection

from server.organizing.refusal import Refusal

LONGEST_DESCRIPTION = 1_500
MOST_ON_A_POST = 4
MOST_UNUSED = 40
"""Pictures of one actor that hang on nothing."""

NO_SUCH_MEDIUM = Refusal("Record not found", missing=True)


def may_describe(description: str) -> Refusal | None:
    """Whether a text may stand for a picture."""
    if len(description) > LONGEST_DESCRIPTION:
        return Refusal(f"A description has at most {LONGEST_DESCRIPTION} characters.")
    return None


def may_upload(*, unused: int) -> Refusal | None:
    """Whether one more may be put in store."""
    if unused >= MOST_UNUSED:
        return Refusal("Too many pictures wait for a post.")
    return None


def may_attach(wanted: Collection[str], *, found: Collection[str]) -> Refusal | None:
    """Whether these may hang on a post: a few, each once, all of them the author's own, and on no other post."""
    if len(wanted) > MOST_ON_A_POST:
        return Refusal(f"A post has at most {MOST_ON_A_POST} pictures.")
    if len(set(wanted)) != len(wanted) or set(wanted) != set(found):
        return Refusal("A picture is not there, or hangs on another post already.")
    return None
