"""What just happened, for those who are connected: a kind and ids, never content. Whoever hears looks for itself.

Told with the commit or not at all. It may come to nothing: what it names can be hidden, or gone again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from federation.context import Context
from federation.remote_store import uri_index
from models import LocalActor
from server.organizing.posts.content import Audience

_LONGEST = 4_000
"""Bytes: PostgreSQL carries less than 8,000."""


class Kind(StrEnum):
    """What can happen."""

    STATUS = "status"
    EDIT = "edit"
    BOOST = "boost"
    GONE = "gone"
    NOTIFICATION = "notification"
    CONVERSATION = "conversation"
    FILTERS = "filters"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened. `ids` are those of rows, or what `gone` says of a post that is no more."""

    kind: Kind
    ids: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.kind, *self.ids))

    @classmethod
    def parse(cls, text: str) -> "Happening | None":
        """What `str` wrote; None for what another version may say."""
        word, *ids = text.split(" ")
        return cls(Kind(word), tuple(ids)) if word in set(Kind) and ids else None


def happened(context: Context, kind: Kind, row_id: str) -> None:
    """Says so about a row: of a post, a reaction, a notification, a conversation."""
    _say(context, Happening(kind, (row_id,)))


def filters_changed(context: Context, owner: LocalActor) -> None:
    """Says that somebody's filters are different now."""
    _say(context, Happening(Kind.FILTERS, (owner.id,)))


def gone(context: Context, number: int, audience: Audience, author: str, named: Iterable[str] = ()) -> None:
    """Says that a post or boost is no more, for the same eyes that had it: of a direct post those named here."""
    local = [place.id for uri in named if (place := context.origin.locate(uri)) is not None and place.kind == "actor"]
    _say(context, Happening(Kind.GONE, (str(number), audience, _id_of(context, author), *sorted(local))))


def unboosted(context: Context, number: int, booster: str) -> None:
    """Says that a boost is no more, to those who follow whoever boosted."""
    _say(context, Happening(Kind.GONE, (str(number), "boost", _id_of(context, booster))))


def _id_of(context: Context, actor: str) -> str:
    """The id of a local actor's row; of one elsewhere the index under which it is found, in hex."""
    located = context.origin.locate(actor)
    return located.id if located is not None and located.kind == "actor" else f"~{uri_index(context, actor).hex()}"


def _say(context: Context, what: Happening) -> None:
    text = str(what)
    if len(text) <= _LONGEST:
        context.happened(text)
