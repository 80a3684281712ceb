"""Which hashtags may be followed and featured. Pure."""

import re

from server.organizing.refusal import Refusal

MOST_FOLLOWED = 100
MOST_FEATURED = 10
_NAME = re.compile(r"(?!\d+\Z)[\w·]{1,100}")


def may_name(*, name: str) -> Refusal | None:
    """Whether this is a hashtag, without its sign."""
    return None if _NAME.fullmatch(name) else Refusal("Validation failed: Tag is invalid")
