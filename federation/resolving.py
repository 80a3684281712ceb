"""Makes what an activity speaks of believable, or drops it. Never passes on what only a stranger vouches for.

Nothing here writes, and nothing runs inside a unit of work while it fetches (FEP-fe34, WIRE 3.3 and 5.16).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType

from federation import authority
from federation.application import Application
from federation.blocks import is_blocked
from federation.context import Context
from federation.fetch import fetch_document
from federation.fetch_errors import FetchFailed
from federation.inbox_items import Incoming
from federation.origin import BadUri, host_of, same_origin
from federation.received import Received
from federation.remote import known_actor, resolve_actor
from federation.runtime import Federation
from federation.table import Outcome
from federation.vocabulary import Document
from federation.vocabulary.activities import Activity, Reference, parse_activity
from federation.vocabulary.actors import Actor, parse_actor
from federation.vocabulary.documents import Malformed, load_json
from federation.vocabulary.objects import is_vote

FETCH_BUDGET = 5
"""Requests to other servers that one activity may cause (HOSTILE C8), actors included."""

ACTIVITY_TYPES = frozenset(
    "Accept Add Announce Arrive Block Create Delete Dislike EmojiReact Flag Follow Ignore Invite Join Leave Like "
    "Listen Lock Move Offer Read Reject Remove TentativeAccept TentativeReject Travel Undo Update View".split()
)
"""What a group wraps when it announces an activity and not an object (ActivityStreams 3.1, and what peers add)."""

VOTE = "Vote"
"""The object type under which a poll vote is looked up: on the wire it is a Note (FEP-9967)."""


NOBODY_KNOWN: Mapping[str, Actor] = MappingProxyType({})


class Dropped(Exception):
    """Nothing to do; `outcome` says whether the activity is ignored or refused."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


def read_activity(body: bytes) -> Activity:
    """Parses an activity as it came in, strictly. Raises `Malformed`."""
    return authority.with_own_id(parse_activity(load_json(body)), sha256(body).hexdigest()[:32])


async def resolve(
    federation: Federation, activity: Activity, incoming: Incoming, known: Mapping[str, Actor] = NOBODY_KNOWN
) -> Received:
    """The activity as a handler may believe it. `known` are actors that were looked up already.

    A forwarded one counts only as a hint to look at the object's origin. Raises `Dropped`, `NotAuthorized`,
    `Malformed`, or `FetchFailed` when an origin does not answer as it should.
    """
    resolver = _Resolver(federation, incoming.recipient_id, known)
    if incoming.forwarded:
        return await resolver.hinted(activity)
    return await resolver.vouched(activity, await resolver.actor(incoming.signer))


async def object_type(application: Application, context: Context, received: Received) -> str:
    """The object type that picks the row of the table; empty when it is unknown.

    From the believed document; else what is stored here under the id; else what the sender says it is.
    """
    if received.object is not None:
        return VOTE if _is_vote(received) else authority.type_of(received.object)
    reference = received.activity.object
    if reference is None:
        return ""
    embedded = reference.embedded or {}
    if reference.type and reference.type != "Tombstone":
        return reference.type
    stored = None if reference.id is None else await application.object_type(context, reference.id)
    if received.activity.type == "Undo" and stored in authority.ACTOR_TYPES:
        # snac undoes a Follow by naming the actor that was followed.
        return "Follow"
    former = embedded.get("formerType")
    return stored or (former if isinstance(former, str) else reference.type or "")


def _is_vote(received: Received) -> bool:
    return received.activity.type == "Create" and received.object is not None and is_vote(received.object)


@dataclass(slots=True)
class _Resolver:
    """One activity's way to its `Received`, and the fetches it has left."""

    federation: Federation
    recipient_id: str | None
    known: Mapping[str, Actor]
    fetches_left: int = FETCH_BUDGET

    async def vouched(self, activity: Activity, sender: Actor) -> Received:
        """An activity that its actor signed."""
        # One spelling of the actor's id from here on: that of its own document.
        activity = replace(activity, actor=sender.id)
        match activity.type:
            case "Create" | "Update":
                return self._received(activity, sender, object=await self._authored(activity))
            case "Announce":
                return await self._announced(activity, sender)
            case "Move":
                return self._received(activity, sender, target=await self._target(activity))
            case "Delete":
                authority.check_delete(activity, self.federation.origin)
            case "Undo":
                authority.check_undo(activity)
        return self._received(activity, sender)

    async def hinted(self, activity: Activity) -> Received:
        """A Create, Update or Delete that somebody else handed on: only what the object's origin says counts."""
        # Only the actor's own signature makes whoever it was sent to a recipient: a forwarder must not widen audiences.
        self.recipient_id = None
        authority.check_forwardable(activity, self.federation.origin)
        reference = activity.object
        if reference is None or reference.id is None:
            raise Dropped(Outcome.REFUSED)
        if activity.type == "Delete":
            return await self._confirmed_delete(activity, reference.id)
        document = await self._fetch(reference.id)
        owner = authority.check_origin_owns(document)[0]
        return self._received(
            _rewritten(activity, document, owner), await self._owner(document, owner), object=document
        )

    async def actor(self, uri: str) -> Actor:
        """A remote actor, from what is known or else from its origin."""
        known = self.known.get(uri)
        if known is None:
            async with self.federation.reading() as context:
                known = await known_actor(context, uri)
        if known is not None:
            return known
        self._spend()
        return await resolve_actor(self.federation, uri)

    async def _authored(self, activity: Activity) -> Document:
        reference = activity.object
        if reference is None:
            raise Dropped(Outcome.REFUSED)
        if reference.embedded is not None and authority.is_believable(reference.embedded, activity.actor):
            return reference.embedded
        if reference.id is None or not same_origin(reference.id, activity.actor):
            raise Dropped(Outcome.REFUSED)
        document = await self._fetch(reference.id)
        authority.check_owned_by(document, activity.actor)
        return document

    async def _announced(self, activity: Activity, sender: Actor) -> Received:
        reference = activity.object
        if reference is None:
            raise Dropped(Outcome.REFUSED)
        embedded = reference.embedded
        if embedded is not None and authority.type_of(embedded) in ACTIVITY_TYPES:
            return await self._wrapped(activity, sender, embedded)
        if embedded is not None and authority.is_believable(embedded, activity.actor):
            return self._received(activity, sender, object=embedded)
        if reference.id is None:
            raise Dropped(Outcome.REFUSED)
        document = await self._elsewhere(reference.id)
        if document is not None and authority.type_of(document) in ACTIVITY_TYPES:
            return await self._wrapped(activity, sender, document)
        return self._received(_by_id(activity, reference.id, document), sender, object=document)

    async def _wrapped(self, activity: Activity, sender: Actor, wrapped: Document) -> Received:
        """A group's Announce of a member's activity (FEP-1b12): what is wrapped is only a hint (HOSTILE B6).

        A Create becomes the Announce of its object by id, as the same group announces that too.
        """
        inner = parse_activity(wrapped)
        reference = inner.object
        if inner.type not in authority.FORWARDABLE or reference is None or reference.id is None:
            raise Dropped(Outcome.IGNORED)
        if inner.type != "Create":
            return await self.hinted(inner)
        document = await self._elsewhere(reference.id)
        return self._received(_by_id(activity, reference.id, document), sender, object=document)

    async def _elsewhere(self, uri: str) -> Document | None:
        """An object by anybody, from its origin; None for what is stored here, our own or theirs."""
        if self.federation.origin.owns(uri):
            return None
        async with self.federation.reading() as context:
            if await self.federation.application.object_type(context, uri) is not None:
                return None
        document = await self._fetch(uri)
        for owner in authority.check_origin_owns(document):
            await self._check_not_blocked(owner)
        return document

    async def _target(self, activity: Activity) -> Document | None:
        if activity.target is None or activity.target.id is None:
            raise Dropped(Outcome.REFUSED)
        if self.federation.origin.owns(activity.target.id):
            return None
        return await self._fetch(activity.target.id)

    async def _confirmed_delete(self, activity: Activity, uri: str) -> Received:
        """Only 410 or a Tombstone confirms: a server that hides an object from us answers 404 (WIRE 5.17)."""
        async with self.federation.reading() as context:
            actor = await known_actor(context, activity.actor)
        if actor is None:
            raise Dropped(Outcome.IGNORED)
        try:
            document = await self._fetch(uri)
        except FetchFailed as error:
            if error.gone:
                return self._received(replace(activity, actor=actor.id), actor)
            raise
        if authority.type_of(document) == "Tombstone":
            return self._received(replace(activity, actor=actor.id), actor)
        raise Dropped(Outcome.IGNORED)

    async def _owner(self, document: Document, owner: str) -> Actor:
        await self._check_not_blocked(owner)
        if document.get("id") == owner:
            return parse_actor(document)
        return await self.actor(owner)

    async def _fetch(self, uri: str) -> Document:
        authority.check_foreign(self.federation.origin, (uri,))
        await self._check_not_blocked(uri)
        self._spend()
        return await fetch_document(self.federation, uri)

    async def _check_not_blocked(self, uri: str) -> None:
        try:
            host = host_of(uri)
        except BadUri as error:
            raise Malformed("not a usable URI") from error
        async with self.federation.reading() as context:
            if await is_blocked(context, host):
                raise Dropped(Outcome.IGNORED)

    def _spend(self) -> None:
        if self.fetches_left == 0:
            raise Dropped(Outcome.REFUSED)
        self.fetches_left -= 1

    def _received(
        self, activity: Activity, sender: Actor, *, object: Document | None = None, target: Document | None = None
    ) -> Received:
        return Received(activity=activity, sender=sender, recipient_id=self.recipient_id, object=object, target=target)


def _by_id(activity: Activity, uri: str, document: Document | None) -> Activity:
    """The activity about an object by its own id, which the address it was named by may only have led to."""
    identifier = uri if document is None else str(document["id"])
    return replace(activity, object=Reference(id=identifier))


def _rewritten(activity: Activity, document: Document, owner: str) -> Activity:
    """The activity that the object itself bears out: its owner's, for its audience, with an id of our making."""
    identifier = str(document["id"])
    return parse_activity(
        {
            "id": f"{identifier.partition('#')[0]}#{activity.type.lower()}",
            "type": activity.type,
            "actor": owner,
            "object": document,
            "to": document.get("to", []),
            "cc": document.get("cc", []),
            "audience": document.get("audience", []),
        }
    )
