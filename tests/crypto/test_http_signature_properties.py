"""Properties of both kinds of HTTP signature: what is signed passes, any change fails, any text is only an error."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from crypto import http_signatures as hs
from crypto.keys import generate_ed25519, generate_rsa
from tests.crypto.requests import BODY, HOST, INBOX, KEY_ID, NOW, Signer, changed, header, message

SIGNERS = st.sampled_from([hs.sign_cavage, hs.sign_rfc9421])
KEYS = st.sampled_from([generate_rsa(), generate_ed25519()])
SEGMENT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#?"), max_size=20)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
ED25519: Ed25519PrivateKey = generate_ed25519()


def signed(signer: Signer, key: Any, method: str, target: str, body: bytes | None, **extra: Any) -> hs.Message:
    headers = signer(method=method, target_uri=target, body=body, key_id=KEY_ID, key=key, now=NOW, **extra)
    return message(method, target, headers, body)


def check(request: hs.Message, key: Any) -> None:
    hs.verify(hs.parse(request, now=NOW, host=HOST), key.public_key())


@given(SIGNERS, KEYS, SEGMENT, st.none() | SEGMENT, st.binary(max_size=200), VALUES)
def test_posts_round_trip(signer: Signer, key: Any, path: str, query: str | None, body: bytes, value: str) -> None:
    target = f"https://{HOST}/{path}" + ("" if query is None else f"?{query}")
    check(signed(signer, key, "POST", target, body, extra_headers={"X-Extra": value}), key)


@given(SIGNERS, KEYS, SEGMENT, st.none() | SEGMENT)
def test_gets_round_trip(signer: Signer, key: Any, path: str, query: str | None) -> None:
    target = f"https://{HOST}/{path}" + ("" if query is None else f"?{query}")
    check(signed(signer, key, "GET", target, None), key)


@given(SIGNERS, st.data())
def test_any_changed_byte_of_the_body_fails(signer: Signer, data: st.DataObject) -> None:
    request = signed(signer, ED25519, "POST", INBOX, BODY)
    body = bytearray(BODY)
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(hs.BadDigest):
        check(hs.Message("POST", INBOX, request.headers, bytes(body)), ED25519)


@given(SIGNERS, st.integers(0, len(INBOX) - 1), st.characters(max_codepoint=0x7F))
def test_any_changed_character_of_the_target_fails(signer: Signer, at: int, character: str) -> None:
    request = signed(signer, ED25519, "POST", INBOX, BODY)
    target = INBOX[:at] + character + INBOX[at + 1 :]
    # The origin of the target is ours, from configuration; cavage does not sign it. Scheme and host have no case.
    if target.lower() != INBOX.lower() and (at > len(f"https://{HOST}") or signer is hs.sign_rfc9421):
        with pytest.raises(hs.SignatureError):
            check(hs.Message("POST", target, request.headers, BODY), ED25519)


@given(SIGNERS, st.data())
def test_any_changed_character_of_a_header_fails(signer: Signer, data: st.DataObject) -> None:
    request = signed(signer, ED25519, "POST", INBOX, BODY, extra_headers={"X-Extra": "value"})
    names = [name for name, _ in request.headers if name not in ("user-agent", "accept")]
    name = data.draw(st.sampled_from(names))
    value = header(request, name)
    at = data.draw(st.integers(0, len(value) - 1))
    character = data.draw(st.characters(max_codepoint=0x17F).filter(lambda drawn: drawn.lower() != value[at].lower()))
    broken = changed(request, name, value[:at] + character + value[at + 1 :])
    if nobody_is_deceived(broken, request):
        return
    with pytest.raises(hs.SignatureError):
        check(broken, ED25519)


def nobody_is_deceived(broken: hs.Message, request: hs.Message) -> bool:
    """Whether the change names another key, or leaves what was signed as it was (cavage signs no labels)."""
    try:
        parsed = hs.parse(broken, now=NOW, host=HOST)
    except hs.SignatureError:
        return False
    original = hs.parse(request, now=NOW, host=HOST)
    same = (parsed.candidates, parsed.signature) == (original.candidates, original.signature)
    return parsed.key_id != KEY_ID or same


@given(
    SIGNERS, st.sampled_from(["signature", "signature-input", "date", "digest", "content-digest", "host"]), st.text()
)
def test_any_text_in_a_header_is_a_signature_error(signer: Signer, name: str, text: str) -> None:
    request = signed(signer, ED25519, "POST", INBOX, BODY)
    try:
        hs.parse(changed(request, name, text), now=NOW, host=HOST)
    except hs.SignatureError:
        return
    assert name not in header_names(request), "arbitrary text was taken for a header that is signed"


def header_names(request: hs.Message) -> set[str]:
    return {name for name, _ in request.headers}


PIECES = st.sampled_from(
    r"""keyId="https://a.example/k" signature= "AAAA" , = " headers= "(request-target)_host_date" sig1= ( ) "@method"
    "@target-uri" ;created= 1780865495 ;keyid="https://a.example/k" : Signature_ _ \ @ ?1 % - 1.5 999999999999999999
    created= (created) ;sf é""".split()
).map(lambda piece: piece.replace("_", " "))


@given(st.lists(PIECES, max_size=30), st.lists(PIECES, max_size=30), st.booleans(), st.binary(max_size=5))
def test_any_pieces_are_a_signature_error(left: list[str], right: list[str], both: bool, body: bytes) -> None:
    headers = [("host", HOST), ("signature", "".join(left))]
    if both:
        headers.append(("signature-input", "".join(right)))
    request = hs.Message("POST", INBOX, tuple(headers), body)
    with pytest.raises(hs.SignatureError):
        hs.parse(request, now=NOW, host=HOST)


@given(st.text(), st.text(), st.lists(st.tuples(st.text(), st.text())), st.binary(max_size=5))
def test_any_request_is_a_signature_error(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    for name in ("signature", "signature-input"):
        for value in ("", f'keyId="{KEY_ID}",headers="(request-target) host date digest",signature="AAAA"'):
            request = hs.Message(method, target, (*headers, (name, value)), body)
            with pytest.raises(hs.SignatureError):
                hs.parse(request, now=NOW, host=HOST)
