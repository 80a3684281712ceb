"""Takes activities in: authenticates, recognises repeats, stores, and only then answers 202. Gives them no meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from crypto.http_signatures import BadSignature, Message, ParsedSignature, SignatureError
from federation import authority, inbox_items, signatures
from federation.authority import NotAuthorized
from federation.blocks import blocked_among, is_blocked
from federation.inbox_items import Arrival, Incoming, Load, Reply, mend_times, sweep
from federation.memory import Gauge
from federation.origin import host_of
from federation.processing import process_waiting
from federation.remote import known_actor
from federation.resolving import read_activity
from federation.runtime import Federation
from federation.signatures import Busy, UnknownKey, VerifiedSigner
from federation.standing import STILL_HEARD, suspended_among
from federation.vocabulary.activities import Activity
from federation.vocabulary.documents import Malformed
from models import LocalActor

__all__ = ["LARGEST_BODY", "Reply", "mend_times", "process_waiting", "receive", "sweep"]

LARGEST_BODY = 1024 * 1024
"""Bytes of a request body; Mastodon's limit."""

MOST_WAITING = 2_000
"""Activities of one registrable domain that may wait, those given up but kept counted, before it is to come later."""

LARGEST_WAITING = 64 * 1024 * 1024
"""Bytes that they may take."""

MOST_IN_ALL = 50_000
"""Activities of all domains that may wait, counted in the same way."""

LARGEST_IN_ALL = 1024 * 1024 * 1024
"""Bytes that these may take."""

RETRY_AFTER = 60
"""Seconds."""

ACCEPT_SIGNATURE = 'sig1=("@method" "@target-uri" "@authority" "content-digest");created;keyid;alg="rsa-v1_5-sha256"'
"""What an RFC 9421 signature should cover (section 5.1), for peers that can fulfil such a request."""

ACTIVITY_TYPES = ("application/activity+json", "application/ld+json")


ACCEPTED = Reply(202)
BUSY = Reply(503, "too much is under way here", {"Retry-After": str(RETRY_AFTER)})
CROWDED = Reply(429, "too much is waiting here; come back later", {"Retry-After": str(RETRY_AFTER)})
UNCONFIRMED = Reply(401, "not authentic: the signature cannot be confirmed", {"Accept-Signature": ACCEPT_SIGNATURE})
"""One answer whatever was wrong with the key, lest anybody read out whom we block or know."""


class _Refused(Exception):
    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.reply = Reply(status, error, headers or {})


async def receive(federation: Federation, message: Message, *, recipient_id: str | None = None) -> Reply:
    """Takes one activity in, cheap checks first (WIRE 1.7, HOSTILE E1). `recipient_id` is the inbox's owner, if any.

    202 once it is stored for good, for repeats, and for what is ignored on purpose; 400 malformed, 401 not
    authentic or on a blocked domain, 404 or 410 no such inbox, 429 too much waiting, 503 too much under way to
    ask for a key. Never a 5xx for bad input.
    The caller has capped the body at `LARGEST_BODY`. The deed itself is left to `process_waiting`.
    """
    try:
        _check_envelope(message, federation.origin.domain)
        parsed = signatures.read(federation, message)
        if recipient_id is not None:
            await _check_door(federation, recipient_id)
        activity = _read_activity(federation, message.body)
        if await _is_pointless(federation, activity, signatures.signer_host(parsed)):
            return ACCEPTED
        try:
            incoming = await _authenticate(federation, message, parsed, activity)
        except (SignatureError, _Refused):
            # A refusal would tell anybody that the actor is known here, as a member may be: strangers hear 202.
            if authority.is_about_itself(activity):
                return ACCEPTED
            raise
    except _Refused as refused:
        return refused.reply
    except Busy:
        return BUSY
    except (UnknownKey, BadSignature):
        return UNCONFIRMED
    except SignatureError as error:
        return Reply(401, f"not authentic: {error}", {"Accept-Signature": ACCEPT_SIGNATURE})
    if incoming is None:
        return ACCEPTED
    incoming = replace(incoming, recipient_id=recipient_id)
    arrival = inbox_items.pack(incoming, activity_id=activity.id, verb=activity.type)
    return await federation.arrivals.add(arrival, partial(_store, federation))


def _check_envelope(message: Message, domain: str) -> None:
    headers: dict[str, list[str]] = {}
    for name, value in message.headers:
        headers.setdefault(name, []).append(value.strip())
    if [host.lower() for host in headers.get("host", [])] != [domain]:
        raise _Refused(400, "the Host header does not name this server")
    types = headers.get("content-type", [])
    if len(types) != 1 or types[0].partition(";")[0].strip().lower() not in ACTIVITY_TYPES:
        raise _Refused(400, "the Content-Type is not that of an activity")
    if len(message.body) > LARGEST_BODY:
        raise _Refused(413, "the activity is too big")


async def _check_door(federation: Federation, recipient_id: str) -> None:
    async with federation.reading() as context:
        recipient = await context.session.get(LocalActor, recipient_id)
    if recipient is None:
        raise _Refused(404, "no such inbox")
    if recipient.state == "deleted":
        raise _Refused(410, "the owner of this inbox is gone")


def _read_activity(federation: Federation, body: bytes) -> Activity:
    """Parses strictly, and refuses ids that the sender cannot have (HOSTILE A7, A10, A12)."""
    try:
        activity = read_activity(body)
        authority.check_foreign(federation.origin, (activity.id, activity.actor))
        authority.check_activity_id(activity)
    except Malformed as error:
        raise _Refused(400, "not an activity that can be read") from error
    except NotAuthorized as error:
        raise _Refused(400, str(error)) from error
    return activity


async def _is_pointless(federation: Federation, activity: Activity, signer_host: str) -> bool:
    """Whether there is nothing to do, whoever signed: strangers about themselves (WIRE 1.10).

    An actor's word about itself, signed elsewhere, is dropped for known actors too: neither the answer nor a fetch of
    that key may tell whom we know.
    """
    if not authority.is_about_itself(activity):
        return False
    if host_of(activity.actor) != signer_host:
        return True
    async with federation.reading() as context:
        return await known_actor(context, activity.actor) is None


async def _authenticate(
    federation: Federation, message: Message, parsed: ParsedSignature, activity: Activity
) -> Incoming | None:
    """Who vouches for the activity: its actor by signature or proof, or only a forwarder (WIRE 3.3).

    None for what is handed on of an actor on a blocked domain.
    """
    try:
        signer = await signatures.confirm(federation, parsed)
    except UnknownKey as error:
        # The origin itself says that the actor is gone: then anybody may tell us so.
        if error.gone and _deletes_itself(activity) and _is_key_of(parsed.key_id, activity.actor):
            return Incoming(body=message.body, signer=activity.actor)
        raise
    try:
        authority.check_sender(activity, signer.actor.id)
    except NotAuthorized:
        return await _attribute(federation, message, activity, signer)
    told = signatures.covered(parsed, message, "collection-synchronization")
    return Incoming(body=message.body, signer=signer.actor.id, synchronization=told)


async def _attribute(
    federation: Federation, message: Message, activity: Activity, signer: VerifiedSigner
) -> Incoming | None:
    try:
        authority.check_forwardable(activity, federation.origin)
    except NotAuthorized as error:
        # No Accept-Signature: another form of signature by this key would not help.
        raise _Refused(401, f"not authentic: {error}") from error
    async with federation.reading() as context:
        if await is_blocked(context, host_of(activity.actor)):
            return None
    author = await signatures.prover(federation, activity)
    if author is not None:
        return Incoming(body=message.body, signer=author.id)
    return Incoming(body=message.body, signer=signer.actor.id, forwarded=True)


async def _store(federation: Federation, arrivals: Sequence[Arrival]) -> list[Reply]:
    """Stores what came in the same few milliseconds in one commit, and says what to answer to each."""
    replies, taken, gauge = [], [], federation.memory.inbox
    async with federation.writing() as context:
        suspended = await suspended_among(context, {arrival.signer for arrival in arrivals})
        blocked = await blocked_among(context, {arrival.host for arrival in arrivals})
        loads = await inbox_items.loads_of(context, {arrival.domain for arrival in arrivals})
        await inbox_items.measure(context, gauge)
        for arrival in arrivals:
            if arrival.host in blocked:
                replies.append(UNCONFIRMED)
                continue
            load, size = loads[arrival.domain], len(arrival.content)
            is_crowded = _is_crowded(load, gauge, size)
            replies.append(CROWDED if is_crowded else ACCEPTED)
            if not is_crowded and (arrival.signer not in suspended or arrival.verb in STILL_HEARD):
                taken.append(arrival)
                load.items, load.size = load.items + 1, load.size + size
                gauge.add(1, size)
        if await inbox_items.put(context, taken):
            context.wake("inbox")
    return replies


def _is_crowded(load: Load, gauge: Gauge, size: int) -> bool:
    """Whether one more of this size is too much for its domain, or for all.

    No domain holds more than what is left free for all: as room runs out, those with most are refused first, and
    who has little here is heard until hardly any is left.
    """
    items = min(MOST_WAITING, MOST_IN_ALL - gauge.items)
    room = min(LARGEST_WAITING, LARGEST_IN_ALL - gauge.size)
    return load.items + 1 > items or load.size + size > room


def _deletes_itself(activity: Activity) -> bool:
    return activity.type == "Delete" and authority.is_about_itself(activity)


def _is_key_of(key_id: str, actor: str) -> bool:
    return authority.same_id(key_id.partition("#")[0], actor.partition("#")[0])
