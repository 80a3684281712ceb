"""Keys made once for all tests of this folder: an RSA key takes a tenth of a second."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crypto.keys import generate_ed25519, generate_rsa


@pytest.fixture(scope="session")
def rsa() -> RSAPrivateKey:
    return generate_rsa()


@pytest.fixture(scope="session")
def other_rsa() -> RSAPrivateKey:
    return generate_rsa()


@pytest.fixture(scope="session")
def ed25519() -> Ed25519PrivateKey:
    return generate_ed25519()
