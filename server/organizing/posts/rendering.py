"""Turns what somebody typed into HTML that other servers understand. Pure; nothing typed becomes markup by itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from federation.origin import Origin
from server.organizing.posts.people_named import Named

MOST_HASHTAGS = 30


@dataclass(frozen=True, slots=True)
class Rendered:
    """The HTML of a text, and the hashtags in it, without `#`, each once."""

    html: str
    hashtags: tuple[str, ...]


def render(text: str, *, origin: Origin, named: Iterable[Named] = ()) -> Rendered:
    """Renders a small Markdown; `@user@host` becomes a link for those `named`.

    A `@user` without a host is of this server. Raises `federation.vocabulary.markdown.TooLong`.
    """
    # Here: the library of Markdown takes 2 MB, and a server where nobody writes just now can do without.
    from federation.vocabulary.markdown import render_markdown, scan

    found = scan(text)
    people = {f"@{person.acct}".lower(): person.mention for person in named}
    mentions = {
        written: people[whole]
        for written in found.mentions
        if (whole := written if "@" in written[1:] else f"{written}@{origin.domain}") in people
    }
    html = render_markdown(text, mention_of=mentions, tag_url=lambda tag: hashtag_url(origin, tag))
    return Rendered(html.strip(), found.hashtags[:MOST_HASHTAGS])


def hashtag_url(origin: Origin, tag: str) -> str:
    """The page of a hashtag on this server."""
    return f"{origin}/tags/{quote(tag.lower())}"
