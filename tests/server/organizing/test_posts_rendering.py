"""What somebody types becomes HTML that other servers read, and never markup of its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.addressing import Recipient
from federation.origin import Origin
from federation.vocabulary.html import sanitize
from server.organizing.posts.people_named import Named
from server.organizing.posts.rendering import MOST_HASHTAGS, render

ORIGIN = Origin("https", "groundswell.test")
REL = 'rel="nofollow noopener noreferrer ugc"'


def person(acct: str) -> Named:
    uri = f"https://far.example/users/{acct.partition('@')[0]}"
    return Named(id=uri, acct=acct, url=uri, recipient=Recipient(uri, f"{uri}/inbox"))


MONA, LEE = person("mona@far.example"), person("lee@groundswell.test")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        ("*so* **much**", "<p><em>so</em> <strong>much</strong></p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("> said", "<blockquote><p>said</p></blockquote>"),
        ("`#no @mona@far.example`", "<p><code>#no @mona@far.example</code></p>"),
        ("<b>bold</b> & <script>x</script>", "<p>&lt;b&gt;bold&lt;/b&gt; &amp; &lt;script&gt;x&lt;/script&gt;</p>"),
        ("# no heading", "<p># no heading</p>"),
        ("![pic](https://far.example/x.png)", f'<p>!<a href="https://far.example/x.png" {REL}>pic</a></p>'),
        (
            "https://far.example/#part",
            f'<p><a href="https://far.example/#part" {REL}>https://far.example/#part</a></p>',
        ),
        ("write to a@b.example", "<p>write to a@b.example</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("@nobody@far.example", "<p>@nobody@far.example</p>"),
        ("1 #2 #3", "<p>1 #2 #3</p>"),
    ],
)
def test_text_becomes_plain_html(text: str, html: str) -> None:
    assert render(text, origin=ORIGIN, named=[MONA, LEE]).html == html


@pytest.mark.parametrize("text", ["@mona@far.example", "(@MONA@far.example)", "hi @mona@far.example."])
def test_who_is_named_becomes_a_link(text: str) -> None:
    html = render(text, origin=ORIGIN, named=[MONA]).html
    link = f'<span class="h-card"><a href="{MONA.url}" class="u-url mention" {REL}>@<span>mona</span></a></span>'
    assert link in html.replace("MONA", "mona")


def test_a_handle_without_a_host_is_of_this_server() -> None:
    assert 'class="u-url mention"' in render("@lee", origin=ORIGIN, named=[LEE]).html
    assert 'class="u-url mention"' not in render("@mona", origin=ORIGIN, named=[MONA]).html


def test_hashtags_are_found_once_and_only_so_many() -> None:
    rendered = render("#Work #work, (#Café) x#no #4day", origin=ORIGIN)
    assert rendered.hashtags == ("Work", "Café", "4day")
    assert 'href="https://groundswell.test/tags/caf%C3%A9"' in rendered.html
    many = render(" ".join(f"#t{number}x" for number in range(100)), origin=ORIGIN)
    assert len(many.hashtags) == MOST_HASHTAGS


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab<>&\"'@#*_`[]()!\\\n :/.-1https"), max_size=80))
def test_whatever_is_typed_is_safe_html(text: str) -> None:
    html = render(text, origin=ORIGIN, named=[MONA, LEE]).html
    assert sanitize(html) == html


@pytest.mark.parametrize("text", ["@" * 5_000, "#" * 5_000, "@a@" * 1_600, "[" * 5_000, "*a" * 2_500, "> " * 2_500])
def test_what_is_typed_to_be_slow_is_not(text: str) -> None:
    render(text, origin=ORIGIN, named=[MONA])
