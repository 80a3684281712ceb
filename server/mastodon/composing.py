"""A client's words for a post, in ours. Never widens an audience."""

import re

from federation.context import Context
from federation.remote_store import load_by_handle
from federation.webfinger import Handle
from models import LocalActor, Post
from server.api.errors import Missing, Unprocessable
from server.api.parameters import Given
from server.mastodon.ids import find_status
from server.organizing.movements.queries import is_circle
from server.organizing.parties import Party
from server.organizing.people.queries import find_actor
from server.organizing.personal.defaults import defaults_of
from server.organizing.posts import service
from server.organizing.posts.sight import as_viewer

_MENTION = re.compile(r"(?<![\w@/])@(\w(?:[\w.-]{0,62}\w)?)(?:@(\w(?:[\w.-]{0,251}\w)?(?::\d{1,5})?))?", re.ASCII)

_AUDIENCES = {"public": "public", "unlisted": "unlisted", "private": "supporters", "direct": "direct"}


class NewStatus(Given):
    """What `POST /api/v1/statuses` takes."""

    status: str = ""
    in_reply_to_id: str | None = None
    sensitive: bool | None = None
    spoiler_text: str | None = None
    visibility: str | None = None
    language: str | None = None


async def compose(context: Context, me: LocalActor, new: NewStatus) -> Post:
    """Publishes what a client wrote. Raises `Missing`, `Unprocessable` or `Refused`, having changed nothing."""
    reply_to = await _answered(context, me, new.in_reply_to_id)
    return await service.publish(
        context,
        author=me,
        text=new.status,
        audience=await audience_of(context, me, new.visibility),
        reply_to=reply_to,
        content_warning=new.spoiler_text or None,
        language=new.language or (await defaults_of(context, me)).language,
        mentions=await mentioned_in(context, new.status),
    )


async def audience_of(context: Context, me: LocalActor, visibility: str | None) -> str:
    """The audience that a client's visibility stands for; a circle has no other followers than its members."""
    in_circle = await is_circle(context, me)
    word = visibility or (await defaults_of(context, me)).visibility
    if word not in _AUDIENCES:
        raise Unprocessable("Validation failed: Visibility is not included in the list")
    return "circle" if in_circle and word == "private" else _AUDIENCES[word]


async def mentioned_in(context: Context, text: str) -> list[Party]:
    """Those whom a text names and who are known here. Nobody is looked up: that is what a client searches for."""
    found: dict[str, Party] = {}
    for name, host in _MENTION.findall(text):
        party: Party | None
        if not host or host.lower() == context.origin.domain:
            party = await find_actor(context, name)
            party = party if party is not None and party.state == "active" else None
        else:
            stored = await load_by_handle(context, Handle(name, host.lower()))
            party = stored.actor if stored is not None else None
        if party is not None:
            found[party.id] = party
    return list(found.values())


async def _answered(context: Context, me: LocalActor, status_id: str | None) -> str | None:
    if not status_id:
        return None
    entry = await find_status(context, status_id, as_viewer(context, me))
    if entry is None:
        raise Missing
    return entry.post.content.uri
