"""What a post says, as it is kept: made here, or taken from a Note elsewhere. Keeps, and interprets nothing."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.objects import Attachment, Mention, Note
from federation.vocabulary.polls import Poll


class Audience(StrEnum):
    """Who a post is for. The first two are open to anyone who asks; the rest is sealed at rest."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    FOLLOWERS = "followers"
    CIRCLE = "circle"
    DIRECT = "direct"

    @property
    def is_open(self) -> bool:
        """Whether anybody may read it."""
        return self in OPEN


OPEN = (Audience.PUBLIC, Audience.UNLISTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostContent:
    """One post in full; goes to JSON and back unchanged.

    `html` is sanitised, `source` the text it was made from, known for our own posts only. `recipients` are local
    actors to whose own inbox a post from elsewhere came. `inboxes` received our own post besides those who follow,
    and are to hear of its edits and its end. The numbers of a `poll` of ours are kept beside it
    (`poll_records.py`).
    """

    uri: str
    author: str
    published: datetime
    type: str = "Note"
    html: str = ""
    source: str | None = None
    name: str | None = None
    summary: str | None = None
    sensitive: bool = False
    language: str | None = None
    updated: datetime | None = None
    in_reply_to: str | None = None
    url: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    recipients: tuple[str, ...] = ()
    inboxes: tuple[str, ...] = ()
    poll: Poll | None = None

    @property
    def named(self) -> frozenset[str]:
        """Everyone addressed by name, and everyone to whose own inbox it came; collections count for nothing."""
        return frozenset((*self.to, *self.cc, *self.recipients)) - {PUBLIC}

    def but(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """The whole as JSON."""
        values = {name: getattr(self, name) for name in _FIELDS}
        return json.dumps(values, default=_plain, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What `to_json` wrote. Raises `TypeError`, `KeyError` or `ValueError` for anything else."""
        values = json.loads(text)
        moments = {name: _moment(values[name]) for name in ("published", "updated")}
        lists = {name: tuple(values[name]) for name in _LISTS}
        made = {
            "mentions": tuple(Mention(**mention) for mention in values["mentions"]),
            "attachments": tuple(_attachment(attachment) for attachment in values["attachments"]),
            "poll": _poll(values.get("poll")),
        }
        return cls(**(values | moments | lists | made))


_FIELDS = tuple(field.name for field in fields(PostContent))
_LISTS = ("to", "cc", "audience", "hashtags", "recipients", "inboxes")


def content_of(note: Note, *, published: datetime, recipients: Iterable[str] = ()) -> PostContent:
    """A Note from elsewhere as a post. `published` is the moment we believe, which a Note may leave out or invent."""
    return PostContent(
        uri=note.id,
        author=note.attributed_to,
        published=published,
        type=note.type,
        html=note.content,
        name=note.name,
        summary=note.summary,
        sensitive=note.sensitive,
        language=note.language,
        updated=note.updated,
        in_reply_to=note.in_reply_to,
        url=note.url,
        to=note.to,
        cc=note.cc,
        audience=note.audience,
        mentions=note.mentions,
        hashtags=note.hashtags,
        attachments=note.attachments,
        poll=note.poll,
        recipients=tuple(recipients),
    )


def _plain(value: Any) -> Any:
    """What JSON has no form for: moments, and the parts of a post."""
    return value.isoformat() if isinstance(value, datetime) else asdict(value)


def _attachment(fields: dict[str, Any]) -> Attachment:
    focus = fields.get("focus")
    return Attachment(**(fields | {"focus": tuple(focus) if focus is not None else None}))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def _poll(values: dict[str, Any] | None) -> Poll | None:
    if values is None:
        return None
    lists = {name: tuple(values[name]) for name in ("options", "counts")}
    return Poll(**(values | lists | {"ends": _moment(values["ends"])}))
