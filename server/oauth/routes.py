"""Where programs register, exchange codes for tokens, and give tokens back (RFC 6749, 7009, 7636, 8414)."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from federation.context import Context
from federation.origin import Origin
from models import OAuthApp
from server.api.access import Visit, asks
from server.api.parameters import Given, given
from server.api.routing import ApiRoute
from server.assembly import Assembly
from server.oauth import apps, grants, tokens
from server.oauth.grants import Grant
from server.oauth.scopes import SCOPES, UnknownScope, is_within, parse_scopes
from server.push.keys import public_key

routes = APIRouter(route_class=ApiRoute)

_FRESH = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class NewApp(Given):
    """What a program says of itself."""

    client_name: str
    redirect_uris: list[str]
    scopes: str | None = None
    website: str | None = None

    def redirects(self) -> list[str]:
        """Each redirect by itself: they may come as a list, or a line each."""
        return [line.strip() for uri in self.redirect_uris for line in uri.splitlines() if line.strip()]


class Exchange(Given):
    """A request for a token."""

    grant_type: str
    client_id: str | None = None
    client_secret: str | None = None
    redirect_uri: str | None = None
    code: str | None = None
    code_verifier: str | None = None
    scope: str | None = None
    username: str | None = None
    password: str | None = None


class Returned(Given):
    """A token given back."""

    token: str
    client_id: str | None = None
    client_secret: str | None = None


class OAuthError(Exception):
    """RFC 6749 section 5.2."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.description, self.status = code, description, status

    def answer(self) -> JSONResponse:
        """As it is answered."""
        said = {"error": self.code, "error_description": self.description}
        return JSONResponse(said, status_code=self.status, headers=_FRESH)


@routes.post("/api/v1/apps")
async def create_app(request: Request, new: Annotated[NewApp, given(NewApp)]) -> dict[str, Any]:
    """Registers a program."""
    async with _assembly(request).federation.writing() as context:
        made = await apps.register(
            context, name=new.client_name, redirect_uris=new.redirects(), scopes=new.scopes, website=new.website
        )
        described = await _described(context, made.app)
    return described | {
        "client_id": made.app.id,
        "client_secret": made.secret,
        "client_secret_expires_at": 0,
    }


@routes.get("/api/v1/apps/verify_credentials")
async def verify_app(visit: Annotated[Visit, asks("read")]) -> dict[str, Any]:
    """The program that a token belongs to."""
    app = await visit.context.session.get_one(OAuthApp, visit.app)
    return await _described(visit.context, app)


@routes.post("/oauth/token")
async def create_token(request: Request, wanted: Annotated[Exchange, given(Exchange)]) -> Response:
    """A token for a code, or for a program by itself."""
    wanted = _with_basic(request, wanted)
    try:
        async with _assembly(request).federation.writing() as context:
            app = await _client(context, wanted.client_id, wanted.client_secret)
            if wanted.grant_type == "authorization_code":
                token, grant = await _for_code(context, app, wanted)
            elif wanted.grant_type == "client_credentials":
                grant = Grant(app=app.id, scopes=_scopes(app, wanted.scope))
                token = await tokens.issue(context, grant)
            else:
                raise OAuthError("unsupported_grant_type", "This server does not offer that way to a token.")
            created = int(context.now.timestamp())
    except _Spent as spent:
        async with _assembly(request).federation.writing() as context:
            await tokens.revoke_hash(context, spent.token)
        return _invalid_grant().answer()
    except OAuthError as error:
        return error.answer()
    said = {"access_token": token, "token_type": "Bearer", "scope": " ".join(grant.scopes), "created_at": created}
    return JSONResponse(said, headers=_FRESH)


@routes.post("/oauth/revoke")
async def revoke(request: Request, returned: Annotated[Returned, given(Returned)]) -> Response:
    """Ends a token of the program that asks; 200 whether there was one or not."""
    try:
        async with _assembly(request).federation.writing() as context:
            app = await _client(context, returned.client_id, returned.client_secret)
            await tokens.revoke(context, returned.token, app=app.id)
    except OAuthError as error:
        return error.answer()
    return JSONResponse({}, headers=_FRESH)


@routes.get("/.well-known/oauth-authorization-server")
async def metadata(request: Request) -> dict[str, Any]:
    """What this server offers (RFC 8414)."""
    return describe(_assembly(request).settings.origin)


def describe(origin: Origin) -> dict[str, Any]:
    """The document of RFC 8414."""
    return {
        "issuer": f"{origin}/",
        "authorization_endpoint": f"{origin}/oauth/authorize",
        "token_endpoint": f"{origin}/oauth/token",
        "revocation_endpoint": f"{origin}/oauth/revoke",
        "app_registration_endpoint": f"{origin}/api/v1/apps",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "service_documentation": f"{origin}/",
    }


class _Spent(Exception):
    """The code came before: whoever has its token may have stolen one of the two (RFC 6749 section 4.1.2)."""

    def __init__(self, token: bytes) -> None:
        super().__init__("spent")
        self.token = token


async def _client(context: Context, client_id: str | None, secret: str | None) -> OAuthApp:
    app = await apps.find_app(context, client_id)
    if app is None or not apps.has_secret(app, secret):
        raise OAuthError("invalid_client", "There is no such client, or its secret is another.", status=401)
    return app


async def _for_code(context: Context, app: OAuthApp, wanted: Exchange) -> tuple[str, Grant]:
    presented = await grants.present(context, wanted.code or "")
    if presented is None or presented.grant.app != app.id:
        raise _invalid_grant()
    if presented.spent_for is not None:
        raise _Spent(presented.spent_for)
    grant = presented.grant
    if grant.redirect_uri != wanted.redirect_uri or not grants.proves(grant.challenge, wanted.code_verifier):
        raise _invalid_grant()
    token = await tokens.issue(context, grant)
    await grants.spend(context, wanted.code or "", token=token)
    return token, grant


def _scopes(app: OAuthApp, text: str | None) -> tuple[str, ...]:
    try:
        scopes = parse_scopes(text)
    except UnknownScope as error:
        raise OAuthError("invalid_scope", str(error)) from error
    if not is_within(scopes, tuple(app.scopes.split())):
        raise OAuthError("invalid_scope", "The program did not register for that.")
    return scopes


def _invalid_grant() -> OAuthError:
    return OAuthError("invalid_grant", "The code is invalid, expired, or was meant for something else.")


def _with_basic(request: Request, wanted: Exchange) -> Exchange:
    """With the client's credentials from the Authorization header, where they are there (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return wanted
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return wanted
    return wanted.model_copy(update={"client_id": client_id, "client_secret": secret})


async def _described(context: Context, app: OAuthApp) -> dict[str, Any]:
    redirects = app.redirect_uris.split(" ")
    return {
        "id": app.id,
        "name": app.name,
        "website": app.website,
        "scopes": app.scopes.split(),
        "redirect_uri": "\n".join(redirects),
        "redirect_uris": redirects,
        "vapid_key": await public_key(context),
    }


def _assembly(request: Request) -> Assembly:
    assembly: Assembly = request.app.state.assembly
    return assembly
