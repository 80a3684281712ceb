"""What may be shut out, and what a report may be about. Pure."""

from federation.origin import Origin, normalize_host
from server.organizing.refusal import Refusal

MOST_OPEN = 1_000
"""Open reports; a list that strangers can grow."""


def may_block(*, domain: str, own: Origin) -> Refusal | None:
    """Whether a domain, with all below it, may be shut out."""
    if is_below(normalize_host(own.domain.partition(":")[0]), domain):
        return Refusal("A server cannot block itself.")
    if "." not in domain:
        return Refusal("A block of a whole top-level domain is too much.")
    return None


def may_report(*, open_reports: int) -> Refusal | None:
    """Whether one more report may be put on the pile."""
    return Refusal("Too many reports are open already.") if open_reports >= MOST_OPEN else None


LONGEST_COMPLAINT = 1_000
MOST_POSTS = 50

CATEGORIES = ("spam", "legal", "violation", "other")


def may_complain(*, own: bool, comment: str, posts: int, category: str) -> Refusal | None:
    """Whether somebody here may report so: of others, briefly, a few of their posts."""
    if own:
        return Refusal("This cannot be done to oneself.")
    if len(comment) > LONGEST_COMPLAINT:
        return Refusal(f"Validation failed: Comment is too long (maximum is {LONGEST_COMPLAINT:,} characters)")
    if posts > MOST_POSTS:
        return Refusal(f"Validation failed: A report names at most {MOST_POSTS} posts")
    if category not in CATEGORIES:
        return Refusal("Validation failed: Category is not included in the list")
    return None


def is_below(host: str, domain: str) -> bool:
    """Whether a host, with or without a port, is a domain or lies below it; whole labels count (HOSTILE B16)."""
    name = host.partition(":")[0] if host.count(":") <= 1 else host
    return name == domain or name.endswith(f".{domain}")
