"""Answers at the addresses that everybody knows: WebFinger, host-meta, NodeInfo. Open to pages of any origin."""

import json
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from federation import discovery, serving
from federation.discovery import BadResource, GoneResource, NodeInfoVersion, UnknownResource
from federation.runtime import Federation
from federation.vocabulary import Document

Endpoint = Callable[[Request], Awaitable[Response]]

_OPEN = {"Access-Control-Allow-Origin": "*"}
_FRESH = _OPEN | {"Cache-Control": "public, max-age=600"}


def endpoints(get_federation: Callable[[Request], Federation]) -> Mapping[str, Endpoint]:
    """Each path with its endpoint."""

    async def webfinger(request: Request) -> Response:
        federation = get_federation(request)
        resources = request.query_params.getlist("resource")
        if len(resources) != 1:
            return serving.error_response(400, "ask for one resource", _OPEN)
        try:
            async with federation.reading() as context:
                document = await discovery.webfinger(federation, context, resources[0])
        except BadResource as error:
            return serving.error_response(400, str(error), _OPEN)
        except UnknownResource as error:
            return serving.error_response(404, str(error), _OPEN)
        except GoneResource as error:
            return serving.error_response(410, str(error), _OPEN)
        return _document(document, discovery.JRD)

    async def host_meta(request: Request) -> Response:
        body = discovery.host_meta(get_federation(request).origin).encode()
        return Response(body, headers=_FRESH | {"Content-Type": discovery.XRD})

    async def node_info_links(request: Request) -> Response:
        return _document(discovery.node_info_links(get_federation(request).origin), "application/json")

    def node_info(version: NodeInfoVersion) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            told = get_federation(request).application.node_info()
            return _document(discovery.node_info(told, version), discovery.node_info_type(version))

        return endpoint

    return {
        "/.well-known/webfinger": webfinger,
        "/.well-known/host-meta": host_meta,
        "/.well-known/nodeinfo": node_info_links,
        **{f"/nodeinfo/{version}": node_info(version) for version in discovery.NODE_INFO_VERSIONS},
    }


def _document(document: Document, media_type: str) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, headers=_FRESH | {"Content-Type": media_type})
