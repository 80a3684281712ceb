"""draft-cavage-http-signatures-12 as the fediverse uses it. Never accepts a POST whose body or target is unsigned."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crypto import messages
from crypto.digests import check_digest_header, digest_header
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

# hs2019 and no label at all mean: by the key. `none` and hmac-* are not here, so they are refused.
_ALGORITHMS = (None, "hs2019", "rsa-sha256", "rsa-sha512", "ed25519")
_BY_THE_KEY = (None, "hs2019")
_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")


@dataclass(frozen=True, slots=True)
class _Parameters:
    """The readable content of a `Signature` header, before any rule is applied."""

    key_id: str
    algorithm: str | None
    covered: tuple[str, ...]
    signature: bytes
    created: int | None
    expires: int | None


def parse(message: Message, *, now: datetime, host: str, allow_http: bool) -> ParsedSignature:
    """Make every check of a cavage signature that needs no key (draft sections 2.1 to 2.5).

    A GET with a query gets a second candidate without it, because several peers sign that. Any other method gets
    only the exact target: whoever could change the query would change what is asked for.
    Raises SignatureError.
    """
    fields = messages.collect(message.headers)
    found = _read(messages.single(fields, "signature"))
    messages.check_key_id(found.key_id, allow_http=allow_http)
    _check_coverage(found, with_body=message.method not in BODILESS_METHODS or bool(message.body))
    messages.check_host(fields, host)
    if "digest" in fields:
        check_digest_header(messages.combined(fields, "digest"), message.body)
    _check_time(found, fields, messages.seconds(now))
    return ParsedSignature(
        key_id=found.key_id,
        spec="cavage",
        algorithm=found.algorithm,
        candidates=_candidates(message, found, fields),
        signature=found.signature,
        created=found.created if "(created)" in found.covered else None,
        expires=found.expires,
    )


def _candidates(message: Message, found: _Parameters, fields: Fields) -> tuple[bytes, ...]:
    messages.check_method(message.method)
    target = messages.split_target(message.target_uri)
    targets = [target.path_and_query]
    if target.query is not None and message.method in BODILESS_METHODS:
        targets.append(target.path)
    method = message.method.lower()
    return tuple(
        signing_string(found.covered, fields, target=f"{method} {path}", created=found.created, expires=found.expires)
        for path in targets
    )


def signing_string(
    covered: tuple[str, ...], fields: Fields, *, target: str, created: int | None = None, expires: int | None = None
) -> bytes:
    """Return the bytes to sign: a line for each covered name, joined by LF (draft section 2.3).

    `target` is the lower-case method, a blank, and the path with its query. Raises MalformedSignature when a covered
    header or parameter is absent.
    """
    special = {"(request-target)": target, "(created)": created, "(expires)": expires}
    lines = []
    for name in covered:
        value = special[name] if name in special else messages.combined(fields, name)
        if value is None:
            raise MalformedSignature("a signed parameter is absent")
        lines.append(f"{name}: {value}")
    return "\n".join(lines).encode("ascii")


def _check_coverage(found: _Parameters, *, with_body: bool) -> None:
    needed = {"(request-target)", "host"} | ({"digest"} if with_body else set())
    if not needed.issubset(found.covered) or not {"date", "(created)"} & set(found.covered):
        raise InsufficientCoverage("the signature covers too little of the request")


def _check_time(found: _Parameters, fields: Fields, now: int) -> None:
    if "(created)" in found.covered:
        if found.created is None:
            raise MalformedSignature("a signed parameter is absent")
        messages.check_time(found.created, now=now, expires=found.expires)
    if "date" in found.covered:
        moment = messages.parse_http_date(messages.combined(fields, "date"))
        messages.check_time(moment, now=now, expires=found.expires)


def _read(header: str) -> _Parameters:
    """Read a `Signature` header. Names given twice are refused: readers differ in which one counts."""
    parameters = _split(header.removeprefix("Signature "))
    covered = tuple(_plain(parameters, "headers", default="(created)").lower().split())
    algorithm = _plain(parameters, "algorithm") if "algorithm" in parameters else None
    if algorithm not in _ALGORITHMS:
        raise MalformedSignature("the signature's algorithm is not accepted")
    if len(set(covered)) != len(covered):
        raise MalformedSignature("a header is listed twice")
    # Draft section 2.3: an error with any older label, which says nothing of these two.
    if algorithm not in _BY_THE_KEY and {"(created)", "(expires)"} & set(covered):
        raise MalformedSignature("(created) needs the algorithm hs2019")
    return _Parameters(
        key_id=_plain(parameters, "keyId"),
        algorithm=algorithm,
        covered=covered,
        signature=messages.decode_signature(_plain(parameters, "signature")),
        created=_integer(parameters, "created"),
        expires=_integer(parameters, "expires"),
    )


def _split(text: str) -> dict[str, tuple[str, bool]]:
    """Return each parameter's value and whether it was quoted. One pass, no regular expression, no backslashes."""
    parameters: dict[str, tuple[str, bool]] = {}
    seen: set[str] = set()
    at = 0
    while True:
        equals = text.find("=", at)
        name = text[at:equals].strip(" ")
        if equals < 0 or not name.isalnum() or name.lower() in seen:
            raise MalformedSignature("the Signature header is unreadable or names a parameter twice")
        seen.add(name.lower())
        quoted = text.startswith('"', equals + 1)
        end = text.find('"' if quoted else ",", equals + 1 + quoted)
        if end < 0 and not quoted:
            end = len(text)
        value = text[equals + 1 + quoted : end].rstrip("" if quoted else " ")
        if end < 0 or not value or "\\" in value or not (quoted or _TOKEN.issuperset(value)):
            raise MalformedSignature("the Signature header is unreadable")
        parameters[name] = value, quoted
        rest = text[end + quoted :].lstrip(" ")
        if not rest:
            return parameters
        if not rest.startswith(","):
            raise MalformedSignature("the Signature header is unreadable")
        at = len(text) - len(rest) + 1


def _plain(parameters: Mapping[str, tuple[str, bool]], name: str, *, default: str | None = None) -> str:
    if name in parameters:
        return parameters[name][0]
    if default is None:
        raise MalformedSignature(f"the Signature header has no {name}")
    return default


def _integer(parameters: Mapping[str, tuple[str, bool]], name: str) -> int | None:
    """Read an unquoted whole number of seconds; draft section 2.1.4 allows no fractions for `created`."""
    value, quoted = parameters.get(name, (None, False))
    if value is None:
        return None
    if quoted or not value.isdigit() or len(value) > 12:
        raise MalformedSignature(f"{name} is not a whole number")
    return int(value)


def sign_cavage(
    *,
    method: str,
    target_uri: str,
    body: bytes | None,
    key_id: str,
    key: PrivateKey,
    now: datetime,
    extra_headers: Mapping[str, str] | None = None,
    omit_query: bool = False,
) -> dict[str, str]:
    """Return the headers to add to a request: Host, Date, Digest when there is a body, the extra ones, Signature.

    Covers (request-target), host, date, digest and every extra header, labelled rsa-sha256 (hs2019 for Ed25519).
    Send exactly the bytes of `body`. Sign afresh for every attempt, because peers refuse old dates.
    `omit_query` signs the path alone, for the second try at peers that leave the query out.
    Raises ValueError for an extra header that cannot be signed, MalformedSignature for a target that is no URL.
    """
    extra = dict(extra_headers or {})
    messages.check_extra_headers(extra)
    messages.check_method(method)
    target: Target = messages.split_target(target_uri)
    headers = {"Host": target.authority, "Date": messages.http_date(now)}
    if body is not None:
        headers["Digest"] = digest_header(body)
    headers |= extra
    fields = messages.collect(tuple((name.lower(), value) for name, value in headers.items()))
    covered = ("(request-target)", *fields)
    path = target.path if omit_query else target.path_and_query
    text = signing_string(covered, fields, target=f"{method.lower()} {path}")
    encoded = base64.b64encode(sign(key, text)).decode("ascii")
    label = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "hs2019"
    headers["Signature"] = f'keyId="{key_id}",algorithm="{label}",headers="{" ".join(covered)}",signature="{encoded}"'
    return headers
