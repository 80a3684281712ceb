"""Object integrity proofs: the published vectors, and proofs made for something else, by someone else, or too late."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given
from hypothesis import strategies as st

from crypto.canonical import NotCanonical
from crypto.keys import base58_decode, base58_encode, generate_ed25519, load_own_ed25519, multikey_decode
from crypto.proofs import BadProof, add_proof, check_proof_shape, hash_data, verify_proof
from crypto.signing import sign

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "proofs.json").read_text("utf-8"))
NOW = datetime(2026, 6, 7, 20, 51, 35, tzinfo=UTC)
METHOD = "https://our.example/ap/g/river#ed25519-key"
CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v2"]
DOCUMENT = {"@context": CONTEXT, "type": "Create", "actor": "https://our.example/ap/g/river", "n": 1}
KEY = generate_ed25519()
WITHOUT_CONTEXT: dict[str, Any] = {"@context": None}


def proven(document: dict[str, Any] = DOCUMENT, /, **proof: Any) -> dict[str, Any]:
    """The document with a proof that really signs these extra properties; None takes one away."""
    signed = add_proof(document, key=KEY, verification_method=METHOD, created=NOW)
    configuration = {name: value for name, value in (signed["proof"] | proof).items() if name != "proofValue"}
    configuration = {name: value for name, value in configuration.items() if value is not None}
    value = "z" + base58_encode(sign(KEY, hash_data(document, configuration)))
    return document | {"proof": configuration | {"proofValue": value}}


def check(document: dict[str, Any], key: Ed25519PrivateKey = KEY) -> None:
    verify_proof(document, public_key=key.public_key(), now=NOW)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_published_vectors(case: dict[str, Any]) -> None:
    secret = base58_decode(case["secret_key"][1:], largest=64)
    assert secret[:2] == b"\x80\x26"
    created = datetime.fromisoformat(case["created"])
    signed = add_proof(
        case["document"],
        key=load_own_ed25519(secret[2:]),
        verification_method=case["verification_method"],
        created=created,
    )
    assert signed["proof"]["proofValue"] == case["proof_value"]
    configuration = {name: value for name, value in signed["proof"].items() if name != "proofValue"}
    assert hash_data(case["document"], configuration).hex() == case["hash_data"]
    claim = check_proof_shape(signed, now=NOW)
    assert (claim.verification_method, claim.created) == (case["verification_method"], created)
    verify_proof(signed, public_key=multikey_decode(case["public_key"]), now=NOW)


def test_what_we_send() -> None:
    local = NOW.astimezone(tz=datetime.fromisoformat("2026-06-07T00:00:00+02:00").tzinfo)
    signed = add_proof(DOCUMENT | {"signature": {}}, key=KEY, verification_method=METHOD, created=local)
    value = signed["proof"].pop("proofValue")
    assert value.startswith("z")
    assert signed == DOCUMENT | {
        "proof": {
            "@context": CONTEXT,
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "proofPurpose": "assertionMethod",
            "verificationMethod": METHOD,
            "created": "2026-06-07T20:51:35Z",
        }
    }


def test_a_second_proof_and_what_cannot_be_written_are_refused() -> None:
    with pytest.raises(ValueError, match="already"):
        add_proof(proven(), key=KEY, verification_method=METHOD, created=NOW)
    with pytest.raises(NotCanonical):
        add_proof(DOCUMENT | {"n": 2**53}, key=KEY, verification_method=METHOD, created=NOW)


def test_accepted_proofs() -> None:
    check(proven())
    check(proven() | {"signature": {"type": "RsaSignature2017"}})
    check(proven(created=None))
    check(proven(created="2026-06-07T20:51:35.123456789Z"))
    check(proven(created="2026-06-07T21:51:35+02:00", expires="2026-06-07T20:51:36Z", nonce="x"))
    check(proven(**WITHOUT_CONTEXT))
    single = DOCUMENT | {"@context": CONTEXT[0]}
    check(proven(single))
    check(proven({"type": "Create"}))


def test_claim() -> None:
    claim = check_proof_shape(proven(expires="2026-06-08T00:00:00Z"), now=NOW)
    assert (claim.verification_method, claim.created) == (METHOD, NOW)
    assert claim.expires == datetime(2026, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "proof",
    [
        {"type": "RsaSignature2017"},
        {"type": ["DataIntegrityProof"]},
        {"cryptosuite": "eddsa-rdfc-2022"},
        {"cryptosuite": None},
        {"proofPurpose": "authentication"},
        {"proofPurpose": None},
        {"proofPurpose": ["assertionMethod"]},
        {"verificationMethod": None},
        {"verificationMethod": ""},
        {"verificationMethod": {"id": METHOD}},
        {"verificationMethod": METHOD + " "},
        {"verificationMethod": METHOD + "k" * 2048},
        {"previousProof": "urn:1"},
        {"expires": "2026-06-07T20:51:35Z"},
        {"expires": "2020-01-01T00:00:00Z"},
        {"expires": "2026-06-08T00:00:00"},
        {"expires": "tomorrow"},
        {"expires": 4102444800},
        {"expires": "20990101T000000Z"},
        {"expires": "2026-06-08T00:00:00+24:00"},
        {"created": "2026-06-07T21:56:36Z"},
        {"created": "2026-06-07"},
        {"created": ["2026-06-07T20:51:35Z"]},
    ],
)
def test_well_signed_proofs_that_say_the_wrong_thing(proof: dict[str, Any]) -> None:
    with pytest.raises(BadProof):
        check(proven(**proof))
    with pytest.raises(BadProof):
        check_proof_shape(proven(**proof), now=NOW)


@pytest.mark.parametrize("proof", [None, [], "z", 1, {}])
def test_no_single_proof(proof: Any) -> None:
    with pytest.raises(BadProof):
        check(DOCUMENT | {"proof": proof})
    with pytest.raises(BadProof):
        check(DOCUMENT | {"proof": [proven()["proof"]]})
    with pytest.raises(BadProof):
        check(DOCUMENT)


@pytest.mark.parametrize(
    "value", [None, 1, "", "z", "u" + "A" * 86, "z0", "z" + "2" * 87, "z" + "2" * 10**6, "z" + "1" * 64]
)
def test_proof_values_that_are_none(value: Any) -> None:
    document = proven()
    with pytest.raises(BadProof):
        check(document | {"proof": document["proof"] | {"proofValue": value}})


def test_context_must_start_with_the_signed_one() -> None:
    document = proven()
    check(document | {"@context": [*CONTEXT, "https://more.example/ns"]})
    context: Any
    for context in (CONTEXT[:1], CONTEXT[::-1], ["https://more.example/ns", *CONTEXT], CONTEXT[0], None, {}, []):
        with pytest.raises(BadProof):
            check(document | {"@context": context})
    without = {name: value for name, value in document.items() if name != "@context"}
    with pytest.raises(BadProof):
        check(without)


def test_values_that_only_python_holds_equal_are_not() -> None:
    document = proven(DOCUMENT | {"@context": [*CONTEXT, {"x": 1}]})
    check(document)
    with pytest.raises(BadProof):
        check(document | {"@context": [*CONTEXT, {"x": True}]})
    with pytest.raises(BadProof):
        check(document | {"n": True})


def test_without_its_own_context_the_proof_signs_the_documents() -> None:
    document = proven(**WITHOUT_CONTEXT)
    with pytest.raises(BadProof):
        check(document | {"@context": [*CONTEXT, "https://more.example/ns"]})


def test_other_keys(rsa: RSAPrivateKey) -> None:
    with pytest.raises(BadProof):
        check(proven(), generate_ed25519())
    with pytest.raises(BadProof):
        verify_proof(proven(), public_key=rsa.public_key(), now=NOW)


def test_documents_without_a_canonical_form() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    for value in (2**53, float("nan"), "\ud800", deep):
        with pytest.raises(BadProof):
            check(proven() | {"n": value})
        document = proven()
        with pytest.raises(BadProof):
            check(document | {"proof": document["proof"] | {"extra": value}})
        with pytest.raises(BadProof):
            check(document | {"@context": [*CONTEXT[:1], value]})


def test_expiry_is_checked_when_verifying_too() -> None:
    document = proven(expires="2026-06-07T21:00:00Z")
    check(document)
    with pytest.raises(BadProof):
        verify_proof(document, public_key=KEY.public_key(), now=NOW + timedelta(minutes=10))


@given(st.sampled_from(["type", "actor", "n", "extra"]), st.text(st.characters(codec="utf-8")))
def test_any_change_fails(name: str, value: str) -> None:
    document = proven()
    if document.get(name) != value:
        with pytest.raises(BadProof):
            check(document | {name: value})
    if document["proof"].get(name) != value:
        with pytest.raises(BadProof):
            check(document | {"proof": document["proof"] | {name: value}})


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
NAMES = st.sampled_from([*proven()["proof"], "expires", "id"])


@given(st.dictionaries(NAMES, JSON), st.dictionaries(st.sampled_from(["@context", "proof", "id"]), JSON))
def test_any_proof_is_bad(changes: dict[str, Any], other: dict[str, Any]) -> None:
    document = proven()
    if changes:
        with pytest.raises(BadProof):
            check(document | {"proof": document["proof"] | changes, "n": 2})
    with pytest.raises(BadProof):
        check(document | {"n": 2} | other)
