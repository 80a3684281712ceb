"""What a program asks for, in words that somebody can decide by."""

_WORDS = {
    "read": "read everything that this account can read, direct messages included",
    "write": "post, delete, follow and change the profile",
    "follow": "change whom this account follows, blocks and mutes",
    "push": "be told at once when something happens",
    "profile": "see the name and address of this account, and nothing else",
}
_NOUNS = {"accounts": "profiles", "statuses": "posts"}


def permissions(scopes: tuple[str, ...]) -> list[str]:
    """One line for each scope."""
    return [_WORDS.get(scope) or _fine(scope) for scope in scopes]


def _fine(scope: str) -> str:
    act, _, what = scope.partition(":")
    return f"{'read' if act == 'read' else 'change'} {_NOUNS.get(what, what)}"
