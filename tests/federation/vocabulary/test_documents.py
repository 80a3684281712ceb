"""Strict JSON: whatever two readers could read in two ways is refused, quickly and always as `Malformed`."""

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.vocabulary import Document
from federation.vocabulary.documents import (
    Malformed,
    clean_line,
    clean_text,
    first_distinct,
    is_uri,
    load_json,
    moment_of,
    publishable,
    reference_id,
    reference_ids,
    text_of,
    timestamp,
)

AS = "https://www.w3.org/ns/activitystreams#"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.sampled_from("abcdefg"), children, max_size=4),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a":1}{"a":1}', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b'{"a":"\x00"}', "not JSON"),
        (b'{"a":"\n"}', "not JSON"),
        (b'{"a', "not JSON"),
        (b'{"a":"\\', "not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"id":"x","id":"y"}', "twice"),
        (b'{"o":{"id":"x","i\\u0064":"y"}}', "twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":[-Infinity]}', "NaN"),
        (b'{"a":1e400}', "too great"),
        (b'{"a":-1e400}', "too great"),
        (b'{"a":9007199254740992}', "2^53"),
        (b'{"a":-9007199254740992}', "2^53"),
        (b'{"a":' + b"9" * 100_000 + b"}", "2^53"),
        (b'{"a":"x\\u0000y"}', "NUL"),
        (b'{"a":[{"b\\u0000":1}]}', "NUL"),
        (b'{"a":"\\ud83d"}', "surrogate"),
        (b'{"a":"\\uDE00\\uD83D"}', "surrogate"),
    ],
)  # fmt: skip
def test_refuses(body: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason.replace("^", "\\^")):
        load_json(body)


@pytest.mark.parametrize("key", ["@graph", "@included", "@reverse", "@import", "__proto__"])
def test_refuses_keys_that_rearrange_at_any_depth(key: str) -> None:
    documents: list[Document] = [{key: []}, {"object": [{"tag": {key: {}}}]}, {"@context": {key: "x"}}]
    for document in documents:
        with pytest.raises(Malformed, match="rearranges"):
            load_json(json.dumps(document).encode())


@pytest.mark.parametrize("alias", ["as:actor", f"{AS}actor", AS.replace("https", "http") + "actor"])
def test_refuses_a_term_next_to_its_alias(alias: str) -> None:
    for document in ({"actor": "a", alias: "b"}, {"object": {alias: "b", "actor": "a"}}):
        with pytest.raises(Malformed, match="alias"):
            load_json(json.dumps(document).encode())
    # Alone it is merely a property that nobody here reads.
    assert load_json(json.dumps({alias: "b"}).encode()) == {alias: "b"}


def test_refuses_json_ld_keywords_next_to_their_plain_names() -> None:
    for document in ({"id": "a", "@id": "b"}, {"type": "Note", "@type": "Delete"}):
        with pytest.raises(Malformed, match="alias"):
            load_json(json.dumps(document).encode())


def test_accepts_contexts_with_term_definitions() -> None:
    document = {"@context": [AS, {"featured": {"@id": "toot:featured", "@type": "@id"}, "type": "@type"}], "id": "x"}
    assert load_json(json.dumps(document).encode()) == document


def test_nesting_is_limited_to_32() -> None:
    assert load_json(b'{"a":' + b"[" * 31 + b"]" * 31 + b"}")
    for deep in (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", b'{"a":' * 20_000, b"[" * 50_000, b"]" * 9 + b"[" * 49_000):
        with pytest.raises(Malformed, match="deeply"):
            load_json(deep)
    for deeper in (b'{"a":' * 100_000, b"[" * 1_000_000, b'{"a":[' * 200_000):
        with pytest.raises(Malformed, match="too many"):
            load_json(deeper)


def test_brackets_in_strings_are_no_nesting() -> None:
    text = '[{"\\' * 1_000
    assert load_json(json.dumps({"a": text}).encode()) == {"a": text}


def test_tokens_are_limited() -> None:
    assert len(load_json(json.dumps({"a": list(range(40_000))}).encode())["a"]) == 40_000
    for many in ({"a": list(range(50_001))}, {str(number): 0 for number in range(1_000_000 // 8)}):
        with pytest.raises(Malformed, match="too many"):
            load_json(json.dumps(many).encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"' + b"x" * 1_000_000 + b'"}',
        b'{"a":"' + b"\\\\" * 500_000 + b'"}',
        b'{"a":"' + b"\\u00e9" * 160_000 + b'"}',
        b'{"a":"' + b"\\u0000" * 160_000 + b'"}',
        b'"' * 1_000_000,
        b'"\\' * 500_000,
        b'\\"' * 500_000,
        b'{"a":"' + b'\\"' * 500_000,
        b" " * 1_000_000,
        b"1" * 1_000_000,
        b"-" * 1_000_000,
        b"\xff" * 1_000_000,
        b"{" * 1_000_000,
        b'{"a":1,' * 150_000,
        b"e" * 1_000_000,
    ],
    ids=range(15),
)
def test_a_megabyte_takes_less_than_half_a_second(body: bytes) -> None:
    started = time.process_time()
    try:
        load_json(body)
    except Malformed:
        pass
    assert time.process_time() - started < 0.5


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_malformed(body: bytes) -> None:
    try:
        assert isinstance(load_json(body), dict)
    except Malformed:
        pass


@settings(deadline=None)
@given(st.text('{}[]":,\\u0dD8aeE+-.19 \x00@idas', max_size=60))
def test_almost_json_is_read_or_malformed(text: str) -> None:
    try:
        document = load_json(text.encode())
    except Malformed:
        return
    json.dumps(document, ensure_ascii=False).encode("utf-8")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdefg"), JSON, max_size=4), st.booleans())
def test_unambiguous_json_is_read_as_it_is(document: dict[str, object], ascii_only: bool) -> None:
    assert load_json(json.dumps(document, ensure_ascii=ascii_only).encode()) == document


def test_error_messages_repeat_nothing() -> None:
    with pytest.raises(Malformed) as refusal:
        load_json(b'{"secret":"marker","secret":"marker"}')
    assert "secret" not in str(refusal.value)
    assert "marker" not in str(refusal.value)


def test_references() -> None:
    uri = "https://a.example/1"
    value: object
    for value in (uri, {"id": uri}, {"type": "Link", "href": uri}, [uri], [{"id": uri}, "https://b.example/"]):
        assert reference_id(value) == uri
    for value in (None, "", 1, True, [], [[]], [[uri]], {}, {"id": 1}, {"id": [uri]}, "ftp://a.example/", "acct:a@b"):
        assert reference_id(value) is None
    assert reference_ids([uri, 7, {"id": uri}, "https://b.example/"], limit=9) == (uri, "https://b.example/")
    assert len(reference_ids([f"{uri}{number}" for number in range(50)], limit=9)) == 9


def test_is_uri() -> None:
    assert is_uri("https://a.example/x?y#z")
    for value in (
        "https://",
        "https:///x",
        "https://u@a.example/",
        "https://a example/",
        "javascript:alert(1)",
        5,
        None,
    ):
        assert not is_uri(value)


def test_texts_and_their_language_maps() -> None:
    assert text_of({"content": "a", "contentMap": {"de": "b"}}, "content") == "a"
    assert text_of({"content": None, "contentMap": {"de": 1, "fr": "c"}}, "content") == "c"
    assert text_of({"content": [1, "d"]}, "content") == "d"
    assert text_of({"content": {"x": "y"}, "contentMap": []}, "content") is None


def test_clean_text_drops_what_deceives_and_keeps_what_scripts_need() -> None:
    assert clean_text("a\u202eb\u2066c\u200bd\x07e\r\nf", limit=99) == "abcde\nf"
    assert clean_text("👩\u200d🌾 \u0645\u06cc\u200c\u062e", limit=99) == "👩\u200d🌾 \u0645\u06cc\u200c\u062e"
    assert clean_line("  a \n\t b  ", limit=99) == "a b"
    assert clean_line("x" * 1_000_000, limit=10) == "x" * 10


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-06-07T20:51:35Z", datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)),
        ("2026-06-07T22:51:35.123456789+02:00", datetime(2026, 6, 7, 20, 51, 35, 123456, tzinfo=UTC)),
        ("2026-06-07T20:51:35", datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday", None),
        ("2026-13-01T00:00:00Z", None),
        ("1" * 1_000_000, None),
        (1780000000, None),
        (None, None),
    ],
)
def test_moments(written: object, moment: datetime | None) -> None:
    assert moment_of(written) == moment


def test_timestamps() -> None:
    assert timestamp(datetime(2026, 6, 7, 20, 51, 35, 999, tzinfo=UTC)) == "2026-06-07T20:51:35Z"
    with pytest.raises(ValueError, match="time zone"):
        timestamp(datetime(2026, 6, 7))


def test_first_distinct_and_publishable() -> None:
    assert first_distinct(["a", None, "", "b", "a", "c"], limit=2) == ("a", "b")
    document = {"bto": 1, "bcc": 2, "to": 3, "object": {"bto": 4, "id": 5}}
    assert publishable(document) == {"to": 3, "object": {"id": 5}}
    assert document["bto"] == 1
