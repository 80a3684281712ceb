"""Builds our activities, exactly as peers expect them. Pure; widens no audience: `to` and `cc` are the caller's."""

from collections.abc import Sequence
from datetime import datetime

from federation.vocabulary import Document
from federation.vocabulary.contexts import in_context, without_context
from federation.vocabulary.documents import timestamp

Object = str | Document
_HIDDEN = ("@context", "bto", "bcc", "signature", "proof")


def create(*, id: str, actor: str, object: Document) -> Document:
    """`Create` with the audience of its object, as WIRE 5.1 wants it on both."""
    return _with_object_audience("Create", id=id, actor=actor, object=object, when="published")


def update(
    *, id: str, actor: str, object: Document, to: Sequence[str] | None = None, cc: Sequence[str] | None = None
) -> Document:
    """`Update` of an object, whole, with its audience; an actor's document has none of its own, so give `to`."""
    built = _with_object_audience("Update", id=id, actor=actor, object=object, when="updated")
    given = {"to": to, "cc": cc}
    return {**built, **{key: list(value) for key, value in given.items() if value is not None}}


def delete(*, id: str, actor: str, object_id: str, to: Sequence[str], cc: Sequence[str] = ()) -> Document:
    """`Delete` to the original audience, with a Tombstone; of the actor itself with its bare id (WIRE 5.8)."""
    target: Object = object_id if object_id == actor else {"id": object_id, "type": "Tombstone"}
    return _activity("Delete", id=id, actor=actor, object=target, to=to, cc=cc)


def follow(*, id: str, actor: str, object: str) -> Document:
    """`Follow` of an actor."""
    return _activity("Follow", id=id, actor=actor, object=object, to=[object])


def join(*, id: str, actor: str, object: str) -> Document:
    """`Join` of a group or event (Mobilizon)."""
    return _activity("Join", id=id, actor=actor, object=object, to=[object])


def leave(*, id: str, actor: str, object: str) -> Document:
    """`Leave` of a group or event (Mobilizon)."""
    return _activity("Leave", id=id, actor=actor, object=object, to=[object])


def accept(*, id: str, actor: str, object: Document, to: Sequence[str], result: Document | None = None) -> Document:
    """`Accept` with the whole request embedded: some peers match it by id, others by its actor and object."""
    built = _activity("Accept", id=id, actor=actor, object=_bare(object), to=to)
    return built if result is None else {**built, "result": _bare(result)}


def reject(*, id: str, actor: str, object: Document, to: Sequence[str], result: Document | None = None) -> Document:
    """`Reject` of a request, or of one accepted before: then it ends the relation (Mastodon)."""
    built = _activity("Reject", id=id, actor=actor, object=_bare(object), to=to)
    return built if result is None else {**built, "result": _bare(result)}


def undo(*, id: str, actor: str, object: Document, to: Sequence[str], cc: Sequence[str] = ()) -> Document:
    """`Undo` with the original embedded: a bare id is not enough for Mastodon."""
    return _activity("Undo", id=id, actor=actor, object=_bare(object), to=to, cc=cc)


def announce(
    *, id: str, actor: str, object: Object, to: Sequence[str], cc: Sequence[str] = (), published: datetime
) -> Document:
    """`Announce` of an object by id, or of an activity exactly as received, context and proof included (FEP-1b12)."""
    built = _activity("Announce", id=id, actor=actor, object=object, to=to, cc=cc)
    return {**built, "published": timestamp(published)}


def like(*, id: str, actor: str, object: str, to: Sequence[str], content: str | None = None) -> Document:
    """`Like`, an emoji reaction when it has content (FEP-c0e0)."""
    built = _activity("Like", id=id, actor=actor, object=object, to=to)
    return built if content is None else {**built, "content": content}


def flag(*, id: str, actor: str, objects: Sequence[str], content: str, to: Sequence[str]) -> Document:
    """`Flag` of an actor and of posts. `actor` should be the instance actor: whoever reports stays unknown."""
    built = _activity("Flag", id=id, actor=actor, object=list(objects), to=to)
    return {**built, "content": content}


def block(*, id: str, actor: str, object: str) -> Document:
    """`Block` of an actor, addressed to it alone."""
    return _activity("Block", id=id, actor=actor, object=object, to=[object])


def move(*, id: str, actor: str, target: str, cc: Sequence[str] = ()) -> Document:
    """`Move` of the actor itself to a new one; goes to its followers (FEP-7628, push mode)."""
    built = _activity("Move", id=id, actor=actor, object=actor, to=[target], cc=cc)
    return {**built, "target": target}


def add(*, id: str, actor: str, object: str, target: str, to: Sequence[str], cc: Sequence[str] = ()) -> Document:
    """`Add` of an object to a collection of the actor: a pinned post, a moderator."""
    return {**_activity("Add", id=id, actor=actor, object=object, to=to, cc=cc), "target": target}


def remove(*, id: str, actor: str, object: str, target: str, to: Sequence[str], cc: Sequence[str] = ()) -> Document:
    """`Remove` from a collection of the actor; from the group itself it expels, which Mobilizon reads in `origin`."""
    built = {**_activity("Remove", id=id, actor=actor, object=object, to=to, cc=cc), "target": target}
    return {**built, "origin": target} if target == actor else built


def invite(*, id: str, actor: str, object: str, target: str) -> Document:
    """`Invite` of a person (`target`) into a group (`object`). Mobilizon takes the id for that of the membership."""
    return {**_activity("Invite", id=id, actor=actor, object=object, to=[target]), "target": target}


def _activity(
    kind: str, *, id: str, actor: str, object: Object | list[str], to: Sequence[str], cc: Sequence[str] = ()
) -> Document:
    activity: Document = {"id": id, "type": kind, "actor": actor, "to": list(to), "cc": list(cc), "object": object}
    return in_context(activity)


def _with_object_audience(kind: str, *, id: str, actor: str, object: Document, when: str) -> Document:
    inner = without_context(object)
    built = _activity(kind, id=id, actor=actor, object=inner, to=inner.get("to", ()), cc=inner.get("cc", ()))
    extra = {"published": inner.get(when), "audience": inner.get("audience")}
    return {**built, **{key: value for key, value in extra.items() if value is not None}}


def _bare(document: Document) -> Document:
    """An activity as it is embedded in an answer to it: without what concerned its own transport."""
    return {key: value for key, value in document.items() if key not in _HIDDEN}
