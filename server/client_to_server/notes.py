"""What a Note that its author sends in asks for: a text for an audience. Never widens one, never drops an addressee."""

from dataclasses import dataclass

from federation.context import Context
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC, addresses
from federation.vocabulary.documents import text_of
from federation.vocabulary.html import plain_text
from models import LocalActor
from server.api.errors import BadRequest, Unprocessable
from server.mastodon.ids import find_party
from server.organizing.movements.queries import is_circle
from server.organizing.parties import Party


@dataclass(frozen=True, slots=True)
class Wish:
    """A post to be. `audience` is one of the words of `server/organizing/posts/service.py:AUDIENCES`."""

    text: str
    audience: str
    mentions: list[Party]
    reply_to: str | None
    warning: str | None
    language: str | None


async def wish_of(context: Context, me: LocalActor, note: Document, activity: Document) -> Wish:
    """What a Note, or the Create around it, asks for. Raises `BadRequest` or `Unprocessable`."""
    if note.get("type") != "Note":
        raise Unprocessable("Only Notes can be posted here.")
    if any(addresses(document.get(name)) for document in (note, activity) for name in ("bto", "bcc")):
        raise Unprocessable("Blind addresses (bto, bcc) cannot be used here: everybody sees whom a post is for.")
    to = {address for document in (note, activity) for address in addresses(document.get("to"))}
    cc = {address for document in (note, activity) for address in addresses(document.get("cc"))}
    reply_to = note.get("inReplyTo")
    return Wish(
        text=text_in(note),
        audience=await _audience(context, me, to, cc),
        mentions=await _mentioned(context, me, to | cc),
        reply_to=reply_to if isinstance(reply_to, str) else None,
        warning=text_of(note, "summary"),
        language=_language(note),
    )


def text_in(note: Document) -> str:
    """The text that somebody typed: the source, where it is there, else the HTML without its tags."""
    source = note.get("source")
    typed = source.get("content") if isinstance(source, dict) else None
    if isinstance(typed, str):
        return typed
    content = text_of(note, "content")
    if content is None:
        raise BadRequest("a Note has content")
    return plain_text(content)


async def _audience(context: Context, me: LocalActor, to: set[str], cc: set[str]) -> str:
    if PUBLIC in to:
        return "public"
    if PUBLIC in cc:
        return "unlisted"
    if context.origin.actor(me.id, "followers") in to | cc:
        return "circle" if await is_circle(context, me) else "supporters"
    return "direct"


async def _mentioned(context: Context, me: LocalActor, addressed: set[str]) -> list[Party]:
    found: list[Party] = []
    own = (PUBLIC, context.origin.actor(me.id, "followers"), context.origin.actor(me.id))
    for uri in sorted(addressed - set(own)):
        party = await find_party(context, uri)
        if party is None:
            raise Unprocessable(f"{uri} is not known here: look it up first.")
        found.append(party)
    return found


def _language(note: Document) -> str | None:
    by_language = note.get("contentMap")
    return next(iter(by_language), None) if isinstance(by_language, dict) else None
