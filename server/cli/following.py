"""`follow`, `join` and what waits for an answer: relations between actors here and anywhere."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from federation.context import Context
from federation.fetch import FetchFailed
from federation.remote import look_up
from federation.runtime import Federation
from models import LocalActor
from server.assembly import Assembly
from server.cli.terminal import CommandFailed, actor_named, local_name, run
from server.organizing.following import service as following
from server.organizing.membership import queries as membership_queries
from server.organizing.membership import service as membership
from server.organizing.membership.records import Way
from server.organizing.parties import Party
from server.organizing.refusal import Refused

Result = TypeVar("Result")
As = Annotated[str, typer.Option("--as", help="The local actor who does it, such as @robin or @flex.")]
Whom = Annotated[str, typer.Argument(help="user@host, @user@host, or the URL of an actor.")]


def register(app: typer.Typer) -> None:
    """Adds this family."""
    app.command("follow")(follow)
    app.command("unfollow")(unfollow)
    app.command("join")(join)
    app.command("leave")(leave)
    app.command("requests")(requests)
    app.command("accept")(accept)
    app.command("reject")(reject)
    app.command("remove")(remove)


async def party(federation: Federation, text: str) -> Party:
    """Whoever is meant, here or elsewhere. Raises `CommandFailed`."""
    name = local_name(federation.origin, text)
    async with federation.reading() as unit:
        if name is not None:
            return await actor_named(unit, name)
    if federation.origin.domain.endswith(".invalid"):
        raise CommandFailed("trial mode: set GROUNDSWELL_DOMAIN before reaching other servers")
    try:
        return await look_up(federation, text)
    except FetchFailed as error:
        raise CommandFailed(f"{text}: {error}") from error


def follow(context: typer.Context, whom: Whom, actor: As) -> None:
    """Asks to follow somebody. Nothing is received before they accept."""

    async def act(unit: Context, own: LocalActor, other: Party) -> str:
        return (await following.follow(unit, follower=own, followee=other)).state

    _towards(context, whom, actor, act)


def unfollow(context: typer.Context, whom: Whom, actor: As) -> None:
    """Ends following somebody."""

    async def act(unit: Context, own: LocalActor, other: Party) -> str:
        await following.unfollow(unit, follower=own, followee=other)
        return "not followed any more"

    _towards(context, whom, actor, act)


def join(context: typer.Context, whom: Whom, actor: As) -> None:
    """Asks to become a member of a circle here, or of a group elsewhere."""

    async def act(unit: Context, own: LocalActor, other: Party) -> str:
        record = await membership.join(unit, person=own, group=other)
        return str(record.state) if record is not None else "asked by following it"

    _towards(context, whom, actor, act)


def leave(context: typer.Context, whom: Whom, actor: As) -> None:
    """Ends one's own membership."""

    async def act(unit: Context, own: LocalActor, other: Party) -> str:
        await membership.leave(unit, person=own, group=other)
        return "left"

    _towards(context, whom, actor, act)


def requests(context: typer.Context, actor: As) -> None:
    """Lists who waits for an answer: followers and applicants of a group, invitations of a person."""

    async def command(assembly: Assembly) -> list[str]:
        async with assembly.federation.reading() as unit:
            waiting = await membership_queries.requests_of(unit, await actor_named(unit, actor))
            return [f"{request.uri}\t{request.way}\tsince {request.since}" for request in waiting]

    for line in _run(context, command):
        typer.echo(line)


def accept(context: typer.Context, whom: Whom, actor: As) -> None:
    """Says yes to a follower, an applicant, or an invitation."""

    async def act(unit: Context, own: LocalActor, uri: str) -> str:
        if await _invited(unit, own, uri):
            await membership.accept_invitation(unit, person=own, group=uri)
        else:
            await following.accept_request(unit, owner=own, requester=uri)
        return "accepted"

    _about(context, whom, actor, act)


def reject(context: typer.Context, whom: Whom, actor: As) -> None:
    """Says no to a follower, an applicant, or an invitation."""

    async def act(unit: Context, own: LocalActor, uri: str) -> str:
        if await _invited(unit, own, uri):
            await membership.decline_invitation(unit, person=own, group=uri)
        else:
            await following.reject_request(unit, owner=own, requester=uri)
        return "rejected"

    _about(context, whom, actor, act)


def remove(context: typer.Context, whom: Whom, actor: As) -> None:
    """Removes a follower, or a member from a circle: nothing more is delivered to them."""

    async def act(unit: Context, own: LocalActor, uri: str) -> str:
        await following.remove_follower(unit, owner=own, follower=uri)
        return "removed"

    _about(context, whom, actor, act)


def _towards(
    context: typer.Context, whom: str, actor: str, act: Callable[[Context, LocalActor, Party], Awaitable[str]]
) -> None:
    """Does something towards somebody, who is looked up before, and says how it stands."""

    async def command(assembly: Assembly) -> str:
        other = await party(assembly.federation, whom)
        async with assembly.federation.writing() as unit:
            return await act(unit, await actor_named(unit, actor), other)

    typer.echo(f"{whom}: {_run(context, command)}")


def _about(
    context: typer.Context, whom: str, actor: str, act: Callable[[Context, LocalActor, str], Awaitable[str]]
) -> None:
    """Decides about somebody by their id, who may be gone from the network, and says what was decided."""

    async def command(assembly: Assembly) -> str:
        uri = await _uri(assembly.federation, whom)
        async with assembly.federation.writing() as unit:
            return await act(unit, await actor_named(unit, actor), uri)

    typer.echo(f"{whom}: {_run(context, command)}")


async def _invited(unit: Context, owner: LocalActor, uri: str) -> bool:
    waiting = await membership_queries.requests_of(unit, owner)
    return any(request.way is Way.INVITE for request in waiting if request.uri == uri)


async def _uri(federation: Federation, text: str) -> str:
    if text.startswith(("https://", "http://")):
        return text
    found = await party(federation, text)
    return federation.origin.actor(found.id) if isinstance(found, LocalActor) else found.id


def _run(context: typer.Context, command: Callable[[Assembly], Awaitable[Result]]) -> Result:
    try:
        return run(context, command)
    except (Refused, LookupError) as error:
        raise CommandFailed(str(error)) from error
