"""Shows pictures to whoever holds their address: those uploaded here, and others' through this server.

Never serves a document: no address here answers with ActivityPub, whatever is asked for.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from crypto.sealing import CannotOpen
from server.assembly import Assembly
from server.organizing.media import records
from server.organizing.media.files import FOLDER, MediaFiles
from server.organizing.media.proxied import Proxy, original_address
from server.organizing.media.records import VERSIONS

routes = APIRouter(include_in_schema=False)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Content-Disposition": "inline",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}
_FOR_ALL = "public, max-age=31536000, immutable"
_FOR_ONE = "private, no-store"


@routes.get("/media/proxy/{number}/{place}/{tag}")
async def proxied(request: Request, number: int, place: int, tag: str) -> Response:
    """A picture of another server."""
    async with _assembly(request).federation.reading() as context:
        url = await original_address(context, number=number, place=place, tag=tag) if number < 2**63 else None
    proxy: Proxy = request.app.state.proxy
    picture = await proxy.picture(_assembly(request).federation, url) if url is not None else None
    if picture is None:
        raise HTTPException(404)
    headers = _HEADERS | {"Cache-Control": "private, max-age=3600"}
    return Response(picture.original, media_type=picture.media_type, headers=headers)


@routes.get("/media/{medium_id}/{version}")
async def uploaded(request: Request, medium_id: str, version: str) -> Response:
    """A picture of this server, in one of its sizes."""
    assembly = _assembly(request)
    async with assembly.federation.reading() as context:
        record = await records.find(context, medium_id) if version in VERSIONS else None
    if record is None:
        raise HTTPException(404)
    try:
        content = await MediaFiles(assembly.settings.data_dir / FOLDER).read(record, version)
    except (OSError, CannotOpen) as error:
        raise HTTPException(404) from error
    headers = _HEADERS | {"Cache-Control": _FOR_ALL if record.is_open else _FOR_ONE}
    return Response(content, media_type=record.media_type, headers=headers)


def _assembly(request: Request) -> Assembly:
    assembly: Assembly = request.app.state.assembly
    return assembly
