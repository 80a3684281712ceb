"""What a program can listen to, and which scope it takes. Pure."""

from dataclasses import dataclass

from server.oauth.scopes import covers

LONGEST_NAME = 100
"""Characters of a hashtag or of a list's id."""

_SCOPES = {
    "user": ("read:statuses",),
    "user:notification": ("read:notifications",),
    "direct": ("read:statuses",),
    "list": ("read:lists",),
    "hashtag": ("read:statuses",),
    "hashtag:local": ("read:statuses",),
} | {f"public{where}{what}": ("read:statuses",) for where in ("", ":local", ":remote") for what in ("", ":media")}


class UnknownStream(ValueError):
    """There is no such stream, or it lacks the tag or list it is about."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream. `about` is its hashtag, in lower case, or the id of its list."""

    name: str
    about: str | None = None

    @property
    def wire(self) -> list[str]:
        """As clients compare it."""
        return [self.name] if self.about is None else [self.name, self.about]


def stream_of(name: str, *, tag: str | None = None, list_id: str | None = None) -> Stream:
    """The stream that is meant. Raises `UnknownStream`."""
    if name not in _SCOPES:
        raise UnknownStream("Unknown stream type")
    if not name.startswith(("hashtag", "list")):
        return Stream(name)
    about = list_id if name == "list" else tag.removeprefix("#").lower() if tag else None
    if not about or len(about) > LONGEST_NAME:
        raise UnknownStream("Missing list name parameter" if name == "list" else "Missing tag name parameter")
    return Stream(name, about)


def may_listen(stream: Stream, scopes: tuple[str, ...]) -> bool:
    """Whether a token with these scopes may listen to it."""
    return all(covers(scopes, needed) for needed in _SCOPES[stream.name])


def timelines_of(*, local: bool, has_media: bool) -> list[Stream]:
    """The public streams in which a public post shows."""
    places = ("", ":local") if local else ("", ":remote")
    return [Stream(f"public{place}{what}") for place in places for what in (("", ":media") if has_media else ("",))]


def hashtags_of(tags: tuple[str, ...], *, local: bool) -> list[Stream]:
    """The streams of a public post's hashtags."""
    names = ("hashtag", "hashtag:local") if local else ("hashtag",)
    return [Stream(name, tag) for tag in dict.fromkeys(tag.lower() for tag in tags) for name in names]
