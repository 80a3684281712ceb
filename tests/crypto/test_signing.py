"""Signing bytes: each kind of key verifies its own signatures and nothing else."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512

from crypto.signing import Algorithm, BadSignature, sign, verify

MESSAGE = b"date: Tue, 07 Jun 2026 20:51:35 GMT"


def test_each_key_verifies_its_own(rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey) -> None:
    verify(rsa.public_key(), sign(rsa, MESSAGE), MESSAGE)
    verify(rsa.public_key(), sign(rsa, MESSAGE), MESSAGE, algorithm="rsa-v1_5-sha256")
    verify(ed25519.public_key(), sign(ed25519, MESSAGE), MESSAGE)
    verify(ed25519.public_key(), sign(ed25519, MESSAGE), MESSAGE, algorithm="ed25519")


def test_sha512_only_when_named(rsa: RSAPrivateKey) -> None:
    signature = rsa.sign(MESSAGE, PKCS1v15(), SHA512())
    verify(rsa.public_key(), signature, MESSAGE, algorithm="rsa-v1_5-sha512")
    for algorithm in (None, "rsa-v1_5-sha256"):
        with pytest.raises(BadSignature):
            verify(rsa.public_key(), signature, MESSAGE, algorithm=algorithm)
    with pytest.raises(BadSignature):
        verify(rsa.public_key(), sign(rsa, MESSAGE), MESSAGE, algorithm="rsa-v1_5-sha512")


def test_weaker_or_other_schemes_fail(rsa: RSAPrivateKey) -> None:
    for signature in (
        rsa.sign(MESSAGE, PKCS1v15(), SHA1()),  # noqa: S303
        rsa.sign(MESSAGE, PSS(MGF1(SHA256()), 32), SHA256()),
    ):
        with pytest.raises(BadSignature):
            verify(rsa.public_key(), signature, MESSAGE)


@pytest.mark.parametrize("algorithm", ["rsa-v1_5-sha256", "rsa-v1_5-sha512"])
def test_a_label_does_not_change_an_ed25519_key(ed25519: Ed25519PrivateKey, algorithm: Algorithm) -> None:
    with pytest.raises(BadSignature):
        verify(ed25519.public_key(), sign(ed25519, MESSAGE), MESSAGE, algorithm=algorithm)


def test_a_label_does_not_change_an_rsa_key(rsa: RSAPrivateKey) -> None:
    with pytest.raises(BadSignature):
        verify(rsa.public_key(), sign(rsa, MESSAGE), MESSAGE, algorithm="ed25519")


@pytest.mark.parametrize("signature", [b"", b"\0", bytes(64), bytes(256), bytes(1024), b"\xff" * 256])
def test_nonsense_is_a_bad_signature(rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey, signature: bytes) -> None:
    for key in (rsa.public_key(), ed25519.public_key()):
        with pytest.raises(BadSignature):
            verify(key, signature, MESSAGE)


def test_another_key_or_message_fails(rsa: RSAPrivateKey, other_rsa: RSAPrivateKey) -> None:
    signature = sign(rsa, MESSAGE)
    with pytest.raises(BadSignature):
        verify(other_rsa.public_key(), signature, MESSAGE)
    with pytest.raises(BadSignature):
        verify(rsa.public_key(), signature, MESSAGE + b"\n")
