"""Canonical JSON: the vectors of RFC 8785, and everything that has no canonical form."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.canonical import NotCanonical, canonicalize

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "jcs.json").read_text("utf-8"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"))
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


def double(bits: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return value


@pytest.mark.parametrize(("bits", "text"), VECTORS["doubles"])
def test_doubles(bits: str, text: str) -> None:
    assert canonicalize({"n": double(bits)}) == f'{{"n":{text}}}'.encode()


@pytest.mark.parametrize("bits", VECTORS["unrepresentable"])
def test_nan_and_infinities(bits: str) -> None:
    with pytest.raises(NotCanonical):
        canonicalize({"n": [double(bits)]})


@pytest.mark.parametrize("case", VECTORS["documents"], ids=lambda case: case["name"])
def test_documents(case: dict[str, str]) -> None:
    assert canonicalize(json.loads(case["json"])) == case["canonical"].encode()


def test_keys_beyond_the_basic_plane_sort_by_code_units() -> None:
    # U+1F600 starts with the unit D83D, before FB33, although its code point is larger.
    assert canonicalize({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("value", [2**53, -(2**53), 2**64, 10**400, b"bytes", {1}, object(), {1: "key"}, "\ud800"])
def test_no_canonical_form(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonicalize({"n": value})


def test_lone_surrogate_in_a_key() -> None:
    with pytest.raises(NotCanonical):
        canonicalize({"\ud800": 1})


def test_deep_and_circular_documents() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    circular: dict[str, Any] = {}
    circular["a"] = circular
    for document in (deep, circular):
        with pytest.raises(NotCanonical, match="nested"):
            canonicalize(document)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON))
def test_reading_and_writing_again_changes_nothing(document: dict[str, Any]) -> None:
    written = canonicalize(document)
    assert canonicalize(json.loads(written, parse_int=float)) == written
