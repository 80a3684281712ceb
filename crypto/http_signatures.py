"""Signs and checks HTTP requests, in both forms that peers use. Never calls a request signed before a key says so."""

from datetime import datetime

from crypto import cavage, rfc9421
from crypto.cavage import sign_cavage
from crypto.digests import BadDigest
from crypto.keys import PublicKey
from crypto.messages import (
    InsufficientCoverage,
    MalformedSignature,
    Message,
    MissingSignature,
    ParsedSignature,
    StaleSignature,
)
from crypto.rfc9421 import sign_rfc9421
from crypto.signing import Algorithm, BadSignature, SignatureError
from crypto.signing import verify as verify_bytes

__all__ = [
    "BadDigest",
    "BadSignature",
    "InsufficientCoverage",
    "MalformedSignature",
    "Message",
    "MissingSignature",
    "ParsedSignature",
    "SignatureError",
    "StaleSignature",
    "parse",
    "sign_cavage",
    "sign_rfc9421",
    "verify",
]

# What a label promises; labels not listed (hs2019, none at all) leave the choice to the key.
_PROMISED: dict[str | None, Algorithm] = {
    "rsa-sha256": "rsa-v1_5-sha256",
    "rsa-sha512": "rsa-v1_5-sha512",
    "rsa-v1_5-sha256": "rsa-v1_5-sha256",
    "rsa-v1_5-sha512": "rsa-v1_5-sha512",
    "ed25519": "ed25519",
}


def parse(message: Message, *, now: datetime, host: str, allow_http: bool = False) -> ParsedSignature:
    """Read the request's signature and make every check that needs no key.

    With a Signature-Input header it is RFC 9421, else draft-cavage. Checked: syntax, coverage, the Host header
    against `host` (byte for byte), the digest over the raw body, the time (65 minutes either way, and `expires`),
    and that the key id is an https URL (or http with `allow_http`).
    Raises SignatureError: MissingSignature, MalformedSignature, InsufficientCoverage, StaleSignature or BadDigest.
    The result proves nothing until `verify` passes.
    """
    names = {name for name, _ in message.headers}
    if "signature-input" in names:
        return rfc9421.parse(message, now=now, host=host, allow_http=allow_http)
    if "signature" in names:
        return cavage.parse(message, now=now, host=host, allow_http=allow_http)
    raise MissingSignature("the request is not signed")


def verify(parsed: ParsedSignature, key: PublicKey) -> None:
    """Raise BadSignature unless the key made the signature over one of the candidates.

    A label of another kind of key than this one is refused, whatever the bytes say.
    """
    promised = _PROMISED.get(parsed.algorithm)
    for candidate in parsed.candidates:
        try:
            verify_bytes(key, parsed.signature, candidate, algorithm=promised)
        except BadSignature:
            continue
        return
    raise BadSignature("the signature does not match")
