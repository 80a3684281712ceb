"""Everything of the protocol that this server answers. Shows nobody what the application would not show him."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from crypto.http_signatures import SignatureError
from federation import serving, well_known
from federation.context import NOBODY, Collection, Context, Gone, Viewer
from federation.inbox import ACCEPT_SIGNATURE, LARGEST_BODY, receive
from federation.origin import INSTANCE_ID, Origin
from federation.runtime import Federation
from federation.signatures import authenticate, message_of
from federation.synchronization import partial_collection
from federation.vocabulary import Document
from federation.vocabulary.builders import create
from federation.vocabulary.collections import (
    FIRST_CURSOR,
    collection,
    collection_page,
    ordered_collection,
    ordered_collection_page,
    page_address,
)
from federation.vocabulary.contexts import in_context
from models import LocalActor

GetFederation = Callable[[Request], Federation]
Endpoint = Callable[[Request], Awaitable[Response]]

COLLECTIONS = ("outbox", "followers", "following", "featured", "moderators", "members")
"""What an actor's document points to. The application says what each shows, and to whom."""

EMPTY_COLLECTIONS = ("events", "posts", "resources", "discussions", "todos")
"""What Mobilizon asks of a group. Always empty: what a movement plans is in none of them."""

PAGED = frozenset({"outbox"})
"""Collections whose items are only on their pages."""

DISCREET = frozenset({"followers", "following"})
"""Collections that are hidden, not empty, when they show no item (WIRE 4.4)."""

LARGEST_DROPPED = 4 * LARGEST_BODY
DROP_PATIENCE = 0.5
BODY_PATIENCE = 30.0
"""Seconds that a sender may take over a body."""

MAX_CURSOR = 200


def build_router(get_federation: GetFederation) -> APIRouter:
    """All routes, plain Starlette ones: an inbox answers thousands of requests a second."""
    routes = _Routes(get_federation)
    router = APIRouter()
    # First, since most requests are for them; some peers guess the second (PieFed).
    for path in ("/ap/inbox", "/inbox"):
        _post(router, path, routes.shared_inbox)
    for actor_path in ("/ap/actors/{id}", "/ap/instance"):
        _get(router, actor_path, routes.actor)
        _post(router, f"{actor_path}/inbox", routes.personal_inbox)
        _get(router, f"{actor_path}/followers_synchronization", routes.followers_synchronization)
        for name in (*COLLECTIONS, *EMPTY_COLLECTIONS):
            _get(router, f"{actor_path}/{name}", routes.collection(name))
    _get(router, "/ap/objects/{id}", routes.object)
    _get(router, "/ap/objects/{id}/activity", routes.create_activity)
    _get(router, "/ap/objects/{id}/replies", routes.replies)
    _get(router, "/ap/activities/{id}", routes.activity)
    for path, endpoint in well_known.endpoints(get_federation).items():
        _get(router, path, endpoint)
    return router


def _get(router: APIRouter, path: str, endpoint: Endpoint) -> None:
    router.add_route(path, _by_possible_ids(endpoint), methods=["GET"], include_in_schema=False)


def _post(router: APIRouter, path: str, endpoint: Endpoint) -> None:
    router.add_route(path, _by_possible_ids(endpoint), methods=["POST"], include_in_schema=False)


def _by_possible_ids(endpoint: Endpoint) -> Endpoint:
    """Answers 404 for an id that nothing can have, such as one with a NUL, which PostgreSQL does not take."""

    async def checked(request: Request) -> Response:
        return await endpoint(request) if _actor_id(request).isalnum() else serving.not_found()

    return checked


async def read_body(request: Request) -> bytes | None:
    """The raw body, or None when it is longer than an activity may be.

    Of one too long a little more is read and dropped, for half a second: a sender cut off at once would not see the
    answer. Raises `TimeoutError` when one that is not too long takes over half a minute.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 12 or int(declared) > LARGEST_DROPPED:
        return None
    is_too_long = int(declared) > LARGEST_BODY
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(DROP_PATIENCE if is_too_long else BODY_PATIENCE) as deadline:
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST_DROPPED:
                    return None
                if size <= LARGEST_BODY:
                    body += chunk
                elif not is_too_long:
                    is_too_long = True
                    deadline.reschedule(asyncio.get_running_loop().time() + DROP_PATIENCE)
    except TimeoutError:
        if not is_too_long:
            raise
    return None if is_too_long else bytes(body)


async def viewer_of(federation: Federation, request: Request) -> Viewer:
    """Who signed a GET; nobody when it is unsigned or its signature is not to be believed."""
    if "signature" not in request.headers:
        return NOBODY
    try:
        signer = await authenticate(federation, message_of(request, federation.origin, b""))
    except SignatureError:
        return NOBODY
    return Viewer(signer.actor.id, signer.host)


@dataclass(frozen=True, slots=True)
class _Routes:
    """The endpoints, over whatever `Federation` a request belongs to."""

    get_federation: GetFederation

    async def shared_inbox(self, request: Request) -> Response:
        """POST of an activity for whomever it concerns."""
        return await self._receive(request, None)

    async def personal_inbox(self, request: Request) -> Response:
        """POST of an activity for one actor, which makes it a recipient."""
        return await self._receive(request, _actor_id(request))

    async def actor(self, request: Request) -> Response:
        """The actor document: for everybody, without looking at a signature, or two servers would wait for another."""
        form = serving.preferred_form(request.headers.get("accept", ""))
        if form is None:
            return serving.not_acceptable()
        federation = self.get_federation(request)
        async with federation.reading() as context:
            actor = await _find_actor(context, _actor_id(request))
            if actor is None:
                return serving.not_found()
            if actor.state == "deleted":
                return serving.gone_response(_tombstone(federation.origin.actor(actor.id)))
            document = await federation.application.actor_document(context, actor)
        return _present(document, form, federation.origin)

    def collection(self, name: str) -> Endpoint:
        """The endpoint of one of an actor's collections."""

        async def endpoint(request: Request) -> Response:
            federation = self.get_federation(request)
            cursor = request.query_params.get("cursor")
            if cursor is not None and not 0 < len(cursor) <= MAX_CURSOR:
                return serving.not_found()
            viewer = await viewer_of(federation, request)
            async with federation.reading() as context:
                actor = await _find_actor(context, _actor_id(request))
                if actor is None:
                    return serving.not_found()
                address = federation.origin.actor(actor.id, name)
                if actor.state == "deleted":
                    return serving.gone_response(_tombstone(federation.origin.actor(actor.id)))
                if name in EMPTY_COLLECTIONS:
                    return serving.document_response(ordered_collection(id=address, items=[], total=0))
                found = await federation.application.collection(context, actor, name, viewer, _opaque(cursor))
            if found is None:
                return serving.not_found()
            document = _ordered(address, found, cursor, name)
            return serving.document_response(document, private=viewer != NOBODY)

        return endpoint

    async def followers_synchronization(self, request: Request) -> Response:
        """An actor's followers on the signer's own host, and no others (FEP-8fcf)."""
        federation = self.get_federation(request)
        viewer = await viewer_of(federation, request)
        async with federation.reading() as context:
            actor = await _find_actor(context, _actor_id(request))
            if actor is None or actor.state == "deleted":
                return serving.not_found()
            document = await partial_collection(context, actor, viewer)
        if document is None:
            return serving.error_response(401, "not authentic", {"Accept-Signature": ACCEPT_SIGNATURE})
        return serving.document_response(document, private=True)

    async def object(self, request: Request) -> Response:
        """A local object."""
        federation = self.get_federation(request)

        async def look_up(context: Context, viewer: Viewer) -> Document | None:
            return await federation.application.object_document(context, request.path_params["id"], viewer)

        return await self._show(federation, request, look_up)

    async def create_activity(self, request: Request) -> Response:
        """The Create of a local object."""
        federation = self.get_federation(request)
        address = federation.origin.object(request.path_params["id"], "activity")

        async def look_up(context: Context, viewer: Viewer) -> Document | None:
            document = await federation.application.object_document(context, request.path_params["id"], viewer)
            if document is None or not isinstance(document.get("attributedTo"), str):
                return None
            return create(id=address, actor=document["attributedTo"], object=document)

        return await self._show(federation, request, look_up)

    async def activity(self, request: Request) -> Response:
        """A local activity that has an id of its own."""
        federation = self.get_federation(request)

        async def look_up(context: Context, viewer: Viewer) -> Document | None:
            return await federation.application.activity_document(context, request.path_params["id"], viewer)

        return await self._show(federation, request, look_up)

    async def replies(self, request: Request) -> Response:
        """The visible public replies to a local object, by id."""
        federation = self.get_federation(request)
        address = federation.origin.object(request.path_params["id"], "replies")
        cursor = request.query_params.get("cursor")
        if cursor is not None and not 0 < len(cursor) <= MAX_CURSOR:
            return serving.not_found()

        async def look_up(context: Context, viewer: Viewer) -> Document | None:
            found = await federation.application.replies(context, request.path_params["id"], viewer, _opaque(cursor))
            return None if found is None else _replies(address, found, cursor)

        return await self._show(federation, request, look_up)

    async def _show(
        self,
        federation: Federation,
        request: Request,
        look_up: Callable[[Context, Viewer], Awaitable[Document | None]],
    ) -> Response:
        """Shows what everybody may see; only for the rest does it matter who signed."""
        form = serving.preferred_form(request.headers.get("accept", ""))
        if form is None:
            return serving.not_acceptable()
        viewer = NOBODY
        try:
            async with federation.reading() as context:
                document = await look_up(context, NOBODY)
            if document is None:
                viewer = await viewer_of(federation, request)
            if document is None and viewer != NOBODY:
                async with federation.reading() as context:
                    document = await look_up(context, viewer)
        except Gone as gone:
            return serving.gone_response(gone.tombstone)
        if document is None:
            return serving.not_found()
        return _present(document, form, federation.origin, private=viewer != NOBODY)

    async def _receive(self, request: Request, recipient_id: str | None) -> Response:
        try:
            body = await read_body(request)
        except ClientDisconnect:
            return serving.error_response(400, "the request was broken off")
        except TimeoutError:
            return serving.error_response(408, "too slow", {"Connection": "close"})
        if body is None:
            return serving.error_response(413, "the activity is too big", {"Connection": "close"})
        federation = self.get_federation(request)
        reply = await receive(federation, message_of(request, federation.origin, body), recipient_id=recipient_id)
        if reply.error is None:
            return Response(status_code=reply.status)
        return serving.error_response(reply.status, reply.error, reply.headers)


async def _find_actor(context: Context, actor_id: str) -> LocalActor | None:
    return await context.session.get(LocalActor, actor_id)


def _actor_id(request: Request) -> str:
    return str(request.path_params.get("id", INSTANCE_ID))


def _opaque(cursor: str | None) -> str | None:
    return None if cursor == FIRST_CURSOR else cursor


def _present(document: Document, form: serving.Form, origin: Origin, *, private: bool = False) -> Response:
    page = document.get("url")
    if form == "page" and isinstance(page, str) and origin.owns(page) and page != document.get("id"):
        return serving.page_response(page, private=private)
    return serving.document_response(document, private=private)


def _tombstone(identifier: str) -> Document:
    return in_context({"id": identifier, "type": "Tombstone"})


def _ordered(address: str, found: Collection, cursor: str | None, name: str) -> Document:
    following = None if found.next_cursor is None else page_address(address, found.next_cursor)
    if cursor is not None:
        here = page_address(address, cursor)
        return ordered_collection_page(id=here, part_of=address, items=found.items, next=following)
    if name in PAGED or following is not None:
        first = page_address(address, FIRST_CURSOR) if found.items else None
        return ordered_collection(id=address, total=found.total, first=first)
    hidden = name in DISCREET and not found.items
    return ordered_collection(id=address, items=None if hidden else found.items, total=found.total)


def _replies(address: str, found: Collection, cursor: str | None) -> Document:
    here = page_address(address, cursor or FIRST_CURSOR)
    following = None if found.next_cursor is None else page_address(address, found.next_cursor)
    page = collection_page(id=here, part_of=address, items=found.items, next=following)
    if cursor is not None:
        return page
    # The first page comes with it: Mastodon looks at what is inline before it fetches.
    return {**collection(id=address, total=found.total), "first": {k: v for k, v in page.items() if k != "@context"}}
