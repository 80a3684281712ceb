"""Passwords: only the right one passes, in any spelling of the same letters."""

import argon2
import pytest
from argon2.exceptions import InvalidHashError

from crypto.passwords import LONGEST, hash_password, needs_rehash, verify_password

PASSWORD = "Straße café 人"


@pytest.fixture(scope="module")
def hashed() -> str:
    return hash_password(PASSWORD)


def test_right_and_wrong(hashed: str) -> None:
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert "caf" not in hashed
    assert verify_password(PASSWORD, hashed)
    assert not verify_password(PASSWORD + " ", hashed)
    assert not verify_password("", hashed)
    assert not verify_password("\ud800", hashed)


def test_letters_composed_differently(hashed: str) -> None:
    assert verify_password(PASSWORD.replace("é", "e\u0301"), hashed)


def test_salted(hashed: str) -> None:
    assert hash_password(PASSWORD) != hashed


def test_limits(hashed: str) -> None:
    for password in ("", "x" * (LONGEST + 1)):
        with pytest.raises(ValueError, match="1 to 1024"):
            hash_password(password)
    assert not verify_password("x" * 10_000_000, hashed)


def test_damaged_hash_is_not_a_wrong_password() -> None:
    with pytest.raises(InvalidHashError):
        verify_password(PASSWORD, "not a hash")


def test_rehash_when_parameters_change(hashed: str) -> None:
    assert not needs_rehash(hashed)
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    assert verify_password(PASSWORD, weak)
    assert needs_rehash(weak)
