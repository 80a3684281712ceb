"""The page on which a person sees which programs they let in, and shuts them out again. Works without scripts."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from federation.context import Context
from models import LocalActor
from server.assembly import Assembly
from server.oauth import grants, tokens
from server.oauth.grants import Grant
from server.oauth.signing_in import NotSignedIn, sign_in
from server.oauth.words import permissions
from server.organizing.people.sign_in import person_of
from server.web.rendering import render

routes = APIRouter(default_response_class=Response, include_in_schema=False)

PATH = "/oauth/programs"
ALL = "all"
"""Chosen to end every token at once."""

_NO_PROGRAM = ""
"""The program of a ticket that no program asked for."""


@routes.get(PATH)
async def ask() -> Response:
    """Who are you."""
    return render("programs.html", step="sign in", problem=None, handle="")


@routes.post(PATH)
async def act(
    request: Request,
    handle: Annotated[str, Form()] = "",
    passphrase: Annotated[str, Form()] = "",
    ticket: Annotated[str, Form()] = "",
    revoke: Annotated[str, Form()] = "",
) -> Response:
    """Shows the list after the passphrase, or after something in it was ended. Each ticket is good for one step."""
    assembly: Assembly = request.app.state.assembly
    if ticket:
        return await _revoked(assembly, ticket, revoke)
    try:
        person_id = await sign_in(request, handle=handle, passphrase=passphrase)
    except NotSignedIn as error:
        return render("programs.html", status=error.status, step="sign in", problem=str(error), handle=handle)
    async with assembly.federation.writing() as context:
        person = await person_of(context, person_id)
        return await _list(context, person) if person is not None else await ask()


async def _revoked(assembly: Assembly, ticket: str, token_id: str) -> Response:
    async with assembly.federation.writing() as context:
        grant = await grants.take_ticket(context, ticket)
        person = await person_of(context, grant.person) if grant is not None and grant.person is not None else None
        if person is None or grant is None or grant.app != _NO_PROGRAM:
            return render("programs.html", status=400, step="sign in", problem="Sign in again.", handle="")
        if token_id == ALL:
            await tokens.revoke_all_of(context, person)
        else:
            await tokens.revoke_listed(context, person, token_id)
        return await _list(context, person)


async def _list(context: Context, person: LocalActor) -> Response:
    ticket = await grants.issue(context, Grant(app=_NO_PROGRAM, scopes=(), person=person.id))
    listed = [(token, permissions(token.scopes)) for token in await tokens.list_of(context, person)]
    return render("programs.html", step="list", ticket=ticket, listed=listed, all=ALL, handle=person.handle)
