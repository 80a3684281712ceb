"""Makes and checks object integrity proofs (FEP-8b32, eddsa-jcs-2022). Never takes a proof made for another purpose.

A proof says that a key signed a document. Whose key that is, and whether it may speak for the activity's actor, is
for federation to find out (HOSTILE-PEERS A17).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crypto.canonical import NotCanonical, canonicalize
from crypto.keys import BadKey, PublicKey, base58_decode, base58_encode
from crypto.messages import LARGEST_KEY_ID, is_visible
from crypto.signing import BadSignature, sign, verify

_FUTURE = timedelta(minutes=65)
_LONGEST_PROOF_VALUE = 96
_REQUIRED = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofPurpose": "assertionMethod"}


class BadProof(Exception):
    """The document has no proof that we accept, or the proof is not this key's over this document."""


@dataclass(frozen=True, slots=True)
class ProofClaim:
    """What a proof says of itself. Believe it only after `verify_proof` with the key of `verification_method`."""

    verification_method: str
    created: datetime | None
    expires: datetime | None


def add_proof(
    document: Mapping[str, Any], *, key: Ed25519PrivateKey, verification_method: str, created: datetime
) -> dict[str, Any]:
    """Return the document with an eddsa-jcs-2022 proof by `key` (vc-di-eddsa 3.3.1).

    A linked-data `signature` is left out. The caller sees to it that `@context` names the data-integrity context,
    and that only public documents get a proof, because anybody who holds it can pass it on as evidence.
    Raises ValueError when there already is a proof, NotCanonical when the document has no canonical form.
    """
    if "proof" in document:
        raise ValueError("the document already has a proof")
    proof: dict[str, Any] = {"@context": document["@context"]} if "@context" in document else {}
    proof |= _REQUIRED | {
        "verificationMethod": verification_method,
        "created": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    unsecured = {name: value for name, value in document.items() if name != "signature"}
    proof["proofValue"] = "z" + base58_encode(sign(key, hash_data(unsecured, proof)))
    return unsecured | {"proof": proof}


def hash_data(unsecured: Mapping[str, Any], configuration: Mapping[str, Any]) -> bytes:
    """Return the 64 bytes that are signed: SHA-256 of the proof's configuration, then of the document
    (vc-di-eddsa 3.3.4). Raises NotCanonical.
    """
    return hashlib.sha256(canonicalize(configuration)).digest() + hashlib.sha256(canonicalize(unsecured)).digest()


def check_proof_shape(document: Mapping[str, Any], *, now: datetime) -> ProofClaim:
    """Make every check of a proof that needs no key, and return what it claims.

    Exactly one proof; type DataIntegrityProof, suite eddsa-jcs-2022, purpose assertionMethod; not expired; not
    made more than 65 minutes in the future; no chain. Raises BadProof.
    """
    proof = _proof(document)
    if any(proof.get(name) != value for name, value in _REQUIRED.items()):
        raise BadProof("not an eddsa-jcs-2022 proof for assertionMethod")
    if "previousProof" in proof:
        raise BadProof("chains of proofs are not accepted")
    method = proof.get("verificationMethod")
    if not isinstance(method, str) or not is_visible(method) or not 0 < len(method) <= LARGEST_KEY_ID:
        raise BadProof("the proof names no verification method")
    created, expires = _time(proof, "created"), _time(proof, "expires")
    if created is not None and created > now + _FUTURE:
        raise BadProof("the proof is from the future")
    if expires is not None and expires <= now:
        raise BadProof("the proof has expired")
    return ProofClaim(method, created, expires)


def verify_proof(document: Mapping[str, Any], *, public_key: PublicKey, now: datetime) -> None:
    """Raise BadProof unless `check_proof_shape` passes and `public_key` made the proof (vc-di-eddsa 3.3.2).

    The linked-data `signature` is not part of what is signed. When the proof has an `@context`, the document's must
    start with it, and only that start is signed: do not let later contexts change what a name means.
    """
    check_proof_shape(document, now=now)
    if not isinstance(public_key, Ed25519PublicKey):
        raise BadProof("not an Ed25519 key")
    proof = _proof(document)
    configuration = {name: value for name, value in proof.items() if name != "proofValue"}
    unsecured = {name: value for name, value in document.items() if name not in ("proof", "signature")}
    try:
        if "@context" in configuration:
            _check_context(unsecured.get("@context"), configuration["@context"])
            unsecured["@context"] = configuration["@context"]
        verify(public_key, _proof_value(proof), hash_data(unsecured, configuration))
    except (NotCanonical, BadSignature) as error:
        raise BadProof("the proof does not match the document") from error


def _proof(document: Mapping[str, Any]) -> dict[str, Any]:
    proof = document.get("proof")
    if not isinstance(proof, dict):
        raise BadProof("the document has no single proof")
    return proof


def _proof_value(proof: Mapping[str, Any]) -> bytes:
    value = proof.get("proofValue")
    if not isinstance(value, str) or not value.startswith("z"):
        raise BadProof("the proof value is not base58btc")
    try:
        signature = base58_decode(value[1:], largest=_LONGEST_PROOF_VALUE)
    except BadKey as error:
        raise BadProof("the proof value is not base58btc") from error
    if len(signature) != 64:
        raise BadProof("the proof value is not an Ed25519 signature")
    return signature


def _check_context(given: object, signed: object) -> None:
    """Compare canonical bytes: to Python 1, 1.0 and true are equal."""
    whole, start = _listed(given), _listed(signed)
    if canonicalize({"@context": whole[: len(start)]}) != canonicalize({"@context": start}):
        raise BadProof("the document's context does not start with the proof's")


def _listed(context: object) -> list[Any]:
    return context if isinstance(context, list) else [context]


def _time(proof: Mapping[str, Any], name: str) -> datetime | None:
    """Read an XML Schema dateTimeStamp, zone required. Fedify writes nine digits of a second."""
    value = proof.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 40 or value[4:5] != "-" or value[10:11] != "T":
        raise BadProof(f"{name} is not a time with a zone")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadProof(f"{name} is not a time with a zone") from error
    if moment.tzinfo is None:
        raise BadProof(f"{name} is not a time with a zone")
    return moment
