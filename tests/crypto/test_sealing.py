"""Sealing: a cell opens where it was sealed, with the key it was sealed with, and nowhere else."""

import copy
import pickle
from dataclasses import replace

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from crypto.sealing import CannotOpen, Cell, DataKey, RootKey, root_from_passphrase, sealed_key_id

CELL = Cell("members", "email", "k5x2", "riverside")
KEY = DataKey.generate()
ROOT = RootKey.generate()
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
CELLS = st.builds(Cell, TEXT, TEXT, TEXT, TEXT)


@given(CELLS, st.binary(max_size=300))
def test_round_trip(cell: Cell, plaintext: bytes) -> None:
    blob = KEY.seal(cell, plaintext)
    assert KEY.open(cell, blob) == plaintext
    assert len(blob) == len(plaintext) + 45
    assert sealed_key_id(blob) == KEY.id


@given(CELLS, CELLS)
def test_a_cell_moved_elsewhere_does_not_open(sealed: Cell, moved: Cell) -> None:
    blob = KEY.seal(sealed, b"secret")
    if sealed != moved:
        with pytest.raises(CannotOpen):
            KEY.open(moved, blob)


def test_parts_of_a_place_do_not_run_together() -> None:
    blob = KEY.seal(Cell("ab", "c", "d", "e"), b"secret")
    for cell in (Cell("a", "bc", "d", "e"), Cell("ab", "c", "de", ""), Cell("ab", "", "cd", "e")):
        with pytest.raises(CannotOpen):
            KEY.open(cell, blob)


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    blob = bytearray(KEY.seal(CELL, b"a secret of some length"))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotOpen):
        KEY.open(CELL, bytes(blob))


@given(st.binary(max_size=120))
def test_any_bytes_cannot_be_opened(blob: bytes) -> None:
    for candidate in (blob, b"\x01" + KEY.id + blob):
        with pytest.raises(CannotOpen):
            KEY.open(CELL, candidate)


def test_layout_of_a_blob() -> None:
    blob = KEY.seal(CELL, b"text", random=lambda size: b"n" * size)
    assert blob[:29] == b"\x01" + KEY.id + b"n" * 12
    context = blob[:17] + b"".join(
        len(part).to_bytes(4, "big") + part for part in (b"cell", b"members", b"email", b"k5x2", b"riverside")
    )
    assert ChaCha20Poly1305(KEY.secret).decrypt(b"n" * 12, blob[29:], context) == b"text"


def test_another_key_does_not_open() -> None:
    other = DataKey.generate()
    blob = KEY.seal(CELL, b"secret")
    for key in (other, replace(other, id=KEY.id)):
        with pytest.raises(CannotOpen):
            key.open(CELL, blob)


def test_equal_values_seal_differently() -> None:
    assert KEY.seal(CELL, b"same") != KEY.seal(CELL, b"same")


def test_wrapping() -> None:
    blob = ROOT.wrap(KEY, "riverside")
    assert KEY.secret not in blob
    assert len(blob) == 77
    assert ROOT.unwrap(KEY.id, blob, "riverside") == KEY


def test_wrapped_keys_open_nowhere_else() -> None:
    blob = ROOT.wrap(KEY, "riverside")
    attempts = [
        (RootKey.generate(), KEY.id, blob, "riverside"),
        (ROOT, KEY.id, blob, "hillside"),
        (ROOT, bytes(16), blob, "riverside"),
        (ROOT, bytes(16), blob[:1] + bytes(16) + blob[17:], "riverside"),
        (ROOT, KEY.id, blob[:-1], "riverside"),
        (ROOT, KEY.id, b"", "riverside"),
    ]
    for root, key_id, candidate, scope in attempts:
        with pytest.raises(CannotOpen):
            root.unwrap(key_id, candidate, scope)


def test_root_key_is_kept_and_never_shown() -> None:
    secret = bytes(range(32))
    root = RootKey.from_bytes(secret)
    assert root.to_bytes() == secret
    assert RootKey.from_bytes(secret).unwrap(KEY.id, root.wrap(KEY, "s"), "s") == KEY
    assert repr(root) == str(root) == "RootKey(...)"
    for dump in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            dump(root)
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret)[2:-1] not in repr(KEY)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_keys_of_another_length(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        RootKey.from_bytes(bytes(size))
    with pytest.raises(ValueError, match="32"):
        DataKey(bytes(16), bytes(size))
    with pytest.raises(ValueError, match="16"):
        DataKey(bytes(size + 1), bytes(32))


def test_generation_takes_the_given_random() -> None:
    assert RootKey.generate(lambda size: b"r" * size).to_bytes() == b"r" * 32
    assert DataKey.generate(lambda size: b"d" * size) == DataKey(b"d" * 16, b"d" * 32)


@given(TEXT, TEXT, TEXT)
def test_blind_index(label: str, other: str, value: str) -> None:
    index = ROOT.blind_index(label, value)
    assert len(index) == 16
    assert ROOT.blind_index(label, value) == index
    if label != other:
        assert ROOT.blind_index(other, value) != index


@given(TEXT, TEXT)
def test_blind_index_of_other_values_and_roots(value: str, other: str) -> None:
    index = ROOT.blind_index("members.email", value)
    assert RootKey.generate().blind_index("members.email", value) != index
    if value != other:
        assert ROOT.blind_index("members.email", other) != index


def test_labels_and_values_do_not_run_together() -> None:
    assert ROOT.blind_index("ab", "c") != ROOT.blind_index("a", "bc")
    # The same differences under two labels would link them.
    left = [ROOT.blind_index("a", value) for value in ("1", "2")]
    right = [ROOT.blind_index("b", value) for value in ("1", "2")]
    assert bytes(x ^ y for x, y in zip(*left, strict=True)) != bytes(x ^ y for x, y in zip(*right, strict=True))


def test_passphrase() -> None:
    salt = bytes(range(16))
    root = root_from_passphrase("correct horsé", salt, memory_kib=64)
    expected = hash_secret_raw("correct horsé".encode(), salt, 3, 64, 4, 32, Type.ID)
    assert root.to_bytes() == expected
    composed = root_from_passphrase("correct horse\u0301", salt, memory_kib=64)
    assert composed.to_bytes() == expected
    for other in (
        root_from_passphrase("correct horse", salt, memory_kib=64),
        root_from_passphrase("correct horsé", salt[::-1], memory_kib=64),
        root_from_passphrase("correct horsé", salt, memory_kib=128),
    ):
        assert other.to_bytes() != expected


@pytest.mark.parametrize(("salt", "memory"), [(b"", 65536), (bytes(15), 65536), (bytes(16), 0)])
def test_weak_derivations_are_refused(salt: bytes, memory: int) -> None:
    with pytest.raises(ValueError, match="salt"):
        root_from_passphrase("correct horse", salt, memory_kib=memory)
