"""Posts as received and as served. What is received is sanitised here; whom it is for is never guessed wider."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Required, TypedDict, Unpack

from federation.origin import same_origin
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC, addresses, required_id, type_of
from federation.vocabulary.actors import page_of
from federation.vocabulary.attachments import Attachment, parse_attachments
from federation.vocabulary.contexts import in_context
from federation.vocabulary.documents import (
    Malformed,
    clean_line,
    listed,
    moment_of,
    reference_id,
    text_of,
    timestamp,
)
from federation.vocabulary.html import plain_text
from federation.vocabulary.polls import Poll, parse_poll
from federation.vocabulary.showing import shown_content
from federation.vocabulary.tags import Hashtag, Mention

__all__ = ["Attachment", "Hashtag", "Mention", "Note", "NoteProperties", "note_document", "parse_note", "tombstone"]

KINDS = frozenset("Article Audio ChatMessage Document Event Image Note Page Question Video".split())
AudienceKind = Literal["public", "unlisted", "followers", "direct"]

MAX_MENTIONS = 50
MAX_HASHTAGS = 64
MAX_NAME = 500
MAX_WARNING = 5_000
MAX_SOURCE = 100_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_HASHTAG = re.compile(r"\w{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A post. `content` is HTML, sanitised and complete: for what is no `Note` it begins with the title and ends with
    a link to the original. `name` is the title alone. `summary` is a content warning as plain text, only of a `Note`
    or `Question`. `url` is the page for people, the id where there is none. A `poll` is only in a `Question`. A vote is
    the answer `name` to the question `in_reply_to`.
    """

    id: str
    type: str
    attributed_to: str
    content: str = ""
    name: str | None = None
    summary: str | None = None
    in_reply_to: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    sensitive: bool = False
    language: str | None = None
    url: str = ""
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    poll: Poll | None = None
    source: str | None = None
    is_vote: bool = False

    def audience_kind(self, followers_uri: str | None) -> AudienceKind:
        """Who may see it, given the author's followers collection (WIRE 5.1); an unknown collection widens nothing."""
        if PUBLIC in self.to:
            return "public"
        if PUBLIC in self.cc:
            return "unlisted"
        if followers_uri is not None and followers_uri in (*self.to, *self.cc):
            return "followers"
        return "direct"


def parse_note(document: object, *, to: Sequence[str] = (), cc: Sequence[str] = ()) -> Note:
    """A post, from any of the types that are shown as one. The activity's `to` and `cc` stand in where it has neither.

    Raises `Malformed` without a usable id and type, and for any author of another origin (FEP-fe34, HOSTILE A11).
    """
    if not isinstance(document, dict):
        raise Malformed("a post is a JSON object")
    identifier = required_id(document)
    kind = type_of(document, KINDS)
    if kind is None:
        raise Malformed("no post: its type is another")
    url = page_of(document.get("url"), identifier)
    name = clean_line(text_of(document, "name") or "", limit=MAX_NAME) or None
    in_reply_to = reference_id(document.get("inReplyTo"))
    own_to, own_cc = addresses(document.get("to")), addresses(document.get("cc"))
    addressed = bool(own_to or own_cc)
    return Note(
        id=identifier,
        type=kind,
        attributed_to=_author(document, identifier),
        content=shown_content(document, kind=kind, name=name, url=url),
        name=name,
        summary=_warning(document, kind),
        in_reply_to=in_reply_to,
        to=own_to if addressed else tuple(to),
        cc=own_cc if addressed else tuple(cc),
        audience=addresses(document.get("audience")),
        published=moment_of(document.get("published")),
        updated=moment_of(document.get("updated")),
        sensitive=document.get("sensitive") is True,
        language=_language(document),
        url=url,
        mentions=_mentions(document),
        hashtags=_hashtags(document),
        attachments=parse_attachments(document),
        poll=parse_poll(document) if kind == "Question" else None,
        source=_source(document),
        is_vote=is_vote(document),
    )


def is_vote(document: Document) -> bool:
    """Whether a document is a vote in a poll: a Note with a name and no content that answers something (FEP-9967)."""
    if "name" not in document or type_of(document, KINDS) != "Note":
        return False
    answers, name = reference_id(document.get("inReplyTo")), clean_line(text_of(document, "name") or "", limit=MAX_NAME)
    return bool(name and answers) and text_of(document, "content") is None


def _author(document: Document, identifier: str) -> str:
    """The one author: a Person before others (PeerTube names the channel as well)."""
    authors = listed(document.get("attributedTo")) or listed(document.get("actor"))
    named = [(author, reference_id(author)) for author in authors[:16]]
    for _, author_id in named:
        if author_id is None or not same_origin(author_id, identifier):
            raise Malformed("an author of another origin than the post, or none")
    persons = [a_id for author, a_id in named if isinstance(author, dict) and author.get("type") == "Person" and a_id]
    everybody = [author_id for _, author_id in named if author_id]
    if not everybody:
        raise Malformed("no author")
    return (persons or everybody)[0]


def _warning(document: Document, kind: str) -> str | None:
    """The content warning. In other types than these, `summary` is what its name says (see `showing`)."""
    if kind not in ("Note", "Question", "ChatMessage"):
        return None
    return clean_line(plain_text((text_of(document, "summary") or "")[: 2 * MAX_WARNING]), limit=MAX_WARNING) or None


def _language(document: Document) -> str | None:
    """The key of `contentMap` under which the content stands, else its first; else Lemmy's or an event's language."""
    candidates: list[object] = []
    translations = document.get("contentMap")
    if isinstance(translations, dict):
        content = document.get("content")
        candidates += [tag for tag, text in translations.items() if text == content] + list(translations)
    language = document.get("language")
    candidates.append(language.get("identifier") if isinstance(language, dict) else language)
    candidates.append(document.get("inLanguage"))
    for tag in candidates:
        if isinstance(tag, str) and _LANGUAGE.fullmatch(tag) and tag.lower() not in ("und", "mul", "zxx"):
            return tag
    return None


def _tags(document: Document, kind: str) -> list[Document]:
    return [tag for tag in listed(document.get("tag")) if isinstance(tag, dict) and kind in listed(tag.get("type"))]


def _mentions(document: Document) -> tuple[Mention, ...]:
    found: dict[str, Mention] = {}
    for tag in _tags(document, "Mention"):
        href = reference_id(tag.get("href"))
        if href and len(found) < MAX_MENTIONS:
            found.setdefault(href, Mention(href=href, name=clean_line(text_of(tag, "name") or "", limit=MAX_NAME)))
    return tuple(found.values())


def _hashtags(document: Document) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for tag in _tags(document, "Hashtag"):
        name = clean_line(text_of(tag, "name") or "", limit=MAX_NAME).lstrip("#")
        if _HASHTAG.fullmatch(name) and len(found) < MAX_HASHTAGS:
            found.setdefault(name.casefold(), name)
    return tuple(found.values())


def _source(document: Document) -> str | None:
    source = document.get("source")
    text = source.get("content") if isinstance(source, dict) else source
    return text[:MAX_SOURCE] if isinstance(text, str) and text else None


class NoteProperties(TypedDict, total=False):
    """What a post of ours says. `content` is HTML of ours, `source` the Markdown it came from, `summary` a content
    warning; `context` is the id of a collection, `replies` one as it is embedded, `poll` what a `Question` says
    besides. `direct` marks a message to persons alone."""

    id: Required[str]
    attributed_to: Required[str]
    content: Required[str]
    published: Required[datetime]
    to: Required[Sequence[str]]
    url: Required[str]
    cc: Sequence[str]
    type: Literal["Note", "Page", "Article", "Question"]
    name: str | None
    summary: str | None
    sensitive: bool
    in_reply_to: str | None
    audience: str | None
    context: str | None
    replies: Document | None
    language: str | None
    source: str | None
    mentions: Sequence[Mention]
    hashtags: Sequence[Hashtag]
    attachments: Sequence[Attachment]
    updated: datetime | None
    poll: Document | None
    direct: bool


def note_document(**post: Unpack[NoteProperties]) -> Document:
    """A post of ours, exactly as peers read it (WIRE 5.2). Nobody but the author may quote it (FEP-044f)."""
    summary, content, context, source = (post.get(key) for key in ("summary", "content", "context", "source"))
    tags: list[Mention | Hashtag] = [*post.get("mentions", ()), *post.get("hashtags", ())]
    updated, language = post.get("updated"), post.get("language")
    optional = {
        "name": post.get("name"),
        "audience": post.get("audience"),
        "context": context,
        "conversation": context,
        "replies": post.get("replies"),
        "contentMap": {language: content} if language else None,
        "source": {"content": source, "mediaType": "text/markdown"} if source is not None else None,
        "updated": timestamp(updated) if updated else None,
        "directMessage": post.get("direct") or None,
    }
    required: Document = {
        "id": post["id"],
        "type": post.get("type", "Note"),
        "attributedTo": post["attributed_to"],
        "inReplyTo": post.get("in_reply_to"),
        "summary": summary,
        "content": content,
        "mediaType": "text/html",
        "published": timestamp(post["published"]),
        "to": list(post["to"]),
        "cc": list(post.get("cc", ())),
        "url": post["url"],
        "sensitive": post.get("sensitive", False) or summary is not None,
        "tag": [tag.document() for tag in tags],
        "attachment": [attachment.document() for attachment in post.get("attachments", ())],
        "interactionPolicy": {"canQuote": {"automaticApproval": [post["attributed_to"]]}},
    }
    if required["type"] == "Page":
        del required["inReplyTo"]  # Lemmy takes no Page for a post where the key stands.
    optional |= post.get("poll") or {}
    return in_context(required | {key: value for key, value in optional.items() if value is not None})


def tombstone(*, id: str, former_type: str, deleted: datetime) -> Document:
    """What is left of a deleted object: that it was, what kind it was, and since when it is gone."""
    return in_context({"id": id, "type": "Tombstone", "formerType": former_type, "deleted": timestamp(deleted)})
