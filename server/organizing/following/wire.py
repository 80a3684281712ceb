"""Turns follow edges into the activities that others match their answers against. Pure."""

import json

from federation.follows import Edge
from federation.vocabulary import Document
from federation.vocabulary.activities import Activity

LARGEST_ECHO = 8_192
"""Bytes of a received activity that are sent back whole: what we answer stays far below 64 KiB (Misskey's limit)."""


def follow_of(edge: Edge) -> Document:
    """The Follow that made an edge, rebuilt from what is kept of it."""
    return {"type": "Follow", "id": edge.activity, "actor": edge.follower, "object": edge.followee}


def as_received(activity: Activity) -> Document:
    """An activity to embed in its answer: exactly as received, because some compare more than its id (Lemmy).

    One of unreasonable size is reduced to type, id, actor and object.
    """
    if len(json.dumps(activity.document)) <= LARGEST_ECHO:
        return activity.document
    object_id = activity.object.id if activity.object else None
    return {"type": activity.type, "id": activity.id, "actor": activity.actor, "object": object_id}


def embedded_pair(document: Document | None) -> tuple[str, str] | None:
    """Actor and object ids of an embedded Follow or Join, whichever way they are written; None without both."""
    if document is None:
        return None
    actor, target = (_id_of(document.get(name)) for name in ("actor", "object"))
    return (actor, target) if actor and target else None


def _id_of(value: object) -> str | None:
    identifier = value.get("id") if isinstance(value, dict) else value
    return identifier if isinstance(identifier, str) else None
