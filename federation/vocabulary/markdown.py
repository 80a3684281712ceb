"""Renders what our own people write: a small Markdown, mentions and hashtags. Raw HTML in it is shown, never used."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline

from federation.vocabulary.documents import first_distinct
from federation.vocabulary.html import sanitize
from federation.vocabulary.tags import Mention

MAX_TEXT = 20_000
_RULES = (
    "backticks balance_pairs blockquote code emphasis entity escape fence fragments_join inline linkify list newline"
    " normalize paragraph strikethrough text text_join autolink link block"
).split()
_BEFORE = frozenset("([{\"'*_~>«“‘")
_MENTION = re.compile(r"@(\w+(?:[\w.-]*\w)?)(?:@([\w-]+(?:\.[\w-]+)*(?::\d{1,5})?))?")
_HASHTAG = re.compile(r"#(\w{1,100})(?!\w)")
_LETTER = re.compile(r"[^\W\d_]")
# Clients that keep white space would show the line feeds that only separate our elements.
_BETWEEN_BLOCKS = re.compile(r"(<pre>.*?</pre>)|\n", re.DOTALL)


class TooLong(ValueError):
    """The text is longer than 20,000 characters."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a text names, in order, each once: `@user@host` or `@user` in lower case, and topics without `#`."""

    mentions: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()


@dataclass(slots=True)
class _Page:
    """What a rendering knows of the world around the text, and what it met in it."""

    mention_of: Mapping[str, Mention] = field(default_factory=dict)
    tag_url: Callable[[str], str] | None = None
    mentions: list[str] = field(default_factory=list)
    hashtags: list[str] = field(default_factory=list)


def render_markdown(text: str, *, mention_of: Mapping[str, Mention], tag_url: Callable[[str], str]) -> str:
    """HTML of a text: paragraphs, emphasis, code, quotes, lists, links; with the markup that peers know mentions and
    hashtags by (WIRE 5.3), sanitised.

    `mention_of` has an entry for each of `scan(text).mentions` that was found; the others stay text. `tag_url` gives
    the page of a topic. Raises `TooLong`.
    """
    page = _Page(mention_of, tag_url)
    return _BETWEEN_BLOCKS.sub(lambda match: match[1] or "", sanitize(_render(text, page)))


def scan(text: str) -> Found:
    """The mentions and hashtags that `render_markdown` would see, code left out. Raises `TooLong`."""
    page = _Page()
    _render(text, page)
    hashtags = {name.casefold(): name for name in reversed(page.hashtags)}
    names = first_distinct((hashtags[name.casefold()] for name in page.hashtags), limit=len(page.hashtags))
    return Found(first_distinct(page.mentions, limit=len(page.mentions)), names)


def _render(text: str, page: _Page) -> str:
    if len(text) > MAX_TEXT:
        raise TooLong("a text of more than 20,000 characters")
    rendered = _MARKDOWN.render(text, {"page": page})
    return str(rendered)


def _mention(state: StateInline, silent: bool) -> bool:
    match = _MENTION.match(state.src, state.pos, state.posMax) if _may_begin(state, "@") else None
    if match is None:
        return False
    if not silent:
        token = state.push("mention", "", 0)
        token.content = match[0]
    state.pos = match.end()
    return True


def _hashtag(state: StateInline, silent: bool) -> bool:
    match = _HASHTAG.match(state.src, state.pos, state.posMax) if _may_begin(state, "#") else None
    if match is None or not _LETTER.search(match[1]):
        return False
    if not silent:
        token = state.push("hashtag", "", 0)
        token.content = match[1]
    state.pos = match.end()
    return True


def _may_begin(state: StateInline, sign: str) -> bool:
    """Whether a mention or hashtag can begin here: not within a word or address, and not within another link."""
    if state.linkLevel or state.src[state.pos] != sign:
        return False
    before = state.src[state.pos - 1] if state.pos else " "
    return before.isspace() or before in _BEFORE


def _show_mention(self: RendererHTML, tokens: Any, index: int, options: Any, env: Any) -> str:
    page: _Page = env["page"]
    written = str(tokens[index].content)
    page.mentions.append(written.lower())
    mention = page.mention_of.get(written.lower())
    if mention is None:
        return escapeHtml(written)
    href, user = escapeHtml(mention.url or mention.href), escapeHtml(written[1:].partition("@")[0])
    return f'<span class="h-card"><a href="{href}" class="u-url mention">@<span>{user}</span></a></span>'


def _show_hashtag(self: RendererHTML, tokens: Any, index: int, options: Any, env: Any) -> str:
    page: _Page = env["page"]
    name = str(tokens[index].content)
    page.hashtags.append(name)
    if page.tag_url is None:
        return escapeHtml(f"#{name}")
    href = escapeHtml(page.tag_url(name))
    return f'<a href="{href}" class="mention hashtag" rel="tag">#<span>{escapeHtml(name)}</span></a>'


def _build() -> MarkdownIt:
    markdown = MarkdownIt("zero", {"html": False, "linkify": True, "breaks": True, "maxNesting": 20})
    markdown.enable(_RULES)
    markdown.inline.ruler.before("emphasis", "mention", _mention)
    markdown.inline.ruler.before("emphasis", "hashtag", _hashtag)
    markdown.add_render_rule("mention", _show_mention)
    markdown.add_render_rule("hashtag", _show_hashtag)
    if markdown.linkify is not None:
        # Only what is written as an address with its scheme becomes a link.
        markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
        for scheme in ("//", "ftp:", "mailto:"):
            markdown.linkify.add(scheme, None)
    return markdown


_MARKDOWN = _build()
