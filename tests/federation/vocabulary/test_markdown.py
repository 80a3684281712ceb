"""What our people write: a little markup, mentions and hashtags as peers know them, and no HTML of their own."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.vocabulary.html import sanitize
from federation.vocabulary.markdown import Found, TooLong, render_markdown, scan
from federation.vocabulary.tags import Mention
from tests.federation.vocabulary.test_html import ATTACKS, REL, check_is_safe

PEOPLE = {
    "@ann@peer.example": Mention(
        href="https://peer.example/users/1", name="@ann@peer.example", url="https://peer.example/@ann"
    ),
    "@_x_@peer.example": Mention(href="https://peer.example/users/2", name="@_x_@peer.example"),
    "@bob": Mention(href="https://ours.example/ap/actors/b", name="@bob@ours.example"),
}


def tag_url(name: str) -> str:
    return f"https://ours.example/tags/{name.lower()}"


def render(text: str) -> str:
    return render_markdown(text, mention_of=PEOPLE, tag_url=tag_url)


def mention(href: str, name: str) -> str:
    return f'<span class="h-card"><a href="{href}" class="u-url mention" {REL}>@<span>{name}</span></a></span>'


def hashtag(name: str) -> str:
    rel = REL.replace('"no', '"tag no')
    return f'<a href="{tag_url(name)}" class="mention hashtag" {rel}>#<span>{name}</span></a>'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("Hello\nworld\n\nagain", "<p>Hello<br>world</p><p>again</p>"),
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("> q\n\n- a\n- b", "<blockquote><p>q</p></blockquote><ul><li>a</li><li>b</li></ul>"),
        ("3. x", '<ol start="3"><li>x</li></ol>'),
        ("```\na <b>\n\nc\n```", "<pre><code>a &lt;b&gt;\n\nc\n</code></pre>"),
        ("<b>x</b> & <script>", "<p>&lt;b&gt;x&lt;/b&gt; &amp; &lt;script&gt;</p>"),
        ("# no heading", "<p># no heading</p>"),
        ("| a |\n|---|\n| b |", "<p>| a |<br>|---|<br>| b |</p>"),
        ("[x](https://a.example/)", f'<p><a href="https://a.example/" {REL}>x</a></p>'),
        ("see https://a.example/p#q.", f'<p>see <a href="https://a.example/p#q" {REL}>https://a.example/p#q</a>.</p>'),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[b.example](https://c.example)", f'<p><a href="https://c.example" {REL}>b.example [c.example]</a></p>'),
        ("a@b.example www.a.example ftp://a.example", "<p>a@b.example www.a.example ftp://a.example</p>"),
    ],
)  # fmt: skip
def test_markup(text: str, html: str) -> None:
    assert render(text) == html


def test_mentions() -> None:
    ann = mention("https://peer.example/@ann", "ann")
    assert render("@ann@peer.example, hi") == f"<p>{ann}, hi</p>"
    assert render("(@Ann@Peer.Example)") == f"<p>({ann.replace('>ann<', '>Ann<')})</p>"
    assert render("*@ann@peer.example*") == f"<p><em>{ann}</em></p>"
    assert render("@_x_@peer.example") == f"<p>{mention('https://peer.example/users/2', '_x_')}</p>"
    assert render("hey @bob!") == f"<p>hey {mention('https://ours.example/ap/actors/b', 'bob')}!</p>"


@pytest.mark.parametrize(
    "text",
    ["@nobody@peer.example", "x@ann@peer.example", "`@bob`", "\\@bob x@bob", "@", "@@bob", "https://a.example/@bob"],
)
def test_what_is_no_mention(text: str) -> None:
    assert "mention" not in render(text)


def test_hashtags() -> None:
    assert render("#Strike2026 now") == f"<p>{hashtag('Strike2026')} now</p>"
    assert render("(#a_b)") == f"<p>({hashtag('a_b')})</p>"
    for text in ("#123", "a#b", "`#code`", "&#35;x", "https://a.example/#x", "#", "##x"):
        assert "hashtag" not in render(text)


def test_no_link_within_a_link() -> None:
    assert render("[@bob #x](https://a.example)") == f'<p><a href="https://a.example" {REL}>@bob #x</a></p>'


def test_scan() -> None:
    text = "@Ann@peer.example @bob #One #two #ONE `@code #code` [@bob #three](https://a.example) @ann@peer.example."
    assert scan(text) == Found(mentions=("@ann@peer.example", "@bob"), hashtags=("One", "two"))


def test_too_long() -> None:
    for function in (render, scan):
        with pytest.raises(TooLong):
            function("x" * 20_001)


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_shown_as_text(attack: str) -> None:
    check_is_safe(render(attack))


@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "[",
        "*a **b ",
        "_a",
        "`a",
        "> ",
        "@a",
        "@a.",
        "- ",
        "1. ",
        "https://",
        "<",
        "[a](",
        "&",
        "[a](<b",
        "~~a",
        "\\",
        "#a ",
    ],
)
def test_long_texts_take_less_than_two_seconds(unit: str) -> None:
    started = time.process_time()
    render((unit * 20_000)[:20_000])
    assert time.process_time() - started < 2


@settings(deadline=None)
@given(st.text("*_`~[]()<>@#&!\\-1. \nabhttps:/", max_size=80))
def test_any_text_renders_safely(text: str) -> None:
    html = render(text)
    check_is_safe(html)
    assert sanitize(html) == html
