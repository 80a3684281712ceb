"""Tokens for codes, for programs by themselves and, where the operator allows it, for passphrases (RFC 6749)."""

import base64
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import JSONResponse

from federation.context import Context
from models import OAuthApp
from server.api.parameters import Given
from server.assembly import Assembly
from server.oauth import apps, grants, tokens
from server.oauth.grants import Grant
from server.oauth.scopes import UnknownScope, is_within, parse_scopes
from server.oauth.signing_in import NotSignedIn, sign_in

FRESH = {"Cache-Control": "no-store", "Pragma": "no-cache"}


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


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token, for what it is, and when it was made (seconds since 1970)."""

    token: str
    grant: Grant
    created_at: int


class OAuthError(Exception):
    """RFC 6749 section 5.2."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.description, self.status = code, description, status

    def answer(self) -> JSONResponse:
        """As it is answered."""
        said = {"error": self.code, "error_description": self.description}
        return JSONResponse(said, status_code=self.status, headers=FRESH)


class _Spent(Exception):
    """The code came before: whoever has its token may have stolen one of the two (RFC 6749 section 4.1.2)."""

    def __init__(self, token: bytes) -> None:
        super().__init__("spent")
        self.token = token


async def exchange(request: Request, wanted: Exchange) -> Issued:
    """The token that is asked for. Raises `OAuthError`, having changed nothing but what a reused code ends."""
    assembly: Assembly = request.app.state.assembly
    wanted = _with_basic(request, wanted)
    person = None
    if wanted.grant_type == "password" and assembly.settings.password_grant:
        async with assembly.federation.reading() as context:
            await client_of(context, wanted.client_id, wanted.client_secret)
        person = await _person(request, wanted)
    try:
        async with assembly.federation.writing() as context:
            app = await client_of(context, wanted.client_id, wanted.client_secret)
            token, grant = await _issue(context, app, wanted, person)
            return Issued(token, grant, int(context.now.timestamp()))
    except _Spent as spent:
        async with assembly.federation.writing() as context:
            await tokens.revoke_hash(context, spent.token)
        raise _invalid_grant() from spent


async def client_of(context: Context, client_id: str | None, secret: str | None) -> OAuthApp:
    """The program that asks. Raises `OAuthError` unless its secret is right."""
    app = await apps.find_app(context, client_id)
    if app is None or not apps.has_secret(app, secret):
        raise OAuthError("invalid_client", "There is no such client, or its secret is another.", status=401)
    return app


def grant_types(*, password: bool) -> list[str]:
    """The ways to a token that this server offers."""
    return ["authorization_code", "client_credentials", *(["password"] if password else [])]


async def _issue(context: Context, app: OAuthApp, wanted: Exchange, person: str | None) -> tuple[str, Grant]:
    if wanted.grant_type == "authorization_code":
        return await _for_code(context, app, wanted)
    if wanted.grant_type == "client_credentials" or person is not None:
        grant = Grant(app=app.id, scopes=_scopes(app, wanted.scope), person=person, speaker=person)
        return await tokens.issue(context, grant), grant
    raise OAuthError("unsupported_grant_type", "This server does not offer that way to a token.")


async def _person(request: Request, wanted: Exchange) -> str:
    try:
        return await sign_in(request, handle=wanted.username or "", passphrase=wanted.password or "")
    except NotSignedIn as error:
        raise OAuthError("invalid_grant", str(error), status=400 if error.status == 422 else error.status) from error


async def _for_code(context: Context, app: OAuthApp, wanted: Exchange) -> tuple[str, Grant]:
    presented = await grants.present(context, wanted.code or "")
    if presented is None or presented.grant.app != app.id or presented.grant.speaker is None:
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
