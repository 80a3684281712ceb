"""Lets a program in as a person would: the real pages, the real exchange."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx

from crypto.passwords import hash_password
from models import LocalActor
from server.loopback import LoopbackServer
from server.organizing.people.service import PassphraseHash
from tests.builders import make_person

PASSPHRASE = "correct horse battery staple"
HASHED = PassphraseHash(hash_password(PASSPHRASE))
ALL = "read write follow push profile"
REDIRECT = "https://client.example/back"


@dataclass(frozen=True)
class Program:
    """A registered client program."""

    id: str
    secret: str
    redirect: str = REDIRECT


async def person_on(server: LoopbackServer, handle: str = "robin", *, locked: bool = False) -> LocalActor:
    """Somebody who can sign in with `PASSPHRASE`."""
    async with server.assembly.federation.writing() as context:
        return await make_person(context, handle, locked=locked, passphrase=HASHED)


async def registered(client: httpx.AsyncClient, *, redirect: str = REDIRECT, scopes: str = ALL) -> Program:
    """A new program."""
    answer = await client.post(
        "/api/v1/apps", json={"client_name": "Tester", "redirect_uris": redirect, "scopes": scopes}
    )
    assert answer.status_code == 200, answer.text
    made = answer.json()
    return Program(made["client_id"], made["client_secret"], redirect)


def asked(program: Program, *, scope: str = ALL, **more: str) -> dict[str, str]:
    """The query of the page on which it is decided."""
    return {
        "response_type": "code",
        "client_id": program.id,
        "redirect_uri": program.redirect,
        "scope": scope,
        **more,
    }


async def code_for(
    client: httpx.AsyncClient,
    program: Program,
    handle: str,
    *,
    speaker: str | None = None,
    scope: str = ALL,
    **more: str,
) -> str:
    """Signs in on the page, chooses as whom, and takes the code from where the browser is sent."""
    query = asked(program, scope=scope, **more)
    form = await client.post("/oauth/authorize", params=query, data={"handle": handle, "passphrase": PASSPHRASE})
    assert form.status_code == 200, form.text
    identity = speaker or choices(form.text)[0]
    decided = {"ticket": ticket_in(form.text), "identity": identity, "decision": "allow"}
    sent = await client.post("/oauth/authorize", data=decided)
    assert sent.status_code == 303, sent.text
    return parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]


async def token_for(client: httpx.AsyncClient, handle: str, *, speaker: str | None = None, scope: str = ALL) -> str:
    """A token, by the whole way."""
    program = await registered(client)
    code = await code_for(client, program, handle, speaker=speaker, scope=scope)
    answer = await exchange(client, program, code)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def exchange(client: httpx.AsyncClient, program: Program, code: str, /, **more: str) -> httpx.Response:
    """A code for a token."""
    form = {
        "grant_type": "authorization_code",
        "client_id": program.id,
        "client_secret": program.secret,
        "redirect_uri": program.redirect,
        "code": code,
    }
    return await client.post("/oauth/token", data=form | more)


def ticket_in(page: str) -> str:
    """The ticket that a page carries."""
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found, page
    return unescape(found[1])


def choices(page: str) -> list[str]:
    """As whom one may sign in, in order."""
    return re.findall(r'name="identity" value="([^"]+)"', page)
