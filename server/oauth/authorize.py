"""The page on which a person lets a program in, as themselves or as a movement they organize. Works without scripts.

Two steps: who are you, and may it. No cookie is set: what joins the steps is a ticket in the page, good once.
"""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from federation.context import Context
from models import LocalActor, OAuthApp
from server.assembly import Assembly
from server.oauth import apps, grants
from server.oauth.apps import OUT_OF_BAND
from server.oauth.grants import Grant
from server.oauth.identities import Identity, identities_of
from server.oauth.scopes import UnknownScope, is_within, parse_scopes
from server.oauth.signing_in import NotSignedIn, sign_in
from server.oauth.words import permissions
from server.organizing.people.sign_in import person_of
from server.web.rendering import render

routes = APIRouter(default_response_class=Response, include_in_schema=False)

_PAGE = "authorize.html"
_EXPIRED = "This page is too old, or was used already. Begin again in your program."


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that may be shown to somebody: a known program, at a redirect of its own."""

    app: OAuthApp
    grant: Grant

    @property
    def shown(self) -> dict[str, Any]:
        """What every step of the page shows."""
        site = urlsplit(self.app.website or "").hostname
        return {"program": self.app.name, "site": site, "permissions": permissions(self.grant.scopes)}


class _Unusable(Exception):
    """What cannot be answered by going back to the program: there is none, or that address is not its own."""


class _Sent(Exception):
    """What the program is told instead (RFC 6749 section 4.1.2.1)."""

    def __init__(self, grant: Grant, error: str) -> None:
        super().__init__(error)
        self.grant, self.error = grant, error


@routes.get("/oauth/authorize")
@routes.get("/oauth/authorize/")
async def ask(request: Request) -> Response:
    """The first step: who are you."""
    try:
        async with _assembly(request).federation.reading() as context:
            asked = await _asked(context, dict(request.query_params))
    except _Unusable as problem:
        return _problem(str(problem))
    except _Sent as sent:
        return _back(sent.grant, error=sent.error)
    return _sign_in(asked, dict(request.query_params))


@routes.post("/oauth/authorize")
@routes.post("/oauth/authorize/")
async def decide(
    request: Request,
    handle: Annotated[str, Form()] = "",
    passphrase: Annotated[str, Form()] = "",
    ticket: Annotated[str, Form()] = "",
    identity: Annotated[str, Form()] = "",
    decision: Annotated[str, Form()] = "",
) -> Response:
    """Either step, as its form says."""
    if ticket:
        return await _decided(_assembly(request), ticket, identity, decision)
    return await _signed_in(request, handle, passphrase)


async def _signed_in(request: Request, handle: str, passphrase: str) -> Response:
    assembly, parameters = _assembly(request), dict(request.query_params)
    try:
        async with assembly.federation.reading() as context:
            asked = await _asked(context, parameters)
    except (_Unusable, _Sent):
        return _problem(_EXPIRED)
    try:
        person_id = await sign_in(request, handle=handle, passphrase=passphrase)
    except NotSignedIn as error:
        return _sign_in(asked, parameters, problem=str(error), handle=handle, status=error.status)
    async with assembly.federation.writing() as context:
        person = await person_of(context, person_id)
        if person is None:
            return _problem(_EXPIRED)
        ticket = await grants.issue(context, asked.grant.but(person=person.id))
        choices = [(found.actor.id, _name(found, person)) for found in await identities_of(context, person)]
    return render(_PAGE, forms_to=_target(asked.grant), step="decide", ticket=ticket, identities=choices, **asked.shown)


async def _decided(assembly: Assembly, ticket: str, identity: str, decision: str) -> Response:
    async with assembly.federation.writing() as context:
        grant = await grants.take_ticket(context, ticket)
        if grant is None or grant.person is None:
            return _problem(_EXPIRED)
        if decision != "allow":
            return _back(grant, error="access_denied")
        person = await person_of(context, grant.person)
        offered = await identities_of(context, person) if person is not None else []
        if identity not in {found.actor.id for found in offered}:
            return _problem(_EXPIRED)
        code = await grants.issue(context, grant.but(speaker=identity, state=None))
    if grant.redirect_uri == OUT_OF_BAND:
        return render(_PAGE, step="code", code=code)
    return _back(grant, code=code)


async def _asked(context: Context, parameters: dict[str, str]) -> _Asked:
    app = await apps.find_app(context, parameters.get("client_id"))
    redirect = parameters.get("redirect_uri", "")
    if app is None:
        raise _Unusable("This program is not known here. Begin again in the program.")
    if not apps.takes_redirect(app, redirect):
        raise _Unusable("The program did not register the address that it wants to go back to.")
    challenge = parameters.get("code_challenge") or None
    grant = Grant(app=app.id, scopes=(), redirect_uri=redirect, challenge=challenge, state=parameters.get("state"))
    if parameters.get("response_type") != "code":
        raise _Sent(grant, "unsupported_response_type")
    if challenge is not None and parameters.get("code_challenge_method") != "S256":
        raise _Sent(grant, "invalid_request")
    try:
        scopes = parse_scopes(parameters.get("scope"))
    except UnknownScope as error:
        raise _Sent(grant, "invalid_scope") from error
    if not is_within(scopes, tuple(app.scopes.split())):
        raise _Sent(grant, "invalid_scope")
    return _Asked(app, grant.but(scopes=scopes))


def _sign_in(
    asked: _Asked,
    parameters: dict[str, str],
    *,
    problem: str | None = None,
    handle: str = "",
    status: int = 200,
) -> Response:
    action = f"/oauth/authorize?{urlencode(parameters)}"
    return render(_PAGE, status=status, step="sign in", action=action, problem=problem, handle=handle, **asked.shown)


def _back(grant: Grant, **answer: str) -> Response:
    """Sends the browser back to the program, with the `state` that it came with."""
    if grant.redirect_uri is None or grant.redirect_uri == OUT_OF_BAND:
        return _problem("The program was not let in.", status=200)
    if grant.state is not None:
        answer["state"] = grant.state
    separator = "&" if urlsplit(grant.redirect_uri).query else "?"
    where = f"{grant.redirect_uri}{separator}{urlencode(answer)}"
    return RedirectResponse(where, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _target(grant: Grant) -> str | None:
    """Where the form leads in the end, for the page's policy: browsers apply `form-action` to redirects too."""
    parts = urlsplit(grant.redirect_uri or "")
    if grant.redirect_uri == OUT_OF_BAND:
        return None
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def _name(found: Identity, person: LocalActor) -> str:
    if found.actor.id == person.id:
        return f"Yourself, @{person.handle}"
    if found.movement is not None:
        return f"The members of {found.movement.name}, @{found.actor.handle}"
    return f"{found.actor.name}, @{found.actor.handle}"


def _problem(text: str, *, status: int = 400) -> Response:
    return render(_PAGE, status=status, step="problem", problem=text)


def _assembly(request: Request) -> Assembly:
    assembly: Assembly = request.app.state.assembly
    return assembly
