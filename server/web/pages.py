"""The few pages of this version: front, profile, post, and the one-time set-up."""

import hmac
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from starlette.responses import FileResponse, Response

from crypto.tokens import token_hash
from federation.context import NOBODY, Context
from federation.identities import BadHandle, HandleTaken, make_keypairs
from federation.vocabulary.html import paragraphs
from models import LocalActor, ServerSetting
from server.assembly import Assembly
from server.organizing.movements import service as movements
from server.organizing.people import queries as people
from server.organizing.people import service as people_service
from server.organizing.posts import queries as posts
from server.organizing.posts import timelines
from server.organizing.refusal import Refused
from server.web.rendering import HERE, render

STATIC = ("app.css", "avatar.png", "header.png")
"""What lies beside the templates for everybody: the look, and the picture of whoever has none."""

AssemblyOf = Callable[[Request], Assembly]


def build_router(assembly_of: AssemblyOf) -> APIRouter:
    """Routes of all pages."""
    router = APIRouter(default_response_class=Response)
    _add_public(router, assembly_of)
    _add_setup(router, assembly_of)

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in STATIC:
            raise HTTPException(404)
        return FileResponse(HERE / "static" / name, headers={"Cache-Control": "public, max-age=3600"})

    return router


def _add_public(router: APIRouter, assembly_of: AssemblyOf) -> None:
    @router.get("/")
    async def front(request: Request) -> Response:
        settings = assembly_of(request).settings
        return render("front.html", domain=settings.public_domain, trial=settings.trial)

    @router.get("/@{handle}")
    async def profile(request: Request, handle: str) -> Response:
        federation = assembly_of(request).federation
        async with federation.reading() as context:
            actor = await _actor(context, handle)
            if _wants_activity(request):
                return RedirectResponse(context.origin.actor(actor.id), 303, {"Vary": "Accept"})
            page = await timelines.timeline_of(context, context.origin.actor(actor.id), NOBODY)
            return render(
                "profile.html",
                name=actor.name or actor.handle,
                handle=actor.handle,
                domain=context.origin.domain,
                summary=paragraphs(actor.summary),
                group=actor.kind == "Group",
                posts=[posts.page_view(entry) for entry in page.entries],
            )

    @router.get("/@{handle}/{number}")
    async def post(request: Request, handle: str, number: int) -> Response:
        async with assembly_of(request).federation.reading() as context:
            actor = await _actor(context, handle)
            found = await posts.find_numbered(context, actor, number, NOBODY)
            if found is None:
                raise HTTPException(404, "There is no such post, or it is not public.")
            if _wants_activity(request):
                return RedirectResponse(context.origin.object(found.id), 303, {"Vary": "Accept"})
            view = posts.page_view(found)
            address = context.origin.profile(actor.handle)
            return render("post.html", handle=handle, domain=context.origin.domain, profile=address, post=view)


def _add_setup(router: APIRouter, assembly_of: AssemblyOf) -> None:
    @router.get("/setup/{token}")
    async def ask(request: Request, token: str) -> Response:
        assembly = assembly_of(request)
        async with assembly.federation.reading() as context:
            await _check_setup(context, token)
        return render("setup.html", done=False, problem=None, person="", movement="", name="")

    @router.post("/setup/{token}")
    async def set_up(
        request: Request,
        token: str,
        person: Annotated[str, Form()] = "",
        passphrase: Annotated[str, Form()] = "",
        movement: Annotated[str, Form()] = "",
        name: Annotated[str, Form()] = "",
    ) -> Response:
        assembly = assembly_of(request)
        given: dict[str, Any] = {"person": person.strip(), "movement": movement.strip(), "name": name.strip()}
        async with assembly.federation.reading() as context:
            await _check_setup(context, token)
        try:
            await _establish(assembly, token, passphrase=passphrase, **given)
        except (BadHandle, HandleTaken, Refused) as error:
            return render("setup.html", status=422, done=False, problem=str(error), **given)
        settings = assembly.settings
        return render("setup.html", done=True, domain=settings.public_domain, trial=settings.trial, **given)


async def _establish(assembly: Assembly, token: str, *, person: str, passphrase: str, movement: str, name: str) -> None:
    """Makes the first person and movement, all or nothing; what takes time before the transaction begins."""
    hashed = await people_service.hash_passphrase(passphrase)
    own, group, circle = [await make_keypairs() for _ in range(3)]
    async with assembly.federation.writing() as context:
        await _check_setup(context, token)
        organizer = await people_service.create_person(context, handle=person, passphrase=hashed, keypairs=own)
        await movements.create_movement(
            context, handle=movement, name=name, keypairs=group, circle_keypairs=circle, organizer=organizer
        )
        await context.session.delete(await context.session.get_one(ServerSetting, "setup_token"))


async def _check_setup(context: Context, token: str) -> None:
    expected = await context.session.get(ServerSetting, "setup_token")
    if expected is None or not hmac.compare_digest(expected.value, token_hash(token).hex()):
        raise HTTPException(
            404, "This link does not work, or was used already. A fresh start of the server shows a new one."
        )


async def _actor(context: Context, handle: str) -> LocalActor:
    actor = await people.find_actor(context, handle.lower())
    if actor is None or actor.state != "active":
        raise HTTPException(404, "There is nobody of that name here.")
    return actor


def _wants_activity(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "application/activity+json" in accept or "application/ld+json" in accept
