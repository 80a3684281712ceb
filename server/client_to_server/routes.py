"""The outbox that takes, and the inbox that shows, for whoever's token speaks as the actor."""

import json
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from federation.serving import document_response
from federation.vocabulary import Document
from federation.vocabulary.collections import ordered_collection, ordered_collection_page, page_address
from server.api.access import Work, reads, writes
from server.api.errors import BadRequest, Missing
from server.api.routing import ApiRoute
from server.client_to_server.acts import perform
from server.client_to_server.inbox import shown_in_inbox
from server.organizing.posts.timelines import timeline_home
from server.organizing.window import Window

routes = APIRouter(route_class=ApiRoute)

_PATH = "/ap/actors/{actor_id}"
LARGEST = 1_048_576
"""Bytes of an activity."""


@routes.post(f"{_PATH}/outbox", status_code=201)
async def post_to_outbox(actor_id: str, request: Request, work: Annotated[Work, writes("write")]) -> Response:
    """Does what an activity asks for. A bare object is a Create of it (ActivityPub section 6.2.1).

    `Location` is the id of the activity, or, of an act that gets no address of its own, of what it was about.
    """
    _require_own(work, actor_id)
    location = await perform(work.context, work.me, _document(await request.body()))
    return Response(status_code=201, headers={"Location": location})


@routes.get(f"{_PATH}/inbox")
async def read_inbox(actor_id: str, work: Annotated[Work, reads("read")], cursor: str | None = None) -> Response:
    """What reached the actor's home timeline, as activities, newest first. Bodies as received are not kept."""
    _require_own(work, actor_id)
    address = work.context.origin.actor(work.me.id, "inbox")
    if cursor is None:
        return document_response(ordered_collection(id=address, first=page_address(address)), private=True)
    before = int(cursor) if cursor.isascii() and cursor.isdecimal() and len(cursor) < 19 else None
    page = await timeline_home(work.context, work.me, Window(before=before))
    following = page_address(address, str(page.before)) if page.before is not None else None
    items = await shown_in_inbox(work.context, page.entries)
    here = page_address(address, cursor)
    return document_response(
        ordered_collection_page(id=here, part_of=address, items=items, next=following), private=True
    )


def _require_own(work: Work, actor_id: str) -> None:
    if actor_id != work.me.id:
        raise Missing


def _document(body: bytes) -> Document:
    if len(body) > LARGEST:
        raise BadRequest("the activity is too big")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(document, dict):
        raise BadRequest("an activity is a JSON object")
    return document
