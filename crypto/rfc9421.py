"""RFC 9421 HTTP Message Signatures, one signature a request. Never guesses what an unknown component means.

The library `http-message-signatures` verifies whole request objects through resolvers, and gives a verdict where
federation needs the signature base first and the key later. So Structured Fields are read by `http-sf`, and the base
(RFC 9421 section 2.5), which is a few joined lines, is built here and held against the vectors of appendix B.2.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, cast

import http_sf
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crypto import messages
from crypto.digests import check_content_digest, content_digest
from crypto.keys import PrivateKey
from crypto.messages import (
    BODILESS_METHODS,
    Fields,
    InsufficientCoverage,
    MalformedSignature,
    Message,
    ParsedSignature,
    Target,
)
from crypto.signing import sign

_ALGORITHMS = (None, "rsa-v1_5-sha256", "rsa-v1_5-sha512", "ed25519")
_INTEGERS = ("created", "expires")
# Fedify (1.10, seen on the wire) signs a key's URL with the fragment that it then does not send. These are the
# fragments of our own key ids; a fragment never travels, so for a GET it changes nothing that is asked for.
_OWN_FRAGMENTS = ("", "#main-key", "#ed25519-key", "#ed25519-key-2", "#ed25519-key-3", "#ed25519-key-4")
_STRINGS = ("nonce", "alg", "keyid", "tag")

Parameters = Mapping[str, str | int]


def parse(message: Message, *, now: datetime, host: str, allow_http: bool) -> ParsedSignature:
    """Make every check of an RFC 9421 signature that needs no key. Raises SignatureError.

    Required: exactly one label, the same in both headers; `created` and `keyid`; coverage of @method and of
    @target-uri, or @authority with @path and, when there is one, @query; content-digest when there is a body.
    Components may carry no parameters: each of them changes what the line means, and no peer sends one.
    """
    fields = messages.collect(message.headers)
    label, covered, parameters = _read_input(messages.single(fields, "signature-input"))
    signature = _read_signature(messages.single(fields, "signature"), label)
    created, key_id = _required(parameters)
    messages.check_key_id(key_id, allow_http=allow_http)
    messages.check_method(message.method)
    target = messages.split_target(message.target_uri)
    _check_coverage(covered, target, with_body=message.method not in BODILESS_METHODS or bool(message.body))
    messages.check_host(fields, host)
    if "content-digest" in fields:
        check_content_digest(messages.combined(fields, "content-digest"), message.body)
    expires = parameters.get("expires")
    expires = expires if isinstance(expires, int) else None
    messages.check_time(created, now=messages.seconds(now), expires=expires)
    algorithm = parameters.get("alg")
    return ParsedSignature(
        key_id=key_id,
        spec="rfc9421",
        algorithm=algorithm if isinstance(algorithm, str) else None,
        candidates=_candidates(message.method, target, covered, parameters, fields),
        signature=signature,
        created=created,
        expires=expires,
    )


def _candidates(
    method: str, target: Target, covered: Sequence[str], parameters: Parameters, fields: Fields
) -> tuple[bytes, ...]:
    tried = _OWN_FRAGMENTS if method in BODILESS_METHODS and "@target-uri" in covered else ("",)
    return tuple(
        signature_base(covered, parameters, fields, method=method, target=target, fragment=fragment)
        for fragment in tried
    )


def signature_base(
    covered: Sequence[str],
    parameters: Parameters,
    fields: Fields,
    *,
    method: str,
    target: Target,
    fragment: str = "",
) -> bytes:
    """Return the bytes to sign (RFC 9421 section 2.5). Raises MalformedSignature for a component we do not know.

    `fragment` is put after @target-uri, for peers that sign one.
    """
    derived = {
        "@method": method,
        "@target-uri": target.uri + fragment,
        "@authority": target.authority,
        "@scheme": target.scheme,
        "@request-target": target.path_and_query,
        "@path": target.path,
        "@query": f"?{target.query or ''}",
    }
    lines = []
    for name in covered:
        if name.startswith("@") and name not in derived:
            raise MalformedSignature("a component is not known here")
        value = derived[name] if name in derived else messages.combined(fields, name)
        lines.append(f"{_string(name)}: {value}")
    lines.append(f'"@signature-params": {_serialise(covered, parameters)}')
    return "\n".join(lines).encode("ascii")


def _serialise(covered: Sequence[str], parameters: Parameters) -> str:
    """Return the inner list as RFC 8941 section 4.1.1.1 writes it, with parameters in the sender's order.

    By hand, because the values are only strings and integers here and this is six times as fast.
    """
    listed = " ".join(_string(name) for name in covered)
    pairs = [(name, _string(value) if isinstance(value, str) else value) for name, value in parameters.items()]
    return f"({listed})" + "".join(f";{name}={value}" for name, value in pairs)


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _read_input(header: str) -> tuple[str, tuple[str, ...], dict[str, str | int]]:
    """Return the label, the covered components and the parameters of a `Signature-Input` with one member."""
    try:
        members = http_sf.parse(header.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_duplicate)
    except (ValueError, ArithmeticError) as error:
        raise MalformedSignature("the Signature-Input header is unreadable") from error
    if not isinstance(members, dict) or len(members) != 1:
        raise MalformedSignature("expected exactly one signature")
    label, member = next(iter(members.items()))
    items, parameters = cast(tuple[Any, dict[str, Any]], member)
    if not isinstance(items, list):
        raise MalformedSignature("the covered components are not a list")
    covered = tuple(_component(name, details) for name, details in items)
    if len(set(covered)) != len(covered):
        raise MalformedSignature("a component is covered twice")
    return label, covered, {name: _parameter(name, value) for name, value in parameters.items()}


def _component(name: object, details: object) -> str:
    if not isinstance(name, str) or details or name != name.lower() or name == "@signature-params":
        raise MalformedSignature("a component is not known here")
    return name


def _parameter(name: str, value: object) -> str | int:
    if name in _INTEGERS and type(value) is int and value >= 0:
        return value
    if name in _STRINGS and isinstance(value, str):
        return value
    raise MalformedSignature("a signature parameter is not known here or has the wrong type")


def _required(parameters: Parameters) -> tuple[int, str]:
    created, key_id = parameters.get("created"), parameters.get("keyid")
    if not isinstance(created, int) or not isinstance(key_id, str):
        raise MalformedSignature("the signature has no created or no keyid")
    if parameters.get("alg") not in _ALGORITHMS:
        raise MalformedSignature("the signature's algorithm is not accepted")
    return created, key_id


def _check_coverage(covered: Sequence[str], target: Target, *, with_body: bool) -> None:
    whole = "@target-uri" in covered
    pieces = {"@authority", "@path"} | (set() if target.query is None else {"@query"})
    if "@method" not in covered or not (whole or pieces.issubset(covered)):
        raise InsufficientCoverage("the signature does not cover method and target")
    if with_body and "content-digest" not in covered:
        raise InsufficientCoverage("the signature does not cover the body")


def _read_signature(header: str, label: str) -> bytes:
    """Read `label=:base64:`. With one label and no parameters that is the whole grammar."""
    start = f"{label}=:"
    encoded = header[len(start) : -1]
    if not header.startswith(start) or not header.endswith(":"):
        raise MalformedSignature("Signature and Signature-Input do not fit together")
    return messages.decode_signature(encoded)


def _refuse_duplicate(_key: str, _context: str) -> NoReturn:
    raise ValueError("a key is given twice")


def sign_rfc9421(
    *,
    method: str,
    target_uri: str,
    body: bytes | None,
    key_id: str,
    key: PrivateKey,
    now: datetime,
    extra_headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers to add to a request: Host, Content-Digest when there is a body, the extra ones,
    Signature-Input and Signature.

    Covers @method, @target-uri, content-digest and every extra header. Send exactly the bytes of `body`; sign afresh
    for every attempt. Raises ValueError for an extra header that cannot be signed, MalformedSignature for a target
    that is no URL.
    """
    extra = dict(extra_headers or {})
    messages.check_extra_headers(extra)
    messages.check_method(method)
    target = messages.split_target(target_uri)
    headers = ({} if body is None else {"Content-Digest": content_digest(body)}) | extra
    fields = messages.collect(tuple((name.lower(), value) for name, value in headers.items()))
    covered = ("@method", "@target-uri", *fields)
    parameters: Parameters = {
        "created": messages.seconds(now),
        "keyid": key_id,
        "alg": "rsa-v1_5-sha256" if isinstance(key, RSAPrivateKey) else "ed25519",
    }
    base = signature_base(covered, parameters, fields, method=method, target=target)
    encoded = base64.b64encode(sign(key, base)).decode("ascii")
    headers["Signature-Input"] = f"sig1={_serialise(covered, parameters)}"
    headers["Signature"] = f"sig1=:{encoded}:"
    return {"Host": target.authority} | headers
