"""Filters: kept in both versions, and shown on what runs into them."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from federation.vocabulary.attachments import Attachment
from models import PersonalRecord
from server.loopback import LoopbackServer
from server.organizing.filters.queries import Filter, Keyword, matches
from server.organizing.posts.content import PostContent
from tests.conftest import Clock
from tests.server.mastodon.signed_in import User, sign_in


async def ran_into(user: User, path: str) -> dict[str, list[str]]:
    """What the statuses of an answer ran into, by their text."""
    found = await user.get(path)
    return {status["content"]: [met["filter"]["title"] for met in status["filtered"]] for status in found}


async def money(user: User) -> dict[str, Any]:
    """A filter of two words, for an hour."""
    made: dict[str, Any] = await user.do(
        "v2/filters",
        title="Money",
        context=["home", "thread"],
        filter_action="hide",
        expires_in=3600,
        keywords_attributes=[{"keyword": "pay", "whole_word": True}, {"keyword": "bonus"}],
    )
    return made


@pytest.fixture
async def robin(live: LoopbackServer, client: httpx.AsyncClient) -> User:
    """Somebody signed in."""
    return await sign_in(live, client, "robin")


@pytest.fixture
async def kim(live: LoopbackServer, client: httpx.AsyncClient) -> User:
    """Somebody else."""
    return await sign_in(live, client, "kim")


async def test_filters_are_applied_until_they_expire(
    live: LoopbackServer, robin: User, kim: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await robin.do(f"v1/accounts/{kim.id}/follow")
    first = await kim.post("Payday at last")
    await kim.post("PAY gaps", in_reply_to_id=first["id"])
    made = await money(robin)
    assert made["expires_at"].endswith("Z")
    for where in ("timelines/home", "timelines/public", f"accounts/{kim.id}/statuses"):
        met = await ran_into(robin, f"v1/{where}")
        assert met == {"<p>PAY gaps</p>": ["Money"], "<p>Payday at last</p>": []}, where
    (below,) = (await robin.get(f"v1/statuses/{first['id']}/context"))["descendants"]
    (result,) = below["filtered"]
    assert (result["filter"], result["keyword_matches"], result["status_matches"]) == (made, ["pay"], None)
    assert await ran_into(kim, "v1/timelines/public") == {"<p>PAY gaps</p>": [], "<p>Payday at last</p>": []}
    async with live.assembly.federation.reading() as context:
        kept = (await context.session.execute(select(col(PersonalRecord.sealed_record)))).scalars().all()
        assert [b"pay" in blob or b"Money" in blob for blob in kept] == [False]
    clock = live.assembly.database.clock
    monkeypatch.setattr(live.assembly.database, "clock", lambda: clock() + timedelta(hours=2))
    assert await robin.get("v2/filters") == []
    assert (await ran_into(robin, "v1/timelines/home"))["<p>PAY gaps</p>"] == []


async def test_filters_are_changed_by_their_owner_alone(robin: User, kim: User) -> None:
    post, made = await kim.post("Payday at last"), await money(robin)
    path = f"v2/filters/{made['id']}"
    assert (made["context"], made["filter_action"], made["statuses"]) == (["home", "thread"], "hide", [])
    assert await robin.get("v2/filters") == [made]
    assert await robin.get(path) == made
    single = await robin.do(f"{path}/statuses", status_id=post["id"])
    assert single["status_id"] == post["id"]
    assert await robin.get(f"{path}/statuses") == [single]
    assert await robin.get(f"v2/filters/statuses/{single['id']}") == single
    assert (await robin.get(f"v1/statuses/{post['id']}"))["filtered"][0]["status_matches"] == [post["id"]]
    await robin.do(f"v2/filters/statuses/{single['id']}", method="DELETE")
    word = await robin.do(f"{path}/keywords", keyword="last", whole_word=False)
    assert word in await robin.get(f"{path}/keywords")
    assert (await robin.do(f"v2/filters/keywords/{word['id']}", method="PUT", keyword="least"))["keyword"] == "least"
    assert (await robin.get(f"v2/filters/keywords/{word['id']}"))["whole_word"] is False
    await robin.do(f"v2/filters/keywords/{word['id']}", method="DELETE")
    drop = {"id": made["keywords"][1]["id"], "_destroy": True}
    changed = await robin.do(path, method="PUT", title="Pay", expires_in="", keywords_attributes=[drop])
    assert ([word["keyword"] for word in changed["keywords"]], changed["expires_at"]) == (["pay"], None)
    assert changed["context"] == ["home", "thread"], "what is not named stays"
    for method, where in (("GET", path), ("PUT", path), ("DELETE", path), ("POST", f"{path}/keywords")):
        assert await kim.fails(where, method=method, keyword="x", title="x") == (404, "Record not found"), where
    assert (await kim.fails(f"{path}/statuses", status_id=post["id"]))[0] == 404
    await robin.do(path, method="DELETE")
    assert await robin.get("v2/filters") == []


async def test_the_first_version_shows_each_word(robin: User) -> None:
    await robin.do(
        "v2/filters", title="Two", context=["home"], keywords_attributes=[{"keyword": "a"}, {"keyword": "b"}]
    )
    made = await robin.do("v1/filters", phrase="golf", context=["home", "public"], whole_word=True, irreversible=True)
    assert (made["phrase"], made["irreversible"], made["whole_word"], made["expires_at"]) == ("golf", True, True, None)
    assert sorted(one["phrase"] for one in await robin.get("v1/filters")) == ["a", "b", "golf"]
    path = f"v1/filters/{made['id']}"
    assert (await robin.do(path, method="PUT", phrase="tennis", context=["public"]))["phrase"] == "tennis"
    assert (await robin.get(path))["context"] == ["public"]
    await robin.do(path, method="DELETE")
    assert [one["title"] for one in await robin.get("v2/filters")] == ["Two"]
    for bad in (
        {"title": "", "context": ["home"]},
        {"title": "t", "context": []},
        {"title": "t", "context": ["everywhere"]},
        {"title": "t", "context": ["home"], "filter_action": "shout"},
        {"title": "t", "context": ["home"], "expires_in": -1},
        {"title": "t", "context": ["home"], "keywords_attributes": [{"keyword": ""}]},
        {"title": "t", "context": ["home"], "keywords_attributes": [{"keyword": "k" * 513}]},
    ):
        assert (await robin.fails("v2/filters", **bad))[0] == 422, bad
    unknown = [{"id": "unknown", "keyword": "k"}]
    assert (await robin.fails("v2/filters", title="t", context=["home"], keywords_attributes=unknown))[0] == 404
    assert len(await robin.get("v2/filters")) == 1


@pytest.mark.parametrize(
    ("word", "whole", "met"),
    [
        ("pay", True, True),
        ("pay", False, True),
        ("pa", True, False),
        ("pa", False, True),
        ("warning", True, True),
        ("a chart", True, True),
        ("#tag", True, True),
        ("(x", True, True),
        ("strong", False, False),
        ("straße", True, True),
    ],
)
def test_words_are_found_in_what_is_read(clock: Clock, word: str, whole: bool, met: bool) -> None:
    content = PostContent(
        uri="https://far.example/1",
        author="https://far.example/mona",
        published=clock(),
        html="<p>No <strong>pay</strong>, <a href='https://far.example/'>#tag</a> (x) STRASSE straße</p>",
        summary="Warning",
        attachments=(Attachment(url="https://far.example/1.png", media_type="image/png", description="A chart"),),
    )
    found = matches([Filter("1", "t", ("home",), "warn", (Keyword("2", word, whole),))], content, 1)
    assert [match.keywords for match in found] == ([(word,)] if met else [])
