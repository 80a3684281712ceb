"""Where programs listen: one WebSocket for many streams, or a response without end for one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio
from fastapi import APIRouter, Request, WebSocket
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.websockets import WebSocketDisconnect, WebSocketState

from models import LocalActor
from server.api.access import OUTSIDE_SCOPE, bearer_of
from server.api.errors import ApiError, Forbidden, Missing, TooMany, Unauthorized, Unprocessable
from server.api.routing import router
from server.mastodon.streaming.connections import MOST_STREAMS, Connection, Full, Message
from server.mastodon.streaming.hub import Hub
from server.mastodon.streaming.lists import owns_list
from server.mastodon.streaming.streams import Stream, UnknownStream, may_listen, stream_of
from server.oauth import tokens
from server.oauth.tokens import Caller
from server.throttling import allowance, network_of

routes: APIRouter = router()

CONNECTS = allowance(300, 300)
"""Connections that one network may open, in so many seconds."""

HEARTBEAT = 15
"""Seconds between two signs of life."""

SLOWEST = 30
"""Seconds that one message may take to be read."""

LONGEST_WORD = 4_096
"""Characters that a program may say at a time."""

_ENOUGH = TooMany("Too many connections")
_LINE = "\n"
"""How lines end: with more, Mastodon.py takes the end of an event for one of its lines."""
_THUMP = ServerSentEvent(comment="thump", sep=_LINE)


@routes.get("/api/v1/streaming/health", include_in_schema=False)
async def health() -> Response:
    """Says that there is somebody to listen to."""
    return PlainTextResponse("OK")


@routes.get("/api/v1/streaming/{name:path}", include_in_schema=False)
async def listen(name: str, request: Request) -> Response:
    """One stream as server-sent events."""
    hub, query = _hub(request), request.query_params
    caller, me = await _admitted(request, _token(request))
    stream = await _opened(hub, caller, name.replace("/", ":"), query.get("tag"), query.get("list"))
    try:
        hub.connections.require_room(caller)
    except Full as full:
        raise _ENOUGH from full

    shutdown = anyio.Event()

    async def told() -> AsyncIterator[ServerSentEvent]:
        with hub.connections.opened(caller, me) as connection:
            connection.streams.add(stream)
            ending = asyncio.create_task(_close_at(shutdown, connection))
            try:
                yield _THUMP
                while (message := await connection.next()) is not None:
                    yield ServerSentEvent(event=message.event, data=message.payload or "", sep=_LINE)
            finally:
                ending.cancel()

    return EventSourceResponse(
        told(),
        sep=_LINE,
        ping=HEARTBEAT,
        ping_message_factory=lambda: _THUMP,
        send_timeout=SLOWEST,
        shutdown_event=shutdown,
        shutdown_grace_period=1,
        headers={"Cache-Control": "no-store"},
    )


@routes.websocket("/api/v1/streaming")
@routes.websocket("/api/v1/streaming/")
async def talk(socket: WebSocket) -> None:
    """Many streams over one WebSocket. The token may come as a protocol, which is then the answered one."""
    protocols = [word.strip() for word in socket.headers.get("sec-websocket-protocol", "").split(",") if word.strip()]
    hub, query = _hub(socket), socket.query_params
    try:
        caller, me = await _admitted(socket, _token(socket) or next(iter(protocols), None))
        first = query.get("stream")
        stream = await _opened(hub, caller, first, query.get("tag"), query.get("list")) if first else None
        with hub.connections.opened(caller, me) as connection:
            if stream is not None:
                connection.streams.add(stream)
            await socket.accept(subprotocol=protocols[0] if protocols else None)
            await _talk(socket, hub, connection)
    except (ApiError, Full) as error:
        known = error if isinstance(error, ApiError) else _ENOUGH
        await socket.send_denial_response(JSONResponse({"error": known.error}, known.status))


async def _close_at(shutdown: anyio.Event, connection: Connection) -> None:
    """Ends a response in order when the server stops."""
    await shutdown.wait()
    connection.close()


async def _talk(socket: WebSocket, hub: Hub, connection: Connection) -> None:
    """Until either side has had enough."""
    doing = [
        asyncio.create_task(_say(socket, connection)),
        asyncio.create_task(_obey(socket, hub, connection)),
        asyncio.create_task(connection.ended()),
    ]
    try:
        await asyncio.wait(doing, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in doing:
            task.cancel()
        await asyncio.gather(*doing, return_exceptions=True)
    if socket.application_state is WebSocketState.CONNECTED:
        with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(1):
                await socket.close(1008)


async def _say(socket: WebSocket, connection: Connection) -> None:
    while (message := await connection.next()) is not None:
        await socket.send_text(_packed(message))


async def _obey(socket: WebSocket, hub: Hub, connection: Connection) -> None:
    """Subscribes and unsubscribes as the program says; what it says otherwise is answered by an error."""
    while True:
        try:
            wish = _wish(await socket.receive_text())
            stream = await _opened(hub, connection.caller, wish.get("stream"), wish.get("tag"), wish.get("list"))
        except (WebSocketDisconnect, KeyError):
            return
        except ApiError as error:
            await socket.send_text(json.dumps({"error": error.error, "status": error.status}))
            continue
        if wish.get("type") == "unsubscribe":
            connection.streams.discard(stream)
        elif len(connection.streams) < MOST_STREAMS:
            connection.streams.add(stream)
        else:
            await socket.send_text(json.dumps({"error": "Too many streams", "status": 429}))


def _wish(text: str) -> dict[str, Any]:
    """What a program wants. Raises `Unprocessable`."""
    try:
        wish = json.loads(text) if len(text) <= LONGEST_WORD else None
    except (ValueError, RecursionError):
        wish = None
    if not isinstance(wish, dict) or wish.get("type") not in ("subscribe", "unsubscribe"):
        raise Unprocessable("Unknown request")
    return wish


async def _admitted(connection: HTTPConnection, token: str | None) -> tuple[Caller, LocalActor]:
    """Whose token it is, and as whom. Raises `Unauthorized`; `TooMany` for a network that connects again and again."""
    spent = await connection.app.state.throttle.spend(CONNECTS, "streaming network", network_of(connection))
    if not spent.allowed:
        raise TooMany("Too many requests")
    if not token:
        raise Unauthorized("Missing access token")
    async with _hub(connection).database.reading() as context:
        caller = await tokens.recognise(context, token)
    if caller is None or caller.speaker is None:
        raise Unauthorized
    return caller, caller.speaker


async def _opened(hub: Hub, caller: Caller, name: object, tag: object, list_id: object) -> Stream:
    """The stream, which the caller may listen to. Raises `Unprocessable`, `Forbidden` or `Missing`."""
    given = {"tag": tag if isinstance(tag, str) else None, "list_id": list_id if isinstance(list_id, str) else None}
    try:
        stream = stream_of(name if isinstance(name, str) else "", **given)
    except UnknownStream as error:
        raise Unprocessable(str(error)) from error
    if not may_listen(stream, caller.scopes):
        raise Forbidden(OUTSIDE_SCOPE)
    if stream.name == "list" and caller.speaker is not None:
        async with hub.database.reading() as context:
            if not await owns_list(context, caller.speaker, stream.about or ""):
                raise Missing
    return stream


def _packed(message: Message) -> str:
    told: dict[str, Any] = {"stream": message.stream.wire, "event": message.event}
    return json.dumps(told if message.payload is None else told | {"payload": message.payload}, ensure_ascii=False)


def _token(connection: HTTPConnection) -> str | None:
    return bearer_of(connection) or connection.query_params.get("access_token") or None


def _hub(connection: HTTPConnection) -> Hub:
    hub: Hub = connection.app.state.hub
    return hub
