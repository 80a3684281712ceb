"""The pages over a real server: the set-up that works once, and profiles that show what is public and no more."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from models import LocalActor
from server.assembly import setup_token
from server.loopback import LoopbackServer, loopback_server
from server.organizing.movements import queries as movements
from server.organizing.people import queries as people
from server.organizing.posts import service as posts

FORM = {"person": "robin", "passphrase": "correct horse battery", "movement": "flex", "name": "Flexible work"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LoopbackServer]:
    async with loopback_server("groundswell", tmp_path / "data") as server:
        yield server


@pytest.fixture
async def browser(server: LoopbackServer) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Accept": "text/html", "Host": server.domain}
    async with httpx.AsyncClient(base_url=server.address, headers=headers) as browser:
        yield browser


async def _setup_link(server: LoopbackServer) -> str:
    async with server.assembly.federation.writing() as unit:
        return f"/setup/{await setup_token(unit)}"


async def _flex(server: LoopbackServer) -> LocalActor:
    async with server.assembly.federation.reading() as unit:
        actor = await movements.movement_by_handle(unit, "flex")
    assert actor is not None
    return actor


async def test_opening_the_setup_link_consumes_nothing_and_using_it_ends_it(
    server: LoopbackServer, browser: httpx.AsyncClient
) -> None:
    link = await _setup_link(server)
    for _ in range(2):
        assert (await browser.get(link)).status_code == 200
    done = await browser.post(link, data=FORM)
    assert f"@flex@{server.domain}" in done.text
    assert FORM["passphrase"] not in done.text
    assert (await browser.get(link)).status_code == 404
    assert (await browser.post(link, data=FORM | {"person": "kim", "movement": "other"})).status_code == 404
    async with server.assembly.federation.reading() as unit:
        assert await people.find_actor(unit, "kim") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"person": "Robin R."},
        {"passphrase": "short"},
        {"movement": "robin"},
        {"movement": ""},
        {"name": ""},
        {"person": "<b>"},
    ],
)
async def test_a_mistake_on_the_setup_page_changes_nothing(
    server: LoopbackServer, browser: httpx.AsyncClient, wrong: dict[str, str]
) -> None:
    link = await _setup_link(server)
    answer = await browser.post(link, data=FORM | wrong)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<b>" not in answer.text
    async with server.assembly.federation.reading() as unit:
        assert await people.find_actor(unit, "robin") is None
        assert await movements.list_movements(unit) == []
    assert (await browser.get(link)).status_code == 200


async def test_a_guessed_setup_link_does_not_work(server: LoopbackServer, browser: httpx.AsyncClient) -> None:
    await _setup_link(server)
    assert (await browser.get("/setup/guess")).status_code == 404


async def test_profiles_show_public_posts_and_no_others(server: LoopbackServer, browser: httpx.AsyncClient) -> None:
    await browser.post(await _setup_link(server), data=FORM)
    flex = await _flex(server)
    async with server.assembly.federation.writing() as unit:
        public = await posts.publish(unit, author=flex, text="For everyone <script>", audience="public")
        await posts.publish(unit, author=flex, text="For supporters", audience="supporters")
    page = await browser.get("/@flex")
    assert "For everyone" in page.text
    assert "For supporters" not in page.text
    assert "<script" not in page.text
    assert (await browser.get(f"/@flex/{public.number}")).status_code == 200
    assert (await browser.get(f"/@robin/{public.number}")).status_code == 404
    assert (await browser.get("/@nobody")).status_code == 404
    assert (await browser.get("/@flex/0")).status_code == 404
    assert (await browser.get("/@flex/x")).status_code in (404, 422)


async def test_pages_keep_the_browser_at_home(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/nothing-here", "/@nobody"):
        page = await browser.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "same-origin"
        assert "set-cookie" not in page.headers
        assert "http://" not in page.text.replace(f"http://{browser.headers['host']}", "")
        assert "https://" not in page.text


async def test_an_address_for_people_leads_servers_to_the_document(
    server: LoopbackServer, browser: httpx.AsyncClient
) -> None:
    await browser.post(await _setup_link(server), data=FORM)
    answer = await browser.get("/@flex", headers={"Accept": "application/activity+json"})
    assert answer.status_code == 303
    flex = await _flex(server)
    assert answer.headers["location"] == server.assembly.federation.origin.actor(flex.id)
    assert answer.headers["vary"] == "Accept"


async def test_problems_come_in_the_form_their_caller_expects(browser: httpx.AsyncClient) -> None:
    assert "<h1>" in (await browser.get("/nothing-here")).text
    other = await browser.get("/nothing-here", headers={"Accept": "*/*"})
    assert (other.status_code, set(other.json())) == (404, {"error"})
