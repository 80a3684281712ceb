"""Shows `groundswell check` what arrives here of a request that it sent through the proxy. Nobody else gets an answer.

A check opens it for two minutes with a token, of which the database has the hash. What is shown is the caller's own
request, and what the process is allowed by its machine.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from crypto.http_signatures import SignatureError, parse, verify
from crypto.keys import load_public_pem
from crypto.tokens import random_token, token_hash
from federation.context import Context
from federation.origin import INSTANCE_ID
from federation.routes import read_body
from federation.signatures import message_of
from models import LocalActor, ServerSetting
from server.assembly import Assembly
from server.checks.machine import memory_limit, open_files_limit
from server.version import VERSION

PATH = "/probe/{token}/{rest:path}"
LIFETIME = timedelta(minutes=2)

_SETTING = "probe"


async def open_probe(context: Context) -> str:
    """A fresh token; one from before is worth nothing any more."""
    token = random_token()
    until = (context.now + LIFETIME).isoformat()
    await context.session.merge(ServerSetting(name=_SETTING, value=f"{token_hash(token).hex()} {until}"))
    return token


async def close_probe(context: Context) -> None:
    """Ends it before its time."""
    row = await context.session.get(ServerSetting, _SETTING)
    if row is not None:
        await context.session.delete(row)


async def reflect(assembly: Assembly, request: Request) -> Response | None:
    """What arrived, None for whoever has no valid token. Reads no body before."""
    async with assembly.federation.reading() as context:
        if not await _is_open(context, request.path_params["token"]):
            return None
        actor = await context.session.get_one(LocalActor, INSTANCE_ID)
    try:
        body = await read_body(request)
    except (ClientDisconnect, TimeoutError):
        return None
    return JSONResponse(_seen(assembly, request, body, actor.public_key_pem), headers={"Cache-Control": "no-store"})


async def _is_open(context: Context, token: str) -> bool:
    row = await context.session.get(ServerSetting, _SETTING)
    if row is None:
        return False
    expected, _, until = row.value.partition(" ")
    is_it = hmac.compare_digest(expected, token_hash(token).hex())
    return is_it and context.now < datetime.fromisoformat(until)


def _seen(assembly: Assembly, request: Request, body: bytes | None, key: str) -> dict[str, Any]:
    origin = assembly.federation.origin
    message = message_of(request, origin, body or b"")
    try:
        verify(
            parse(message, now=assembly.federation.clock(), host=origin.domain, allow_http=origin.scheme == "http"),
            load_public_pem(key),
        )
        signature = "verified"
    except SignatureError as error:
        signature = str(error)
    return {
        "method": message.method,
        "target": message.target_uri.removeprefix(str(origin)),
        "host": [value for name, value in message.headers if name == "host"],
        "headers": sorted({name for name, _ in message.headers}),
        "sha256": None if body is None else hashlib.sha256(body).hexdigest(),
        "signature": signature,
        "version": VERSION,
        "open_files": open_files_limit(),
        "memory": memory_limit(),
    }
