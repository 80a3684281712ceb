"""Tokens: long enough, of the agreed alphabet, and readable when written by hand."""

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from crypto import tokens


def counting(size: int) -> bytes:
    return bytes(range(size))


def test_random_id() -> None:
    assert re.fullmatch(r"[a-z2-7]{26}", tokens.random_id())
    assert tokens.random_id(counting) == "aaaqeayeaudaocajbifqydiob4"
    assert len({tokens.random_id() for _ in range(1000)}) == 1000


def test_random_token() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", tokens.random_token())
    assert len({tokens.random_token() for _ in range(1000)}) == 1000


def test_token_hash() -> None:
    assert tokens.token_hash("abc") == hashlib.sha256(b"abc").digest()
    assert len(tokens.token_hash("\ud800")) == 32


def test_recovery_code() -> None:
    code = tokens.recovery_code()
    assert re.fullmatch(r"([0-9a-hjkmnp-tv-z]{5}-){3}[0-9a-hjkmnp-tv-z]{5}", code)
    assert tokens.recovery_code(counting) == "01234-56789-abcde-fghjk"


def test_recovery_code_as_people_type_it() -> None:
    code = "01234-56789-abcde-fghjk"
    for typed in (
        code.upper(),
        code.replace("-", ""),
        "  " + code.replace("-", " "),
        "oI234-56789-abcde-fghjk",
        "0l" + code[2:],
    ):
        assert tokens.normalize_recovery_code(typed) == code


@given(st.binary(min_size=20, max_size=20))
def test_recovery_code_is_its_own_normal_form(raw: bytes) -> None:
    code = tokens.recovery_code(lambda size: raw[:size])
    assert tokens.normalize_recovery_code(code) == code


@given(st.text())
def test_any_typing_normalises(typed: str) -> None:
    once = tokens.normalize_recovery_code(typed)
    assert tokens.normalize_recovery_code(once) == once
