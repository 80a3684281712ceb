"""What a token may be allowed: Mastodon's scopes, coarse and fine. Pure."""

READ = tuple(
    f"read:{what}"
    for what in (
        "accounts",
        "blocks",
        "bookmarks",
        "favourites",
        "filters",
        "follows",
        "lists",
        "mutes",
        "notifications",
        "search",
        "statuses",
    )
)
WRITE = tuple(
    f"write:{what}"
    for what in (
        "accounts",
        "blocks",
        "bookmarks",
        "conversations",
        "favourites",
        "filters",
        "follows",
        "lists",
        "media",
        "mutes",
        "notifications",
        "reports",
        "statuses",
    )
)
_RELATIONS = ("blocks", "follows", "mutes")
# `follow` is Mastodon's older word for all that is about relations.
_WITHIN = {
    "read": frozenset(READ),
    "write": frozenset(WRITE),
    "follow": frozenset(f"{act}:{what}" for act in ("read", "write") for what in _RELATIONS),
}
SCOPES = ("profile", "read", *READ, "write", *WRITE, "follow", "push")
"""All there are. There is nothing to administer by a client: `admin` scopes are unknown here."""

DEFAULT = "read"
"""What a program asks for that asks for nothing."""


class UnknownScope(ValueError):
    """Something that cannot be allowed, because there is no such thing."""


def parse_scopes(text: str | None) -> tuple[str, ...]:
    """The scopes in a list separated by blanks (RFC 6749 section 3.3), each once. Raises `UnknownScope`."""
    scopes = tuple(dict.fromkeys((text or DEFAULT).split())) or (DEFAULT,)
    if not set(scopes) <= set(SCOPES):
        raise UnknownScope("the requested scope is invalid, unknown, or malformed")
    return scopes


def covers(granted: tuple[str, ...], needed: str) -> bool:
    """Whether one of the granted scopes is the needed one, or contains it. `profile` is part of `read:accounts`."""
    if needed in granted or any(needed in _WITHIN.get(scope, ()) for scope in granted):
        return True
    return needed == "profile" and covers(granted, "read:accounts")


def is_within(wanted: tuple[str, ...], allowed: tuple[str, ...]) -> bool:
    """Whether all that is wanted was allowed: none of it is wider than what covers it."""
    return all(
        covers(allowed, scope) or (scope in _WITHIN and all(covers(allowed, part) for part in _WITHIN[scope]))
        for scope in wanted
    )
