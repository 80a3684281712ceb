"""Measures how long answers take, by class of route. Looks at nothing else of a request, and keeps none of it."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.operations.metrics import Metrics

INBOX, ACTOR, OBJECT, DISCOVERY, OPERATIONS, STATIC, PAGE = (
    "inbox",
    "actor",
    "object",
    "discovery",
    "operations",
    "static",
    "page",
)

_FIRST = {
    "inbox": INBOX,
    ".well-known": DISCOVERY,
    "nodeinfo": DISCOVERY,
    "static": STATIC,
    "healthz": OPERATIONS,
    "readyz": OPERATIONS,
    "metrics": OPERATIONS,
    "probe": OPERATIONS,
}
_SECOND = {"inbox": INBOX, "actors": ACTOR, "instance": ACTOR, "objects": OBJECT, "activities": OBJECT}


def route_class(path: str) -> str:
    """One of seven words for any path whatever."""
    first, _, rest = path.lstrip("/").partition("/")
    if first != "ap":
        return _FIRST.get(first, PAGE)
    if path.endswith("/inbox"):
        return INBOX
    return _SECOND.get(rest.partition("/")[0], PAGE)


class Timing:
    """An ASGI middleware around everything. A handler that raises counts as 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and counts it when it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._metrics.observe(route_class(scope["path"]), status, time.perf_counter() - began)
