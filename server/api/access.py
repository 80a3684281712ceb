"""Who may call what: a bearer token, its scope, and one unit of work for the operation.

Every route says `reads`, `writes`, `runs`, `looks` or `asks`, and thereby which scope it needs, before it says what
else it takes: whoever may not call it hears that, and not what is wrong with the rest. A test goes through them all.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from federation.context import Context, Viewer
from models import LocalActor
from server.api.errors import Forbidden, Unauthorized
from server.assembly import Assembly
from server.oauth import tokens
from server.oauth.scopes import covers
from server.oauth.tokens import Caller
from server.organizing.movements import audit
from server.organizing.posts.sight import as_viewer

OUTSIDE_SCOPE = "This action is outside the authorized scopes"


@dataclass(frozen=True, slots=True)
class Work:
    """One operation of somebody: `me` is as whom they act, `caller` by which token."""

    context: Context
    assembly: Assembly
    me: LocalActor
    caller: Caller


@dataclass(frozen=True, slots=True)
class Errand:
    """An operation of somebody that takes its time, on the network or over pixels: its units of work are its own."""

    assembly: Assembly
    me: LocalActor
    caller: Caller
    act: str

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Context]:
        """A unit of work in which something is done; written down like any other act."""
        async with self.assembly.federation.writing() as context:
            yield context
            await _write_down(context, self.caller, self.act)


@dataclass(frozen=True, slots=True)
class Visit:
    """One operation that anybody may do; `me` is who does it, where somebody signed in."""

    context: Context
    assembly: Assembly
    me: LocalActor | None
    app: str | None
    """The id of the program, where a token was sent."""

    @property
    def viewer(self) -> Viewer:
        """Who looks."""
        return as_viewer(self.context, self.me)


class Access:
    """The dependency that lets a caller in. `need` is who it must be: a person's token, any token, or anybody.

    What asks other servers comes `before` the unit of work, and after the caller was found to be let in.
    """

    def __init__(
        self,
        scope: str,
        *,
        need: Literal["person", "program", "anybody"],
        writes: bool,
        before: Callable[[Request, Assembly, LocalActor], Awaitable[None]] | None = None,
    ) -> None:
        self.scope, self.need, self.writes, self.before = scope, need, writes, before

    async def __call__(self, request: Request) -> AsyncIterator[Work | Visit | Errand]:
        """Opens the unit of work, as the caller; it is committed before the answer goes out.

        What somebody does in the name of a movement or circle is written down with it.
        """
        assembly: Assembly = request.app.state.assembly
        await request.body()  # nobody who sends slowly keeps the writer waiting
        if self.before is not None:
            async with assembly.federation.reading() as context:
                caller = await self.caller_of(context, request)
            if caller is not None and caller.speaker is not None:
                await self.before(request, assembly, caller.speaker)
        open_context = assembly.federation.writing if self.writes else assembly.federation.reading
        async with open_context() as context:
            caller = await self.caller_of(context, request)
            speaker = caller.speaker if caller is not None else None
            if self.need != "person":
                yield Visit(context, assembly, speaker, caller.app if caller is not None else None)
            elif speaker is None or caller is None:
                raise Unauthorized("This method requires an authenticated user")
            else:
                yield Work(context, assembly, speaker, caller)
                if self.writes:
                    await _write_down(context, caller, _act_of(request))

    async def caller_of(self, context: Context, request: Request) -> Caller | None:
        """Whose token it is. Raises `Unauthorized` without a good one where one is needed, `Forbidden` by scope."""
        token = bearer_of(request)
        if token is None:
            if self.need == "anybody":
                return None
            raise Unauthorized
        caller = await tokens.recognise(context, token)
        if caller is None:
            raise Unauthorized
        if not covers(caller.scopes, self.scope):
            raise Forbidden(OUTSIDE_SCOPE)
        return caller


class ErrandAccess(Access):
    """The same, with no unit of work open when the operation begins."""

    async def __call__(self, request: Request) -> AsyncIterator[Errand]:
        """Recognises the caller, and leaves the rest to the operation."""
        assembly: Assembly = request.app.state.assembly
        await request.body()
        async with assembly.federation.reading() as context:
            caller = await self.caller_of(context, request)
        if caller is None or caller.speaker is None:
            raise Unauthorized("This method requires an authenticated user")
        yield Errand(assembly, caller.speaker, caller, _act_of(request))


def runs(scope: str) -> Any:
    """For somebody signed in whose token covers the scope, and an operation that opens its own units of work."""
    return Depends(ErrandAccess(scope, need="person", writes=True), scope="function")


def reads(scope: str) -> Any:
    """For somebody signed in whose token covers the scope; writes nothing."""
    return Depends(Access(scope, need="person", writes=False), scope="function")


def writes(scope: str, *, before: Callable[[Request, Assembly, LocalActor], Awaitable[None]] | None = None) -> Any:
    """For somebody signed in whose token covers the scope; what they do is committed before it is answered."""
    return Depends(Access(scope, need="person", writes=True, before=before), scope="function")


def looks(scope: str) -> Any:
    """For anybody; a token, where one is sent, must be good and cover the scope."""
    return Depends(Access(scope, need="anybody", writes=False), scope="function")


def asks(scope: str, *, writes: bool = False) -> Any:
    """For any program with a token, its own or a person's."""
    return Depends(Access(scope, need="program", writes=writes), scope="function")


async def _write_down(context: Context, caller: Caller, act: str) -> None:
    """That a token was used, and what was done with it in the name of a movement or circle."""
    await tokens.note_use(context, caller)
    if caller.person is not None and caller.speaker is not None and caller.speaker.id != caller.person.id:
        await audit.note(context, actor=caller.speaker, by=caller.person, act=act)


def _act_of(request: Request) -> str:
    name: str = request.scope["route"].name
    return name


def bearer_of(request: HTTPConnection) -> str | None:
    """The token in the Authorization header (RFC 6750 section 2.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
