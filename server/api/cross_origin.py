"""Lets web clients of other origins call what is meant for programs, and nothing else (CORS)."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = ("/api/", "/oauth/token", "/oauth/revoke", "/.well-known/", "/nodeinfo/")
"""Where these addresses begin. Nothing there is answered by a cookie: a token must be sent."""

EXPOSED = ("Link", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After")


class CrossOrigin:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.open = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
            expose_headers=EXPOSED,
            max_age=86_400,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers preflights of open addresses, and lets the rest through."""
        is_open = scope["type"] == "http" and scope["path"].startswith(OPEN)
        await (self.open if is_open else self.app)(scope, receive, send)
