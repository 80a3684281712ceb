"""Streams encrypted to a recipient: they open whole or not at all, and errors of the disk are told as they are."""

import errno
import io

import pytest

from crypto import age

PLAIN = bytes(range(256)) * 700
"""Three chunks of the format."""


class Full(io.RawIOBase):
    """A disk without room after some bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.room -= len(data)  # type: ignore[arg-type]  # bytes, as the library sends
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    return age.new_identity()


def encrypted(*recipients: str) -> bytes:
    target = io.BytesIO()
    age.encrypt(io.BytesIO(PLAIN), target, recipients)
    return target.getvalue()


def opened(data: bytes, identity: str) -> bytes:
    target = io.BytesIO()
    age.decrypt(io.BytesIO(data), target, identity)
    return target.getvalue()


def test_each_recipient_opens_it_and_nobody_else(keys: tuple[str, str]) -> None:
    other, stranger = age.new_identity(), age.new_identity()
    data = encrypted(keys[1], other[1])
    assert opened(data, keys[0]) == opened(data, f" {other[0]}\n") == PLAIN
    assert data.startswith(b"age-encryption.org/v1\n")
    with pytest.raises(age.DoesNotOpen) as refused:
        opened(data, stranger[0])
    assert refused.value.args == ("encrypted to another recipient",)


@pytest.mark.parametrize("length", [0, 1, 21, 100, 199, 216, 65_000, 65_752, 131_304, -17, -16, -1])
def test_what_was_cut_off_does_not_open(keys: tuple[str, str], length: int) -> None:
    with pytest.raises(age.DoesNotOpen):
        opened(encrypted(keys[1])[:length], keys[0])


@pytest.mark.parametrize("place", [0, 30, 150, 190, 210, 70_000, -1])
def test_what_was_changed_does_not_open(keys: tuple[str, str], place: int) -> None:
    data = bytearray(encrypted(keys[1]))
    data[place] ^= 1
    with pytest.raises(age.DoesNotOpen):
        opened(bytes(data), keys[0])


@pytest.mark.parametrize("room", [0, 10, 100_000])
def test_a_full_disk_is_told_as_such(keys: tuple[str, str], room: int) -> None:
    with pytest.raises(OSError, match="No space left") as full:
        age.encrypt(io.BytesIO(PLAIN), Full(room), [keys[1]])  # type: ignore[arg-type]  # as much of a stream as is used
    assert full.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match="No space left"):
        age.decrypt(io.BytesIO(encrypted(keys[1])), Full(room), keys[0])  # type: ignore[arg-type]


def test_what_is_no_key_is_refused(keys: tuple[str, str]) -> None:
    assert age.check_recipient(keys[1]) == age.recipient_of(keys[0]) == keys[1]
    for text in ("", "age1", keys[1][:-1], keys[0], "ssh-ed25519 AAAA"):
        with pytest.raises(age.BadKey):
            age.check_recipient(text)
    for text in ("", keys[1], keys[0][:-1]):
        with pytest.raises(age.BadKey):
            age.recipient_of(text)
