"""Where programs register, exchange codes for tokens, and give tokens back (RFC 6749, 7009, 7636, 8414)."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from federation.context import Context
from models import OAuthApp
from server.api.access import Visit, asks
from server.api.parameters import Given, given
from server.api.routing import ApiRoute
from server.assembly import Assembly
from server.config import Settings
from server.oauth import apps, tokens
from server.oauth.exchanges import FRESH, Exchange, OAuthError, client_of, exchange, grant_types
from server.oauth.scopes import SCOPES
from server.push.keys import public_key

routes = APIRouter(route_class=ApiRoute)


class NewApp(Given):
    """What a program says of itself."""

    client_name: str
    redirect_uris: list[str]
    scopes: str | None = None
    website: str | None = None

    def redirects(self) -> list[str]:
        """Each redirect by itself: they may come as a list, or a line each."""
        return [line.strip() for uri in self.redirect_uris for line in uri.splitlines() if line.strip()]


class Returned(Given):
    """A token given back."""

    token: str
    client_id: str | None = None
    client_secret: str | None = None


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
    try:
        issued = await exchange(request, wanted)
    except OAuthError as error:
        return error.answer()
    said = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "scope": " ".join(issued.grant.scopes),
        "created_at": issued.created_at,
    }
    return JSONResponse(said, headers=FRESH)


@routes.post("/oauth/revoke")
async def revoke(request: Request, returned: Annotated[Returned, given(Returned)]) -> Response:
    """Ends a token of the program that asks; 200 whether there was one or not."""
    try:
        async with _assembly(request).federation.writing() as context:
            app = await client_of(context, returned.client_id, returned.client_secret)
            await tokens.revoke(context, returned.token, app=app.id)
    except OAuthError as error:
        return error.answer()
    return JSONResponse({}, headers=FRESH)


@routes.get("/.well-known/oauth-authorization-server")
async def metadata(request: Request) -> dict[str, Any]:
    """What this server offers (RFC 8414)."""
    return describe(_assembly(request).settings)


def describe(settings: Settings) -> dict[str, Any]:
    """The document of RFC 8414."""
    origin = settings.origin
    return {
        "issuer": f"{origin}/",
        "authorization_endpoint": f"{origin}/oauth/authorize",
        "token_endpoint": f"{origin}/oauth/token",
        "revocation_endpoint": f"{origin}/oauth/revoke",
        "app_registration_endpoint": f"{origin}/api/v1/apps",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grant_types(password=settings.password_grant),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "service_documentation": f"{origin}/",
    }


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
