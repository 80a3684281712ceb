"""create_app(): mounts routers, nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from federation.routes import build_router
from server.api import errors
from server.api.cross_origin import CrossOrigin
from server.api.rate_limits import RateLimits
from server.assembly import Assembly, assemble
from server.client_to_server import routes as client_to_server
from server.config import Settings
from server.custody.opening import Held
from server.mastodon import routes as mastodon
from server.mastodon.streaming.hub import streaming
from server.oauth import authorize, programs
from server.oauth import routes as oauth
from server.operations.metrics import Metrics
from server.operations.routes import Operations
from server.operations.timing import Timing
from server.organizing.media.proxied import Proxy
from server.running import working
from server.throttling import Throttle
from server.version import VERSION
from server.web import media, pages, problems
from server.worker import Worker


def create_app(settings: Settings, *, works: bool = True, held: Held | None = None) -> FastAPI:
    """The whole server as one ASGI application; opens what it needs at start and closes it at the end.

    With `works=False` it answers requests and leaves everything else to workers in other processes. `held` is the root
    key, where this process has read it already.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            assemble(settings, held=held) as assembly,
            streaming(assembly) as hub,
            working(assembly) if works else nullcontext() as worker,
        ):
            app.state.assembly, app.state.hub, app.state.worker = assembly, hub, worker
            yield

    app = FastAPI(
        title="Groundswell", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )

    app.state.metrics = metrics = Metrics()
    app.state.proxy = Proxy()
    app.state.throttle = throttle = Throttle()
    app.add_middleware(RateLimits, throttle=throttle, limit=settings.api_limit)
    app.add_middleware(CrossOrigin)
    app.add_middleware(Timing, metrics=metrics)
    app.include_router(build_router(lambda request: _assembly_of(request).federation))
    app.include_router(Operations(_assembly_of, _worker_of, metrics).router())
    for router in (oauth.routes, authorize.routes, programs.routes, client_to_server.routes, mastodon.build_router()):
        app.include_router(router)
    app.include_router(media.routes)
    app.include_router(pages.build_router(_assembly_of))
    app.add_exception_handler(HTTPException, _problem)
    for known in errors.KNOWN:
        app.add_exception_handler(known, errors.tell)
    return app


def _assembly_of(request: Request) -> Assembly:
    assembly: Assembly = request.app.state.assembly
    return assembly


def _worker_of(request: Request) -> Worker | None:
    worker: Worker | None = request.app.state.worker
    return worker


async def _problem(request: Request, error: Exception) -> Response:
    """An error in the form its caller expects: a page for browsers, JSON for everyone else."""
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this type only)
    if "text/html" in request.headers.get("accept", ""):
        return problems.page(error.status_code, str(error.detail))
    return JSONResponse({"error": str(error.detail)}, status_code=error.status_code, headers=error.headers)
