"""Binds signatures to keys, and keys to the actors that own them. Never believes a request before a key says so."""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request

from crypto.http_signatures import (
    BadSignature,
    MalformedSignature,
    Message,
    ParsedSignature,
    SignatureError,
    parse,
    verify,
)
from crypto.proofs import BadProof, check_proof_shape, verify_proof
from federation.authority import same_id
from federation.blocks import is_blocked
from federation.fetch_errors import FetchFailed
from federation.inbox_items import KEEP
from federation.origin import BadUri, Origin, host_of, same_origin
from federation.remote import ResolvedKey, resolve_key
from federation.runtime import Federation
from federation.vocabulary.activities import Activity
from federation.vocabulary.actors import Actor

OLDEST_PROOF = KEEP["done"]

KEY_PATIENCE = 10.0
"""Seconds that a request waits for its signer's key (WIRE 1.8)."""


@dataclass(frozen=True, slots=True)
class VerifiedSigner:
    """The actor that signed a request, the key it used, and its host."""

    actor: Actor
    key_id: str
    host: str


class Busy(SignatureError):
    """So much is under way here that the key was not asked for. The signature may be good: it is to come again."""


class UnknownKey(SignatureError):
    """The key cannot be had, or nobody confirms that it is his. `gone`: its own origin answered 410."""

    def __init__(self, *, gone: bool = False) -> None:
        super().__init__("the key is not to be had")
        self.gone = gone


def message_of(request: Request, origin: Origin, body: bytes) -> Message:
    """A request as signatures see it. The target is rebuilt from our own origin, never from a header (WIRE 2.2)."""
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope.get("query_string", b"")
    target = f"{origin}{path.decode('latin-1')}" + (f"?{query.decode('latin-1')}" if query else "")
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw)
    return Message(request.method, target, headers, body)


def read(federation: Federation, message: Message) -> ParsedSignature:
    """Every check of a signature that needs neither key nor database (HOSTILE A3, A12, A16, E1).

    Raises `SignatureError`; also for a key id on this server, which nobody elsewhere can own.
    """
    origin = federation.origin
    parsed = parse(message, now=federation.clock(), host=origin.domain, allow_http=origin.scheme == "http")
    signer_host(parsed)
    if origin.owns(parsed.key_id):
        raise MalformedSignature("a key of this server")
    return parsed


def signer_host(parsed: ParsedSignature) -> str:
    """The normalised host that the key id claims. Raises `MalformedSignature`."""
    try:
        return host_of(parsed.key_id)
    except BadUri as error:
        raise MalformedSignature("the key id is not a usable URI") from error


def covered(parsed: ParsedSignature, message: Message, name: str) -> str | None:
    """The value of a header that occurs once, if the signature covers it; believe it once the key is confirmed."""
    values = [value for header, value in message.headers if header == name]
    lines = parsed.candidates[0].decode("ascii", "replace").split("\n")
    if len(values) == 1 and any(f"{start}: {values[0].strip()}" in lines for start in (name, f'"{name}"')):
        return values[0].strip()
    return None


async def confirm(federation: Federation, parsed: ParsedSignature) -> VerifiedSigner:
    """Finds the key and its owner, and verifies. A known key that does not fit is fetched anew, once (WIRE 1.7).

    A blocked host, which is that of the key's owner too or the key is none, is not asked for it. A key in memory is
    used without that look-up. May fetch: never call it inside a unit of work. Raises `SignatureError`: `UnknownKey` or
    `BadSignature`.
    """
    if federation.memory.keys.get(parsed.key_id, federation.clock()) is None:
        await _check_not_blocked(federation, parsed)
    key = await _key(federation, parsed.key_id, refresh=False)
    try:
        verify(parsed, key.public_key)
    except BadSignature:
        key = await _key(federation, parsed.key_id, refresh=True)
        verify(parsed, key.public_key)
    return VerifiedSigner(key.owner, parsed.key_id, host_of(key.owner.id))


async def authenticate(federation: Federation, message: Message) -> VerifiedSigner:
    """Who signed this request. Raises `SignatureError`, also for a key on a blocked host, which is not asked for."""
    parsed = read(federation, message)
    await _check_not_blocked(federation, parsed)
    return await confirm(federation, parsed)


async def _check_not_blocked(federation: Federation, parsed: ParsedSignature) -> None:
    async with federation.reading() as context:
        if await is_blocked(context, signer_host(parsed)):
            raise UnknownKey


async def prover(federation: Federation, activity: Activity) -> Actor | None:
    """The actor of an activity, when its own object proof (FEP-8b32) says so; None without such a proof.

    A proof never ages by itself, so that one older than ids are remembered is none: whoever keeps it could replay it.
    May fetch a key, only from the origin of the activity's actor: never call it inside a unit of work.
    """
    now = federation.clock()
    try:
        claim = check_proof_shape(activity.document, now=now)
        if claim.created is None or claim.created < now - OLDEST_PROOF:
            return None
        if not same_origin(claim.verification_method, activity.actor):
            return None
        key = await _key(federation, claim.verification_method, refresh=False)
        verify_proof(activity.document, public_key=key.public_key, now=now)
    except (BadProof, UnknownKey, Busy):
        return None
    return key.owner if same_id(key.owner.id, activity.actor) else None


async def _key(federation: Federation, key_id: str, *, refresh: bool) -> ResolvedKey:
    try:
        # A fetch that takes longer goes on by itself; the sender's next attempt finds what it brought.
        async with asyncio.timeout(KEY_PATIENCE):
            return await resolve_key(federation, key_id, refresh=refresh)
    except FetchFailed as error:
        if error.ours:
            raise Busy("too much is under way here") from error
        raise UnknownKey(gone=error.gone) from error
    except TimeoutError as error:
        raise UnknownKey from error
