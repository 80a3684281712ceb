"""Letting a program in: the page, the code, the token, and everything that must not work."""

import base64
import hashlib
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from server.config import Settings
from server.loopback import LoopbackServer
from server.oauth import tokens
from server.oauth.routes import describe
from server.organizing.membership import service as membership
from server.organizing.movements import audit
from tests.builders import make_movement
from tests.server.signing_in import (
    PASSPHRASE,
    REDIRECT,
    asked,
    choices,
    code_for,
    exchange,
    person_on,
    registered,
    ticket_in,
    token_for,
)

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_person_lets_a_program_in_and_it_speaks_for_them(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    await person_on(live)
    token = await token_for(client, "robin")
    me = await client.get("/api/v1/accounts/verify_credentials", headers=bearer(token))
    assert me.status_code == 200
    assert me.json()["username"] == "robin"
    assert me.json()["source"]["privacy"] == "public"


async def test_the_page_says_what_is_asked_for_and_shows_no_secret(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    await person_on(live)
    program = await registered(client)
    for path in ("/oauth/authorize", "/oauth/authorize/"):
        page = await client.get(path, params=asked(program, scope="read write:statuses"))
        assert page.status_code == 200
        assert "change posts" in page.text
        assert "Tester" in page.text
        assert program.secret not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("wrong", [{"client_id": "nobody"}, {"redirect_uri": REDIRECT + "/"}, {"redirect_uri": ""}])
async def test_an_unknown_program_or_address_is_sent_nowhere(
    live: LoopbackServer, client: httpx.AsyncClient, wrong: dict[str, str]
) -> None:
    program = await registered(client)
    page = await client.get("/oauth/authorize", params=asked(program) | wrong)
    assert page.status_code == 400
    assert "location" not in page.headers


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "read admin:read"}, "invalid_scope"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
    ],
)
async def test_other_mistakes_go_back_to_the_program(
    live: LoopbackServer, client: httpx.AsyncClient, wrong: dict[str, str], error: str
) -> None:
    program = await registered(client)
    sent = await client.get("/oauth/authorize", params=asked(program, state="s&t") | wrong)
    assert sent.status_code == 303
    assert sent.headers["location"].startswith(REDIRECT + "?")
    assert parse_qs(urlsplit(sent.headers["location"]).query) == {"error": [error], "state": ["s&t"]}


async def test_a_program_gets_no_more_than_it_registered_for(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    program = await registered(client, scopes="read")
    sent = await client.get("/oauth/authorize", params=asked(program, scope="read write"))
    assert "invalid_scope" in sent.headers["location"]


async def test_a_wrong_passphrase_says_the_same_as_an_unknown_name(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    await person_on(live)
    program = await registered(client)
    answers = [
        await client.post("/oauth/authorize", params=asked(program), data={"handle": name, "passphrase": "wrong one"})
        for name in ("robin", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].text.replace("robin", "nobody") == answers[1].text
    assert not choices(answers[0].text)


async def test_passphrases_cannot_be_tried_without_end(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    await person_on(live)
    program = await registered(client)
    statuses = []
    for _ in range(11):
        tried = {"handle": "robin", "passphrase": ""}
        statuses.append((await client.post("/oauth/authorize", params=asked(program), data=tried)).status_code)
    assert statuses == [422] * 10 + [429]
    right = {"handle": "robin", "passphrase": PASSPHRASE}
    assert (await client.post("/oauth/authorize", params=asked(program), data=right)).status_code == 429


async def test_a_ticket_is_good_once(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    await person_on(live)
    program = await registered(client)
    signed_in = {"handle": "robin", "passphrase": PASSPHRASE}
    form = await client.post("/oauth/authorize", params=asked(program, state="mine"), data=signed_in)
    chosen = {"ticket": ticket_in(form.text), "identity": choices(form.text)[0]}
    denied = await client.post("/oauth/authorize", data=chosen | {"decision": "deny"})
    assert parse_qs(urlsplit(denied.headers["location"]).query) == {"error": ["access_denied"], "state": ["mine"]}
    assert (await client.post("/oauth/authorize", data=chosen | {"decision": "allow"})).status_code == 400


async def test_nobody_speaks_as_somebody_else(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    await person_on(live)
    kim = await person_on(live, "kim")
    program = await registered(client)
    signed_in = {"handle": "robin", "passphrase": PASSPHRASE}
    form = await client.post("/oauth/authorize", params=asked(program), data=signed_in)
    stolen = {"ticket": ticket_in(form.text), "identity": kim.id, "decision": "allow"}
    assert (await client.post("/oauth/authorize", data=stolen)).status_code == 400


async def test_a_code_is_good_once_and_its_second_use_ends_the_token(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    await person_on(live)
    program = await registered(client)
    code = await code_for(client, program, "robin")
    token = (await exchange(client, program, code)).json()["access_token"]
    again = await exchange(client, program, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await client.get("/api/v1/accounts/verify_credentials", headers=bearer(token))).status_code == 401


@pytest.mark.parametrize(
    ("wrong", "status", "error"),
    [
        ({"redirect_uri": REDIRECT + "?x"}, 400, "invalid_grant"),
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"code": "x"}, 400, "invalid_grant"),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_code_is_bound_to_all_it_was_asked_with(
    live: LoopbackServer, client: httpx.AsyncClient, wrong: dict[str, str], status: int, error: str
) -> None:
    await person_on(live)
    program = await registered(client)
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    code = await code_for(client, program, "robin", **pkce)
    answer = await exchange(client, program, code, **({"code_verifier": VERIFIER} | wrong))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    right = await exchange(client, program, code, code_verifier=VERIFIER)
    assert right.status_code == 200
    assert right.headers["cache-control"] == "no-store"


async def test_a_code_with_a_challenge_needs_its_verifier(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    await person_on(live)
    program = await registered(client)
    code = await code_for(client, program, "robin", code_challenge=CHALLENGE, code_challenge_method="S256")
    assert (await exchange(client, program, code)).status_code == 400


async def test_another_program_cannot_use_the_code(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    await person_on(live)
    program, other = await registered(client), await registered(client)
    code = await code_for(client, program, "robin")
    assert (await exchange(client, other, code)).json()["error"] == "invalid_grant"


async def test_a_token_given_back_is_no_more(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    await person_on(live)
    program, other = await registered(client), await registered(client)
    token = (await exchange(client, program, await code_for(client, program, "robin"))).json()["access_token"]
    by_other = {"token": token, "client_id": other.id, "client_secret": other.secret}
    assert (await client.post("/oauth/revoke", json=by_other)).status_code == 200
    assert (await client.get("/api/v1/accounts/verify_credentials", headers=bearer(token))).status_code == 200
    by_owner = {"token": token, "client_id": program.id, "client_secret": program.secret}
    for _ in range(2):
        assert (await client.post("/oauth/revoke", data=by_owner)).status_code == 200
    gone = await client.get("/api/v1/accounts/verify_credentials", headers=bearer(token))
    assert (gone.status_code, gone.json()) == (401, {"error": "The access token is invalid"})


async def test_organizers_sign_in_as_their_movement_and_lose_it_with_their_role(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    robin, kim = await person_on(live), await person_on(live, "kim")
    async with live.assembly.federation.writing() as context:
        movement_id = (await make_movement(context, organizer=robin)).actor.id
    program = await registered(client)
    form = await client.post(
        "/oauth/authorize", params=asked(program), data={"handle": "robin", "passphrase": PASSPHRASE}
    )
    assert choices(form.text)[:2] == [robin.id, movement_id]
    circle_id = choices(form.text)[2]
    as_movement = await token_for(client, "robin", speaker=movement_id)
    me = (await client.get("/api/v1/accounts/verify_credentials", headers=bearer(as_movement))).json()
    assert (me["username"], me["group"], me["locked"]) == ("flex", True, False)
    async with live.assembly.federation.writing() as context:
        circle = await context.session.get_one(type(robin), circle_id)
        own = context.origin.actor
        await membership.found(context, circle=circle, organizer=kim)
        await membership.remove(context, circle=circle, member=own(robin.id), by=circle)
    gone = await client.get("/api/v1/accounts/verify_credentials", headers=bearer(as_movement))
    assert gone.status_code == 401


async def test_nothing_at_rest_says_whose_token_it_is(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin = await person_on(live)
    token = await token_for(client, "robin")
    if live.assembly.settings.sqlite_path is None:
        pytest.skip("the files of PostgreSQL are compared in the journeys")
    async with live.assembly.federation.reading() as context:
        tables = ("oauth_apps", "oauth_codes", "oauth_tokens")
        rows = [
            repr(row)
            for table in tables
            for row in (await (await context.session.connection()).exec_driver_sql(f"SELECT * FROM {table}")).all()  # noqa: S608
        ]
    assert len(rows) == 3
    assert not [row for row in rows if token in row or robin.id in row or "robin" in row]


async def test_what_is_done_as_a_movement_is_written_down(live: LoopbackServer, client: httpx.AsyncClient) -> None:
    robin = await person_on(live)
    async with live.assembly.federation.writing() as context:
        movement = (await make_movement(context, organizer=robin)).actor
    token = await token_for(client, "robin", speaker=movement.id)
    posted = await client.post("/api/v1/statuses", json={"status": "Friday at six"}, headers=bearer(token))
    assert posted.json()["account"]["acct"] == "flex"
    refused = await client.post("/api/v1/statuses", json={"status": ""}, headers=bearer(token))
    assert refused.status_code == 422
    await client.get("/api/v1/timelines/home", headers=bearer(token))
    async with live.assembly.federation.reading() as context:
        entries = await audit.entries_of(context, movement)
        assert [(entry.by, entry.act) for entry in entries] == [("robin", "create_status")]
        assert await audit.entries_of(context, robin) == []


async def test_a_passphrase_buys_a_token_only_where_the_operator_says_so(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    await person_on(live)
    program = await registered(client)
    form = {
        "grant_type": "password",
        "client_id": program.id,
        "client_secret": program.secret,
        "username": "robin",
        "password": PASSPHRASE,
        "scope": "read",
    }
    answer = await client.post("/oauth/token", data=form)
    assert answer.json()["scope"] == "read"
    wrong = await client.post("/oauth/token", data=form | {"password": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    offered = (await client.get("/.well-known/oauth-authorization-server")).json()["grant_types_supported"]
    assert "password" in offered
    assert "password" not in describe(Settings(data_dir=live.assembly.settings.data_dir))["grant_types_supported"]


async def test_people_see_which_programs_they_let_in_and_shut_them_out(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    await person_on(live)
    kim = await person_on(live, "kim")
    mine, other, kims = [await token_for(client, name) for name in ("robin", "robin", "kim")]
    async with live.assembly.federation.reading() as context:
        (kims_id,) = [token.id for token in await tokens.list_of(context, kim)]
    page = await client.post("/oauth/programs", data={"handle": "robin", "passphrase": PASSPHRASE})
    listed = re.findall(r'name="revoke" value="([^"]+)" class', page.text)
    assert len(listed) == 2
    assert kims_id not in page.text
    page = await client.post("/oauth/programs", data={"ticket": ticket_in(page.text), "revoke": kims_id})
    page = await client.post("/oauth/programs", data={"ticket": ticket_in(page.text), "revoke": listed[0]})
    assert page.text.count("Shut it out") == 1
    page = await client.post("/oauth/programs", data={"ticket": ticket_in(page.text), "revoke": "all"})
    me = "/api/v1/accounts/verify_credentials"
    assert [(await client.get(me, headers=bearer(token))).status_code for token in (mine, other, kims)] == [
        401,
        401,
        200,
    ]
    stale = await client.post("/oauth/programs", data={"ticket": "x" * 32, "revoke": "all"})
    assert stale.status_code == 400
