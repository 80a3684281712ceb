"""Keys: what we write we read again, and what peers send is refused unless it is strong and readable."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from crypto import keys
from crypto.keys import BadKey

RSA_OID = bytes.fromhex("300d06092a864886f70d0101010500")


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def spki(modulus: int, exponent: int) -> str:
    """An RSA public key written by hand: the library refuses to make bad ones."""
    inner = der(0x30, integer(modulus) + integer(exponent))
    outer = der(0x30, RSA_OID + der(3, b"\0" + inner))
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(outer).decode()}\n-----END PUBLIC KEY-----\n"


def odd(bits: int) -> int:
    return (1 << (bits - 1)) + (1 << (bits // 2)) + 1


def test_generated_keys_have_the_agreed_size(rsa: RSAPrivateKey) -> None:
    assert rsa.key_size == 2048
    assert rsa.public_key().public_numbers().e == 65537


def test_own_keys_survive_storage(rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey) -> None:
    assert keys.load_own_rsa(keys.private_to_pem(rsa)).private_numbers() == rsa.private_numbers()
    raw = keys.ed25519_to_raw(ed25519)
    assert len(raw) == 32
    assert keys.ed25519_to_raw(keys.load_own_ed25519(raw)) == raw


def test_own_rsa_refuses_another_kind(ed25519: Ed25519PrivateKey) -> None:
    with pytest.raises(ValueError, match="RSA"):
        keys.load_own_rsa(keys.private_to_pem(ed25519))


def test_public_keys_survive_storage(rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey) -> None:
    pem = keys.public_to_pem(rsa.public_key())
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    loaded = keys.load_public_pem(pem)
    assert isinstance(loaded, RSAPublicKey)
    assert keys.load_public_pem(pem) is loaded, "the loaded key is cached"
    assert isinstance(keys.load_public_pem(keys.public_to_pem(ed25519.public_key())), Ed25519PublicKey)


def test_pkcs1_and_blank_lines_around_are_read(rsa: RSAPrivateKey) -> None:
    pem = rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    assert pem.startswith("-----BEGIN RSA PUBLIC KEY-----")
    assert keys.load_public_pem(f"\n\n{pem}\n\n") == rsa.public_key()


@pytest.mark.parametrize(("bits", "exponent"), [(2048, 3), (2048, 65537), (4096, 65537), (8192, 3)])
def test_accepted_rsa(bits: int, exponent: int) -> None:
    key = keys.load_public_pem(spki(odd(bits), exponent))
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == bits


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [
        pytest.param(odd(512), 65537, id="512 bits"),
        pytest.param(odd(1024), 65537, id="1024 bits"),
        pytest.param(odd(2047), 65537, id="2047 bits"),
        pytest.param(odd(8193), 65537, id="8193 bits"),
        pytest.param(odd(16384), 65537, id="16384 bits"),
        pytest.param(odd(2048), 1, id="exponent 1"),
        pytest.param(odd(2048), 0, id="exponent 0"),
        pytest.param(odd(2048), 2, id="exponent 2"),
        pytest.param(odd(2048), 65536, id="even exponent"),
        pytest.param(odd(2048), (1 << 64) + 1, id="long exponent"),
        pytest.param(odd(2048), odd(2047), id="exponent as long as the modulus"),
        pytest.param(odd(2048) + 1, 65537, id="even modulus"),
        pytest.param(0, 65537, id="no modulus"),
    ],
)
def test_refused_rsa_quickly(modulus: int, exponent: int) -> None:
    pem = spki(modulus, exponent)
    started = time.perf_counter()
    with pytest.raises(BadKey):
        keys.load_public_pem(pem)
    assert time.perf_counter() - started < 0.25


def test_other_kinds_of_key_are_refused() -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(BadKey, match="neither"):
        keys.load_public_pem(pem)


def test_private_keys_and_long_text_are_refused(rsa: RSAPrivateKey) -> None:
    with pytest.raises(BadKey):
        keys.load_public_pem(keys.private_to_pem(rsa).decode())
    with pytest.raises(BadKey):
        keys.load_public_pem(keys.public_to_pem(rsa.public_key()) + "\n" * keys.LARGEST_PEM)


@given(st.text(), st.sampled_from(["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"]))
def test_any_text_is_bad_key_or_key(text: str, label: str) -> None:
    for pem in (text, f"-----BEGIN {label}-----\n{text}\n-----END {label}-----"):
        with pytest.raises(BadKey):
            keys.load_public_pem(pem)


@given(st.binary(max_size=200))
def test_any_der_is_bad_key(content: bytes) -> None:
    encoded = base64.b64encode(der(0x30, content)).decode()
    with pytest.raises(BadKey):
        keys.load_public_pem(f"-----BEGIN PUBLIC KEY-----\n{encoded}\n-----END PUBLIC KEY-----")


def test_multikey_vector() -> None:
    text = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
    assert keys.multikey_encode(keys.multikey_decode(text)) == text


def test_multikey_round_trip(ed25519: Ed25519PrivateKey) -> None:
    text = keys.multikey_encode(ed25519.public_key())
    assert text.startswith("z6Mk")
    assert keys.multikey_decode(text) == ed25519.public_key()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
        "u7QEnHk6rLHqOOcB7Vd5hJ1fQzGpYH8S3cQy9k1sJ0Vm4bA",
        "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ",
        "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ22",
        "z16MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
        "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ0",
        "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq",
        "z" + "2" * 100_000,
    ],
)
def test_refused_multikeys(text: str) -> None:
    with pytest.raises(BadKey):
        keys.multikey_decode(text)


@given(st.text(max_size=80))
def test_any_multikey_text_is_bad_key(text: str) -> None:
    with pytest.raises(BadKey):
        keys.multikey_decode(text)


@given(st.binary(max_size=64))
def test_base58_round_trip(raw: bytes) -> None:
    assert keys.base58_decode(keys.base58_encode(raw), largest=96) == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [  # draft-msporny-base58-03, section 5
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
    ],
)
def test_base58_vectors(raw: bytes, text: str) -> None:
    assert keys.base58_encode(raw) == text
    assert keys.base58_decode(text, largest=96) == raw
