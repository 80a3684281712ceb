"""Turns what somebody typed into HTML that other servers understand. Pure; nothing typed becomes markup by itself."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from federation.origin import Origin
from federation.vocabulary.html import sanitize
from server.organizing.posts.people_named import Named

MOST_HASHTAGS = 30

_RULES = "newline escape emphasis strikethrough backticks link autolink linkify list blockquote fence".split()
_NAMED = re.compile(
    r"(?<![\w/@])@(?P<handle>\w{1,64})(?:@(?P<host>[\w.-]{1,253}\w(?::\d{1,5})?))?"
    r"|(?<![\w/&#])#(?P<tag>\w{0,60}[^\W\d_]\w{0,60})"
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The HTML of a text, and the hashtags in it, without `#`, each once."""

    html: str
    hashtags: tuple[str, ...]


def render(text: str, *, origin: Origin, named: Iterable[Named] = ()) -> Rendered:
    """Renders paragraphs, lists, quotes, emphasis, code and links; `@user@host` becomes a link for those `named`.

    A `@user` without a host is of this server. HTML in the text stays text (WIRE 5.3 for the form of the links).
    """
    parser = _parser()
    tokens = parser.parse(text)
    marker = _Marker(origin, {person.acct.lower(): person for person in named})
    for token in tokens:
        if token.children:
            token.children = list(marker.mark(token.children))
    html = parser.renderer.render(tokens, parser.options, {})
    return Rendered(sanitize(html).strip(), tuple(marker.hashtags))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero", {"html": False, "linkify": True, "breaks": True})
    parser.enable(_RULES)
    if parser.linkify is not None:
        # Only what is written as an address is one: `user@host` is a handle here and no e-mail.
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return parser


class _Marker:
    """Finds mentions and hashtags in running text, outside of links and code."""

    def __init__(self, origin: Origin, named: Mapping[str, Named]) -> None:
        self.origin = origin
        self.named = named
        self.hashtags: dict[str, None] = {}

    def mark(self, tokens: Iterable[Token]) -> Iterator[Token]:
        links = 0
        for token in tokens:
            links += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            if token.type == "text" and not links:
                yield from self._split(token.content)
            else:
                yield token

    def _split(self, text: str) -> Iterator[Token]:
        end = 0
        for found in _NAMED.finditer(text):
            html = self._hashtag(found["tag"]) if found["tag"] else self._mention(found["handle"], found["host"])
            if html is not None:
                yield Token("text", "", 0, content=text[end : found.start()])
                yield Token("html_inline", "", 0, content=html)
                end = found.end()
        yield Token("text", "", 0, content=text[end:])

    def _mention(self, handle: str, host: str | None) -> str | None:
        person = self.named.get(f"{handle}@{host or self.origin.domain}".lower())
        if person is None:
            return None
        name, href = escape(person.acct.partition("@")[0]), escape(person.url)
        return f'<span class="h-card"><a href="{href}" class="u-url mention">@<span>{name}</span></a></span>'

    def _hashtag(self, tag: str) -> str | None:
        known = {other.lower() for other in self.hashtags}
        if tag.lower() not in known:
            if len(known) >= MOST_HASHTAGS:
                return None
            self.hashtags[tag] = None
        href = hashtag_url(self.origin, tag)
        return f'<a href="{escape(href)}" class="mention hashtag" rel="tag">#<span>{escape(tag)}</span></a>'


def hashtag_url(origin: Origin, tag: str) -> str:
    """The page of a hashtag on this server."""
    return f"{origin}/tags/{quote(tag.lower())}"
