"""`/healthz`, `/readyz` and `/metrics` for this machine alone, and the probe of `check`. To all others: not found."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, HTTPException
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.assembly import Assembly
from server.operations import reflection
from server.operations.callers import is_local
from server.operations.metrics import Metrics
from server.operations.readiness import is_ready, readiness
from server.version import VERSION
from server.worker import Worker

Endpoint = Callable[[Request], Awaitable[Response]]

PATHS = ("/healthz", "/readyz", "/metrics")
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""All of them, lest a refused method tell others that something is there."""

_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Operations:
    """The endpoints, over the running whole."""

    assembly_of: Callable[[Request], Assembly]
    worker_of: Callable[[Request], Worker | None]
    metrics: Metrics

    def router(self) -> APIRouter:
        """All routes."""
        router = APIRouter()
        endpoints: tuple[Endpoint, ...] = (self.healthz, self.readyz, self.numbers)
        for path, endpoint in zip(PATHS, endpoints, strict=True):
            router.add_route(path, _for_this_machine(endpoint), methods=METHODS, include_in_schema=False)
        router.add_route(reflection.PATH, self.probe, methods=METHODS, include_in_schema=False)
        return router

    async def healthz(self, request: Request) -> Response:
        """The process answers; nothing else is asked."""
        return Response("ok\n", media_type="text/plain", headers=_FRESH)

    async def readyz(self, request: Request) -> Response:
        """200 when everything is well that the work needs, else 503; both say what each part says."""
        parts = await readiness(self.assembly_of(request), self.worker_of(request))
        ready = is_ready(parts)
        return JSONResponse({"ready": ready, **parts}, status_code=200 if ready else 503, headers=_FRESH)

    async def numbers(self, request: Request) -> Response:
        """Prometheus' text form; 503 while the database does not answer."""
        try:
            async with asyncio.timeout(10):
                text = await self.metrics.text(self.assembly_of(request), self.worker_of(request))
        except Exception as error:  # whatever it is: its class is all that may be told
            return Response(f"{type(error).__name__}\n", status_code=503, media_type="text/plain", headers=_FRESH)
        return Response(text, headers={**_FRESH, "Content-Type": CONTENT_TYPE_LATEST})

    async def probe(self, request: Request) -> Response:
        """What arrived of a request by `groundswell check`."""
        answer = await reflection.reflect(self.assembly_of(request), request) if request.method == "POST" else None
        if answer is None:
            raise HTTPException(404)
        return answer


def application(assembly: Assembly, worker: Worker) -> FastAPI:
    """These addresses and no others, for a process that answers nothing else."""
    app = FastAPI(title="Groundswell", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(Operations(lambda _: assembly, lambda _: worker, Metrics()).router())
    return app


def _for_this_machine(endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        if not is_local(request):
            raise HTTPException(404)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        return await endpoint(request)

    return checked
