"""Decides whether an origin may say a thing about an id (FEP-fe34). Pure; never widens what a signature proved."""

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from federation.origin import BadUri, Origin, origin_of, same_origin
from federation.vocabulary import Document
from federation.vocabulary.activities import Activity

ACTOR_TYPES = frozenset({"Application", "Group", "Organization", "Person", "Service"})
"""The types whose documents speak for themselves (ActivityStreams vocabulary, section 3.2)."""

FORWARDABLE = frozenset({"Create", "Update", "Delete"})
"""What a third server may hand on: its claim can be checked at the origin of the object (WIRE 3.3)."""

MAX_OWNERS = 10


class NotAuthorized(Exception):
    """This actor or origin has no say in this. The message holds no id."""


def same_id(one: str, other: str) -> bool:
    """Whether two ids are equal, after scheme and host are lower-cased and a default port is dropped.

    Everything after the host counts byte for byte. False when either is unusable.
    """
    try:
        return _canonical(one) == _canonical(other)
    except BadUri:
        return False


def check_sender(activity: Activity, owner: str) -> None:
    """Raises `NotAuthorized` unless the owner of the key is the activity's actor (HOSTILE A2)."""
    if not same_id(activity.actor, owner):
        raise NotAuthorized("the signer is not the actor")


def check_foreign(origin: Origin, uris: Iterable[str]) -> None:
    """Raises `NotAuthorized` for an id that is, or may be read as, one of this server's (HOSTILE A12)."""
    if any(origin.owns(uri) for uri in uris):
        raise NotAuthorized("an id of this server from elsewhere")


def check_activity_id(activity: Activity) -> None:
    """Raises `NotAuthorized` unless the activity's id is on its actor's origin (HOSTILE A7)."""
    if not same_origin(activity.id, activity.actor):
        raise NotAuthorized("the activity's id is on another origin than its actor")


def with_own_id(activity: Activity, digest: str) -> Activity:
    """Gives an Undo whose id is on another origin an id of its sender's, made of the digest of its body.

    snac names the Undo of a Follow after the actor that was followed. An Undo takes effect through what it names
    and who sent it, never through its own id, so the foreign one is dropped. All else is returned as it is.
    """
    if activity.type != "Undo" or same_origin(activity.id, activity.actor):
        return activity
    return replace(activity, id=f"{activity.actor.partition('#')[0]}#undo-{digest}")


def is_about_itself(activity: Activity) -> bool:
    """Whether an actor deletes or updates itself: of strangers not worth a fetch (WIRE 1.10)."""
    reference = activity.object
    return (
        activity.type in ("Delete", "Update")
        and reference is not None
        and reference.id is not None
        and same_id(reference.id, activity.actor)
    )


def check_forwardable(activity: Activity, origin: Origin) -> None:
    """Raises `NotAuthorized` unless a third server may hand this on, for us to ask the origin of the object.

    That is a Create, Update or Delete of an object on its actor's own origin, none of it ours.
    """
    reference = activity.object
    if activity.type not in FORWARDABLE or reference is None or reference.id is None:
        raise NotAuthorized("the signer is not the actor")
    if not same_origin(reference.id, activity.actor):
        raise NotAuthorized("the object is on another origin than its actor")
    check_foreign(origin, (reference.id, activity.actor))


def type_of(document: Document) -> str:
    """The (first) type of a document, empty when it has none."""
    kind = document.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if isinstance(item, str)), None)
    return kind if isinstance(kind, str) else ""


def owners_of(document: Document) -> tuple[str, ...]:
    """Who a document says it belongs to: an actor to itself, all else to `attributedTo`, or else to `actor`.

    Empty when it does not say. Raises `NotAuthorized` when that is anything but ids (HOSTILE A11).
    """
    identifier = document.get("id")
    if type_of(document) in ACTOR_TYPES:
        return (identifier,) if isinstance(identifier, str) else ()
    claimed = document.get("attributedTo") or document.get("actor")
    if claimed is None:
        return ()
    listed = claimed if isinstance(claimed, list) else [claimed]
    if len(listed) > MAX_OWNERS:
        raise NotAuthorized("too many owners")
    return tuple(_owner_id(item) for item in listed)


def is_believable(document: Document, actor: str) -> bool:
    """Whether an embedded document may be believed because its own owner sent it (FEP-fe34, embedding).

    It is the actor's alone, and on its origin; without an id, or as a fragment of one of the actor's, it may leave
    its owner unsaid. Never raises.
    """
    identifier = document.get("id")
    if identifier is not None and not (isinstance(identifier, str) and same_origin(identifier, actor)):
        return False
    try:
        owners = owners_of(document)
    except NotAuthorized:
        return False
    if not owners:
        return identifier is None or same_id(identifier.partition("#")[0], actor.partition("#")[0])
    return len(owners) == 1 and same_id(owners[0], actor)


def check_origin_owns(document: Document) -> tuple[str, ...]:
    """The owners of a document that its origin served. Raises `NotAuthorized` for owners on other origins, or none."""
    identifier = document.get("id")
    owners = owners_of(document)
    if not owners or not isinstance(identifier, str):
        raise NotAuthorized("the object has no owner")
    if not all(same_origin(owner, identifier) for owner in owners):
        raise NotAuthorized("the object is on another origin than its owner")
    return owners


def check_owned_by(document: Document, actor: str) -> None:
    """Raises `NotAuthorized` unless a document that its origin served is this actor's.

    Either the actor is among its owners, or it names the actor as the one who made it for them: Mobilizon's events
    are attributed to a group and carry their organizer in `actor`.
    """
    owners = check_origin_owns(document)
    made_by = document.get("actor") if type_of(document) not in ACTOR_TYPES else None
    if any(same_id(owner, actor) for owner in owners):
        return
    if isinstance(made_by, str) and same_id(made_by, actor) and same_origin(owners[0], actor):
        return
    raise NotAuthorized("the object is somebody else's")


def check_undo(activity: Activity) -> None:
    """Raises `NotAuthorized` when the embedded original names another actor than the Undo (HOSTILE B3).

    An original by id only is compared by the handler, with what is stored.
    """
    original = None if activity.object is None else activity.object.embedded
    claimed = None if original is None else original.get("actor")
    if isinstance(claimed, dict):
        claimed = claimed.get("id")
    if claimed is not None and not (isinstance(claimed, str) and same_id(claimed, activity.actor)):
        raise NotAuthorized("only the actor may undo")


def check_delete(activity: Activity, origin: Origin) -> None:
    """Raises `NotAuthorized` unless the deleted object is on its actor's origin, and not ours (HOSTILE B1).

    Whose it is on that origin, the handler reads from what is stored.
    """
    reference = activity.object
    if reference is None or reference.id is None:
        raise NotAuthorized("the Delete names no object")
    check_foreign(origin, (reference.id,))
    if not same_origin(reference.id, activity.actor):
        raise NotAuthorized("the object is on another origin than its actor")


def _canonical(uri: str) -> str:
    origin = origin_of(uri)
    return f"{origin}{uri[uri.index('://') + 3 + len(urlsplit(uri).netloc) :]}"


def _owner_id(value: object) -> str:
    identifier = value.get("id") if isinstance(value, dict) else value
    try:
        if isinstance(identifier, str):
            origin_of(identifier)
            return identifier
    except BadUri as error:
        raise NotAuthorized("an owner is not an id") from error
    raise NotAuthorized("an owner is not an id")
