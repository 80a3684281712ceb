"""Web Push against the published vector (RFC 8291, appendix A), and what VAPID says, checked with the public key."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from crypto.web_push import LARGEST, BadDevice, Device, ServerKey, decode, encode, encrypt

P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"


def test_the_published_vector() -> None:
    message = b"When I grow up, I want to be a watermelon"
    once = ServerKey.from_bytes(decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).private
    salt = decode("DGv6ra1nlYgDCS1FRnbzlw")
    body = encrypt(message, Device.from_text(P256DH, AUTH), length=0, random=lambda _: salt, once=once)
    assert encode(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_every_message_is_equally_long() -> None:
    device = Device.from_text(P256DH, AUTH)
    assert len({len(encrypt(b"x" * size, device)) for size in (0, 1, LARGEST)}) == 1
    with pytest.raises(ValueError, match="too long"):
        encrypt(b"x" * (LARGEST + 1), device)


def test_vapid_names_the_service_and_is_signed() -> None:
    key = ServerKey.from_bytes(ServerKey.generate().to_bytes())
    now = datetime(2026, 6, 7, tzinfo=UTC)
    header = key.authorization(audience="https://push.example:8443", contact="https://here.example", now=now)
    token, public = header.removeprefix("vapid t=").split(", k=")
    signed, _, signature = token.rpartition(".")
    claims = json.loads(decode(signed.partition(".")[2]))
    assert claims == {"aud": "https://push.example:8443", "exp": 1780833600, "sub": "https://here.example"}
    raw = decode(signature)
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(public))
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    point.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [("", AUTH), (P256DH, ""), (P256DH[:-2], AUTH), ("B" * 87, AUTH), (P256DH, AUTH + "AA"), ("ä", AUTH), ("?", "?")],
)
def test_what_is_no_key_is_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(BadDevice):
        Device.from_text(p256dh, auth)
