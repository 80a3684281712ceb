"""A client's words for a post, in ours. Never widens an audience."""

import asyncio
import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request
from pydantic import BeforeValidator, Field

from federation.context import Context
from federation.fetch_errors import FetchFailed
from federation.remote import look_up
from federation.runtime import Federation
from federation.vocabulary.documents import moment_of
from models import LocalActor, Post
from server.api.errors import Missing, Unprocessable
from server.api.parameters import Given, Reader
from server.assembly import Assembly
from server.mastodon.ids import find_status
from server.organizing.movements.queries import is_circle
from server.organizing.personal.defaults import defaults_of
from server.organizing.posts import drafts
from server.organizing.posts.people_named import unknown_in
from server.organizing.posts.scheduled import Draft, Scheduled
from server.organizing.posts.sight import as_viewer

MOST_LOOKED_UP = 10
"""People of other servers who are looked up for one post; others stay text unless they are known."""

LOOKING_UP = 5.0
"""Seconds that all of it may take."""

_AUDIENCES = {"public": "public", "unlisted": "unlisted", "private": "supporters", "direct": "direct"}
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_NOTHING = ("", None)


def _empty(value: Any) -> Any:
    """Clients send an empty text for what was not filled in."""
    return None if value in _NOTHING else value


Text = Annotated[str | None, BeforeValidator(_empty)]


class NewPoll(Given):
    """A poll to be asked; `expires_in` is in seconds."""

    options: list[str]
    expires_in: Annotated[int, Field(ge=0, le=10**9)]
    multiple: bool = False
    hide_totals: bool = False


class Written(Given):
    """What a text is about to say, and to whom, as far as it decides who is looked up."""

    status: str | None = None
    visibility: Text = None


class NewStatus(Written):
    """What `POST /api/v1/statuses` takes."""

    media_ids: list[str] = []
    poll: Annotated[NewPoll | None, BeforeValidator(_empty)] = None
    in_reply_to_id: Text = None
    sensitive: bool | None = None
    spoiler_text: Text = None
    language: Text = None
    scheduled_at: Text = None


class EditedStatus(Given):
    """What `PUT /api/v1/statuses/:id` takes; what is left out stays as it is."""

    status: str | None = None
    media_ids: list[str] | None = None
    poll: Annotated[NewPoll | None, BeforeValidator(_empty)] = None
    sensitive: bool | None = None
    spoiler_text: str | None = None
    language: Text = None


async def know_those_named(request: Request, assembly: Assembly, me: LocalActor) -> None:
    """Looks up whom a text names and nobody here knows. To be done before the unit of work.

    What goes to a circle names nobody, and nobody is asked on its account.
    """
    written = await Reader(Written)(request)
    if not isinstance(written, Written) or not written.status:
        return
    async with assembly.federation.reading() as context:
        if await audience_of(context, me, written.visibility) == "circle":
            return
        unknown = await unknown_in(context, written.status)
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOKING_UP):
            await asyncio.gather(*(_ask(assembly.federation, handle) for handle in unknown[:MOST_LOOKED_UP]))


async def compose(context: Context, me: LocalActor, new: NewStatus) -> Post | Scheduled:
    """Publishes what a client wrote, or keeps it until the time it says.

    Raises `Missing`, `Unprocessable` or `Refused`, having changed nothing.
    """
    due = moment(new.scheduled_at)
    draft = await _draft(context, me, new)
    if due is None:
        return await drafts.publish(context, me, draft)
    return await drafts.schedule(context, me, draft, due)


async def audience_of(context: Context, me: LocalActor, visibility: str | None) -> str:
    """The audience that a client's visibility stands for; a circle has no other followers than its members."""
    in_circle = await is_circle(context, me)
    word = visibility or (await defaults_of(context, me)).visibility
    if word not in _AUDIENCES:
        raise Unprocessable("Validation failed: Visibility is not included in the list")
    return "circle" if in_circle and word == "private" else _AUDIENCES[word]


def language_of(tag: str | None) -> str | None:
    """The language that a client names. Raises `Unprocessable` for what is no tag of one."""
    if tag is not None and not _LANGUAGE.fullmatch(tag):
        raise Unprocessable("Validation failed: Language is not a language tag")
    return tag.replace("_", "-") if tag else None


def moment(text: str | None) -> datetime | None:
    """The time that a client names. Raises `Unprocessable`, in Mastodon's words, for what is none."""
    if text is None:
        return None
    found = moment_of(text)
    if found is None:
        raise Unprocessable("Record invalid")
    return found


async def _draft(context: Context, me: LocalActor, new: NewStatus) -> Draft:
    poll = new.poll or NewPoll(options=[], expires_in=0)
    defaults = await defaults_of(context, me)
    return Draft(
        text=new.status or "",
        audience=await audience_of(context, me, new.visibility),
        reply_to=await _answered(context, me, new.in_reply_to_id),
        content_warning=new.spoiler_text,
        sensitive=defaults.sensitive if new.sensitive is None else new.sensitive,
        language=language_of(new.language or defaults.language),
        media=tuple(new.media_ids),
        poll_options=tuple(poll.options),
        poll_lasts=poll.expires_in,
        poll_multiple=poll.multiple,
        poll_hides_totals=poll.hide_totals,
    )


async def _answered(context: Context, me: LocalActor, status_id: str | None) -> str | None:
    if status_id is None:
        return None
    entry = await find_status(context, status_id, as_viewer(context, me))
    if entry is None:
        raise Missing
    return entry.post.id


async def _ask(federation: Federation, handle: str) -> None:
    with suppress(FetchFailed):  # it stays text
        await look_up(federation, handle)
