"""Every operation of every interface for programs: without a token, with too small a scope, and after it was revoked.

The operations are taken from the application itself, so that none that is added later is forgotten.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from server.api.access import Access
from server.app import create_app
from server.config import Settings
from server.loopback import LoopbackServer
from server.oauth import tokens
from server.oauth.scopes import READ, WRITE, covers
from server.organizing.people.queries import find_person
from tests.server.signing_in import person_on, registered, token_for

ELSEWHERE = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
"""An id that nothing has."""

OPEN = {
    ("POST", "/api/v1/apps"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/revoke"),
    ("GET", "/.well-known/oauth-authorization-server"),
}
"""Operations that take no token at all."""


@dataclass(frozen=True)
class Operation:
    """One way to call one route."""

    method: str
    path: str
    access: Access

    @property
    def address(self) -> str:
        """The path with ids of nothing."""
        return re.sub(r"{[^}]+}", ELSEWHERE, self.path)


def operations() -> Iterator[Operation]:
    app = create_app(Settings(data_dir=Path("unused")))
    for route in (context.original_route for context in iter_route_contexts(app.routes)):
        if not isinstance(route, APIRoute) or not route.include_in_schema or not _is_api(route.path):
            continue
        found = [needed.call for needed in route.dependant.dependencies if isinstance(needed.call, Access)]
        for method in sorted(route.methods or ()):
            if (method, route.path) not in OPEN:
                assert len(found) == 1, f"{method} {route.path} does not say who may call it"
                yield Operation(method, route.path, found[0])


def _is_api(path: str) -> bool:
    return path.startswith(("/api/", "/oauth/", "/ap/", "/.well-known/oauth"))


ALL = list(operations())


def test_there_is_something_to_sweep() -> None:
    assert len(ALL) > 20
    assert {operation.access.need for operation in ALL} == {"person", "program", "anybody"}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_nothing_is_done_without_a_token_or_with_a_bad_one(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    await person_on(live)
    token = await token_for(client, "robin")
    async with live.assembly.federation.writing() as context:
        robin = await find_person(context, "robin")
        assert robin is not None
        await tokens.revoke_all_of(context, robin)
    for operation in ALL:
        bad = {"Authorization": f"Bearer {token}"}
        assert (await client.request(operation.method, operation.address, headers=bad)).status_code == 401, operation
        bare = await client.request(operation.method, operation.address)
        if operation.access.need == "anybody":
            assert bare.status_code != 401, operation
        else:
            assert bare.status_code == 401, operation
            assert bare.json().keys() == {"error"}, operation


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_nothing_is_done_with_too_small_a_scope(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    await person_on(live)
    small = {scope: await token_for(client, "robin", scope=scope) for scope in ("write:media", "read:lists", "push")}
    for operation in ALL:
        scope = next(scope for scope in small if not covers((scope,), operation.access.scope))
        headers = {"Authorization": f"Bearer {small[scope]}"}
        answer = await client.request(operation.method, operation.address, headers=headers)
        assert (answer.status_code, answer.json()) == (
            403,
            {"error": "This action is outside the authorized scopes"},
        ), operation


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_program_alone_does_nothing_for_a_person(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    program = await registered(client)
    form = {
        "grant_type": "client_credentials",
        "client_id": program.id,
        "client_secret": program.secret,
        "scope": "read write follow push",
    }
    token = (await client.post("/oauth/token", data=form)).json()["access_token"]
    for operation in ALL:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await client.request(operation.method, operation.address, headers=headers)
        assert (answer.status_code == 401) == (operation.access.need == "person"), operation
        assert answer.status_code < 500, operation


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_nothing_answers_500_to_ids_of_nothing(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    await person_on(live)
    headers = {"Authorization": f"Bearer {await token_for(client, 'robin')}"}
    for operation in ALL:
        for wrong in (ELSEWHERE, "0", "-1", "9" * 30, "%00", "%F0%9F%8C%8A", "..", "x" * 3_000):
            address = re.sub(r"{[^}]+}", wrong, operation.path)
            answer = await client.request(operation.method, address, headers=headers)
            assert answer.status_code < 500, (operation, wrong)


@pytest.mark.parametrize(
    ("granted", "needed", "is_covered"),
    [
        (("read",), "read:statuses", True),
        (("read:statuses",), "read:statuses", True),
        (("read:statuses",), "read:accounts", False),
        (("read:statuses",), "read", False),
        (("read",), "write:statuses", False),
        (("follow",), "write:follows", True),
        (("follow",), "read:mutes", True),
        (("follow",), "write:statuses", False),
        (("read:accounts",), "profile", True),
        (("profile",), "read:accounts", False),
        ((), "read", False),
    ],
)
def test_what_covers_what(granted: tuple[str, ...], needed: str, is_covered: bool) -> None:
    assert covers(granted, needed) is is_covered


def test_every_scope_needed_is_one_that_can_be_had() -> None:
    assert {operation.access.scope for operation in ALL} <= {*READ, *WRITE, "read", "write", "profile", "push"}
