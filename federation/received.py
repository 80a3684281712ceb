"""What a handler gets: an activity whose sender is verified and whose object is as its owner says."""

from dataclasses import dataclass

from federation.vocabulary import Document
from federation.vocabulary.activities import Activity
from federation.vocabulary.actors import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An authenticated activity.

    `sender` is the actor that did it: key and `activity.actor` agree. `recipient_id` is the local actor whose own
    inbox it came to, None for the shared inbox; a personal inbox makes that actor a recipient. `object` and `target`
    are documents that may be believed: embedded by their own owner, or fetched from their origin; None when the
    activity names only an id that needed no fetching.
    """

    activity: Activity
    sender: Actor
    recipient_id: str | None = None
    object: Document | None = None
    target: Document | None = None
