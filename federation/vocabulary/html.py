"""Makes HTML of strangers safe to show, and shows where deceptive links really lead. Never fails on any input."""

import html as entities
import re

import nh3

from federation.origin import BadUri, SchemeHost, normalize_host, origin_of
from federation.vocabulary.documents import clean_text, is_uri

MAX_LENGTH = 500_000
"""Characters; what is longer is cut before it is read."""
MAX_AS_TEXT = 80_000
MAX_PASSES = 6
MAX_NESTING = 64
MAX_IRREGULAR_TAGS = 1_000
MAX_TAGS = 20_000

_TAGS = set(
    "a abbr b blockquote br code del em h1 h2 h3 h4 h5 i li ol p pre rp rt ruby s span strong sub sup u ul".split()
)
_ATTRIBUTES = {
    "*": {"lang"},
    "a": {"href", "class", "title", "translate"},
    "abbr": {"title"},
    "span": {"class", "translate"},
    "blockquote": {"cite"},
    "ol": {"start", "reversed"},
    "li": {"value"},
    "p": {"class"},
}
_CLASS = re.compile(r"(?:h|p|u|dt|e)-[a-z][a-z-]{0,30}|mention|hashtag|ellipsis|invisible|quote-inline")
_REL = "nofollow noopener noreferrer ugc"
_CONTENT_DROPPED = set("script style math svg template iframe object noscript title textarea select".split())

_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_END_OPTIONAL = frozenset("p li dt dd rt rp".split())
# What changes how the tags after it are read, or keeps a closing tag from closing anything outside it.
_IRREGULAR = frozenset(
    """applet caption colgroup form frameset html iframe marquee math noembed noframes noscript object optgroup option
    plaintext script select style svg table tbody td template textarea tfoot th thead title tr xmp""".split()
)
_VALUE = r"""(?:"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>=`]++)"""
_WELL_FORMED = re.compile(rf"""<(/?)([a-zA-Z][a-zA-Z0-9]*+)((?:\s++[^\s"'<>/=]++(?:\s*+=\s*+{_VALUE})?)*+)\s*+/?>""")
# Every ampersand that stands for itself. The parser takes quadratic time over them, so that they pass it in disguise.
_AMPERSAND = re.compile(
    r"&(?:amp;|AMP;|#0{0,9}38;|#[xX]0{0,9}26;|(?!(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});))"
)
_DISGUISE = "\ue000"
_OPENING = re.compile(r"<[a-zA-Z/!?]")
_ANY_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*+>?")
_BREAK = re.compile(r"<br\b[^<>]*+>")
_BLOCK_END = re.compile(r"</(?:p|li|h[1-5]|pre|blockquote|ul|ol)>")
_LINK = re.compile(r'<a((?: [a-z]+="[^"]*+")*+)>(.*?)</a>', re.DOTALL)
_HREF = re.compile(r' href="([^"]*+)"')
_HIDING = re.compile(r'<span(?: [a-z]+="[^"]*+")*? class="(?:[a-z -]* )?invisible(?: [a-z -]*)?"[^>]*+>([^<]*+)</span>')
_EXPLICIT = re.compile(r"https?://([^\s/?#]*+)\S*+", re.IGNORECASE)
_BARE = re.compile(r"(?<![\w@./-])((?:[\w-]++\.)+(?:xn--[\w-]++|[^\W\d_]{2,}+))(?![\w@-])\S*+", re.IGNORECASE)
_PORT = re.compile(r":\d*$")
_CLASSES = re.compile(r' class="[^"]*+"')
_OVERRIDES = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_DROPPED = {**_OVERRIDES, 0: None, ord(_DISGUISE): None}


def sanitize(html: str) -> str:
    """HTML with the allowed elements and attributes only (WIRE 5.4, stricter), links to http and https only.

    Cuts at 500,000 characters; what nests deeper than 64, or cannot be measured, becomes plain text, because time
    and size of parsing grow with the square of the depth. Sanitising what comes out changes nothing any more.
    """
    html = html[:MAX_LENGTH].translate(_DROPPED)
    if not _is_bounded(html):
        return _as_text(html)
    # Taking elements out can leave a nesting that reads differently the next time: what is given out does not.
    cleaned = html
    for _ in range(MAX_PASSES):
        before, cleaned = cleaned, _LINK.sub(_honest_link, _clean(cleaned))
        if cleaned == before:
            return cleaned
        if len(cleaned) > MAX_LENGTH or not _is_bounded(cleaned):
            break
    return _as_text(html)


def plain_text(html: str) -> str:
    """The text of some HTML, a line per block, without controls and bidi overrides. Not HTML: escape it."""
    text = _BREAK.sub("\n", sanitize(html))
    text = _ANY_TAG.sub("", _BLOCK_END.sub("\n", text))
    lines = (" ".join(line.split()) for line in entities.unescape(text).split("\n"))
    return clean_text("\n".join(line for line in lines if line), limit=MAX_LENGTH)


def paragraphs(text: str) -> str:
    """Plain text as HTML: a paragraph per blank line, a `<br>` per line."""
    blocks = re.split(r"\n(?:[^\S\n]*+\n)++", text[:MAX_LENGTH].replace("\r\n", "\n").strip())
    lines = ("<br>".join(entities.escape(line) for line in block.split("\n")) for block in blocks if block)
    return "".join(f"<p>{block}</p>" for block in lines)


def _attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "class":
        kept = [name for name in value.split() if _CLASS.fullmatch(name)]
        return " ".join(kept) or None
    # The list of URL schemes is not applied to it.
    if attribute == "cite" and not is_uri(value):
        return None
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    url_schemes={"http", "https"},
    url_relative="deny",
    clean_content_tags=_CONTENT_DROPPED,
    strip_comments=True,
    link_rel=None,
    set_tag_attribute_values={"a": {"rel": _REL}},
)


def _clean(html: str) -> str:
    cleaned = _CLEANER.clean(_AMPERSAND.sub(_DISGUISE, html))
    return cleaned.translate(_OVERRIDES).replace(_DISGUISE, "&amp;")


def _as_text(html: str) -> str:
    words = entities.unescape(_ANY_TAG.sub(" ", html[:MAX_AS_TEXT])).split()
    return _clean(paragraphs(clean_text(" ".join(words), limit=MAX_AS_TEXT)))


def _is_bounded(html: str) -> bool:
    """Whether parsing is cheap. Follows nesting only where every tag is well formed and closes the one before it,
    since an HTML parser reads anything else in ways that no count foresees; there, few tags must suffice."""
    opened: list[str] = []
    tags = 0
    for match in _OPENING.finditer(html):
        tags += 1
        tag = _WELL_FORMED.match(html, match.start())
        if tag is None or not _follow(opened, tag):
            return _OPENING.subn("", html)[1] <= MAX_IRREGULAR_TAGS
        if len(opened) > MAX_NESTING or tags > MAX_TAGS:
            return False
    return True


def _follow(opened: list[str], tag: re.Match[str]) -> bool:
    """Keeps the stack of open elements. False for a tag that this simple account of HTML does not cover."""
    name = tag[2].lower()
    if name in _IRREGULAR:
        return False
    if tag[1]:
        while opened and opened[-1] != name and opened[-1] in _END_OPTIONAL:
            opened.pop()
        return bool(opened) and opened.pop() == name
    if name in _END_OPTIONAL and opened and opened[-1] == name:
        opened.pop()
    if name not in _VOID:
        opened.append(name)
    return True


def _honest_link(match: re.Match[str]) -> str:
    """A link as it was, or with the host it leads to written behind a text that names another (CVE-2023-36462)."""
    attributes, inner = match[1], match[2]
    href = _HREF.search(attributes)
    try:
        origin = origin_of(entities.unescape(href[1])) if href else None
    except BadUri:
        origin = None
    if origin is None:
        return inner
    if " hashtag" in attributes:
        attributes = attributes.replace(f' rel="{_REL}"', f' rel="tag {_REL}"')
    if _is_deceptive(inner, origin):
        shown = _ANY_TAG.sub(lambda tag: _CLASSES.sub("", tag[0]), inner)
        inner = f"{shown} [{origin.authority}]"
    return f"<a{attributes}>{inner}</a>"


def _is_deceptive(inner: str, origin: SchemeHost) -> bool:
    visible = _HIDING.sub("", inner)
    shown = _text_of(visible)
    if shown.endswith(f"[{origin.authority}]"):
        return False
    # Something is hidden otherwise than in the usual flat span, or the host has letters that only look familiar.
    if "invisible" in visible or ("xn--" in origin.host and not shown.isascii()):
        return True
    return any(_names_another_host(text, origin.host) for text in (shown, _text_of(inner)))


def _text_of(inner: str) -> str:
    return entities.unescape(_ANY_TAG.sub("", inner)).strip()


def _names_another_host(text: str, host: str) -> bool:
    named = _EXPLICIT.findall(text) + _BARE.findall(_EXPLICIT.sub(" ", text))
    return any(not _is_same_host(name, host) for name in named)


def _is_same_host(name: str, host: str) -> bool:
    try:
        shown = normalize_host(_PORT.sub("", name.rstrip(".…)]}>\"'")))
    except BadUri:
        return False
    return shown.removeprefix("www.") == host.removeprefix("www.")
