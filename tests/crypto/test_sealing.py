"""Sealing: a cell opens where it was sealed, with the key it was sealed with, and nowhere else."""

import copy
import pickle
from dataclasses import replace

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from crypto.sealing import (
    CannotOpen,
    Cell,
    DataKey,
    IndexKey,
    RootKey,
    Stretching,
    root_from_passphrase,
    sealed_key_id,
)

CELL = Cell("members", "email", "k5x2", "riverside")
KEY = DataKey.generate()
ROOT = RootKey.generate()
INDEX = IndexKey(bytes(range(32)))
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
    index = INDEX.blind_index(label, value)
    assert len(index) == 16
    assert INDEX.blind_index(label, value) == index
    if label != other:
        assert INDEX.blind_index(other, value) != index


@given(TEXT, TEXT)
def test_blind_index_of_other_values_and_keys(value: str, other: str) -> None:
    index = INDEX.blind_index("members.email", value)
    assert IndexKey(bytes(32)).blind_index("members.email", value) != index
    if value != other:
        assert INDEX.blind_index("members.email", other) != index


def test_labels_and_values_do_not_run_together() -> None:
    assert INDEX.blind_index("ab", "c") != INDEX.blind_index("a", "bc")
    # The same differences under two labels would link them.
    left = [INDEX.blind_index("a", value) for value in ("1", "2")]
    right = [INDEX.blind_index("b", value) for value in ("1", "2")]
    assert bytes(x ^ y for x, y in zip(*left, strict=True)) != bytes(x ^ y for x, y in zip(*right, strict=True))


def test_the_first_index_secret_is_what_older_databases_were_indexed_with() -> None:
    root = RootKey.from_bytes(bytes(range(32)))
    index = IndexKey(root.first_index_secret()).blind_index("posts.uri", "https://a.example/1")
    assert index.hex() == "c3d16a312534dd2a5725c2ae05bfe5e0"


def test_the_id_of_a_root_key_tells_keys_apart_and_nothing_else() -> None:
    other = RootKey.generate()
    assert RootKey.from_bytes(ROOT.to_bytes()).id == ROOT.id != other.id
    assert len(bytes.fromhex(ROOT.id)) == 16
    assert ROOT.id not in ROOT.to_bytes().hex()


def test_an_index_key_is_never_shown() -> None:
    assert repr(INDEX) == "IndexKey(...)"
    with pytest.raises(ValueError, match="32"):
        IndexKey(bytes(16))


def test_passphrase() -> None:
    how = Stretching(bytes(range(16)), memory_kib=64)
    root = root_from_passphrase("correct horsé", how)
    expected = hash_secret_raw("correct horsé".encode(), how.salt, 3, 64, 4, 32, Type.ID)
    assert root.to_bytes() == expected
    composed = root_from_passphrase("correct horse\u0301", how)
    assert composed.to_bytes() == expected
    for other in (
        root_from_passphrase("correct horse", how),
        root_from_passphrase("correct horsé", replace(how, salt=how.salt[::-1])),
        root_from_passphrase("correct horsé", replace(how, memory_kib=128)),
        root_from_passphrase("correct horsé", replace(how, passes=2)),
    ):
        assert other.to_bytes() != expected


@pytest.mark.parametrize(
    ("salt", "other"),
    [
        (b"", {}),
        (bytes(15), {}),
        (bytes(16), {"memory_kib": 0}),
        (bytes(16), {"memory_kib": 2**30}),
        (bytes(16), {"passes": 0}),
        (bytes(16), {"passes": 10**6}),
        (bytes(16), {"lanes": 0}),
        (bytes(16), {"lanes": 64, "memory_kib": 64}),
    ],
)
def test_derivations_that_are_weak_or_never_end_are_refused(salt: bytes, other: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"salt|bounds"):
        Stretching(salt, **other)
