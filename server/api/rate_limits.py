"""So many requests in five minutes for a token, or without one for a network; told in Mastodon's headers."""

from datetime import UTC, datetime, timedelta

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.throttling import Spent, Throttle, allowance, network_of

LIMITED = ("/api/", "/oauth/token", "/oauth/revoke")
PERIOD = 300
"""Seconds."""

NETWORK_FACTOR = 5
"""How much more one network may do than one token: many people can share it."""


class RateLimits:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, throttle: Throttle, limit: int) -> None:
        self.app, self.throttle = app, throttle
        self.per_token, self.per_network = allowance(limit, PERIOD), allowance(limit * NETWORK_FACTOR, PERIOD)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 429 when nothing is left, and says on every answer what is."""
        if scope["type"] != "http" or not scope["path"].startswith(LIMITED) or scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        network = await self.throttle.spend(self.per_network, "api network", network_of(connection))
        token = connection.headers.get("authorization")
        spent = await self.throttle.spend(self.per_token, "api token", token) if token else network
        if not network.allowed:  # inventing tokens gains nothing
            spent = network
        headers = _headers(spent)
        if not spent.allowed:
            refused = JSONResponse({"error": "Too many requests"}, status_code=429, headers=headers)
            await refused(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _headers(spent: Spent) -> dict[str, str]:
    reset = datetime.now(UTC) + timedelta(seconds=spent.seconds)
    headers = {
        "X-RateLimit-Limit": str(spent.limit),
        "X-RateLimit-Remaining": str(spent.remaining),
        "X-RateLimit-Reset": reset.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return headers if spent.allowed else headers | {"Retry-After": str(max(1, spent.seconds))}
