"""Statuses in full: composed, done once, edited, kept, pinned; each as a client does it, and what is at rest of it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select, update
from sqlmodel import SQLModel, col

from federation.context import Context
from federation.remote_store import load_by_handle
from federation.webfinger import Handle
from models import IdempotencyKey, LocalActor, Mark, Post, PostEdit
from server.loopback import LoopbackServer, loopback_server
from server.organizing.posts.policy import MOST_PINNED
from server.organizing.posts.revisions import MOST_KEPT
from tests.builders import MadeMovement, make_movement
from tests.posting import let_join
from tests.server.mastodon.test_basics import bearer, kim, post, robin
from tests.server.signing_in import person_on, token_for

__all__ = ["kim", "robin"]

Who = dict[str, str]


async def ask(client: httpx.AsyncClient, who: Who, method: str, path: str, *, status: int = 200, **how: Any) -> Any:
    """What is answered to a request about `/api/v1/…`."""
    answer = await client.request(method, f"/api/v1/{path}", headers=who, **how)
    assert answer.status_code == status, answer.text
    return answer.json()


async def count(server: LoopbackServer, model: type[SQLModel]) -> int:
    async with server.assembly.federation.reading() as context:
        return int((await context.session.execute(select(func.count()).select_from(model))).scalar_one())


async def at_rest(server: LoopbackServer, table: str) -> list[str]:
    """The rows of a table, as somebody reads them who has the database and no key."""
    async with server.assembly.federation.reading() as context:
        rows = await context.session.execute(select(SQLModel.metadata.tables[table]))
        return [" ".join(str(value) for value in row) for row in rows.all()]


async def refuses(client: httpx.AsyncClient, who: Who, method: str, path: str, **how: Any) -> str:
    """The one clear sentence with which something is refused."""
    answer = await ask(client, who, method, path, status=422, **how)
    assert set(answer) == {"error"}
    return str(answer["error"])


async def test_under_one_key_a_status_is_posted_once(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Who, kim: Who
) -> None:
    keyed = robin | {"Idempotency-Key": "the same key"}
    assert await refuses(client, keyed, "POST", "statuses", json={"status": ""}) == "A post needs some text."
    made = await asyncio.gather(*(post(client, keyed, f"once {number}") for number in range(4)))
    assert len({status["id"] for status in made}) == 1
    assert (await post(client, keyed, "again"))["id"] == made[0]["id"]
    others = await post(client, kim | {"Idempotency-Key": "the same key"}, "another caller")
    assert others["id"] != made[0]["id"]
    rows = await at_rest(live, "idempotency_keys")
    assert len(rows) == 2
    assert not [row for row in rows if "same key" in row or made[0]["id"] in row]
    async with live.assembly.federation.writing() as context:
        past = context.now - timedelta(seconds=1)
        await context.session.execute(update(IdempotencyKey).values(expires_at=past))
    assert (await post(client, keyed, "an hour later"))["id"] != made[0]["id"]
    await ask(client, robin, "DELETE", f"statuses/{made[0]['id']}")
    assert await count(live, Post) == 3


async def test_a_status_is_edited_and_says_what_it_said(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Who, kim: Who
) -> None:
    made = await post(client, robin, "Core hours from *ten*", visibility="private", language="en")
    path = f"statuses/{made['id']}"
    source = {"id": made["id"], "text": "Core hours from *ten*", "spoiler_text": ""}
    assert await ask(client, robin, "GET", f"{path}/source") == source
    assert await ask(client, kim, "PUT", path, json={"status": "mine"}, status=404) == {"error": "Record not found"}
    assert await ask(client, kim, "GET", f"{path}/history", status=404) == {"error": "Record not found"}
    unchanged = await ask(client, robin, "PUT", path, json={"status": "Core hours from *ten*"})
    assert unchanged["edited_at"] is None
    assert await refuses(client, robin, "PUT", path, json={"status": " "}) == "A post needs some text."
    edited = await ask(client, robin, "PUT", path, json={"status": "From nine"})
    assert (edited["content"], edited["id"], edited["language"]) == ("<p>From nine</p>", made["id"], "en")
    assert edited["edited_at"].endswith(".000Z")
    warned = await ask(client, robin, "PUT", path, json={"spoiler_text": "Work"})
    assert (warned["content"], warned["spoiler_text"], warned["sensitive"]) == ("<p>From nine</p>", "Work", True)
    plain = await ask(client, robin, "PUT", path, json={"spoiler_text": "", "sensitive": True})
    assert (plain["spoiler_text"], plain["sensitive"]) == ("", True)
    history = await ask(client, robin, "GET", f"{path}/history")
    assert [version["spoiler_text"] for version in history] == ["", "", "Work", ""]
    assert history[0]["content"] == "<p>Core hours from <em>ten</em></p>"
    assert history[0]["created_at"] == made["created_at"]
    assert not [row for row in await at_rest(live, "post_edits") if "ten" in row or "Work" in row]
    for number in range(MOST_KEPT):
        await ask(client, robin, "PUT", path, json={"status": f"From {number}"})
    assert len(await ask(client, robin, "GET", f"{path}/history")) == MOST_KEPT + 1
    await ask(client, robin, "DELETE", path)
    assert await count(live, PostEdit) == 0


async def test_bookmarks_and_favourites_are_ones_own_and_paged(
    live: LoopbackServer, client: httpx.AsyncClient, robin: Who, kim: Who
) -> None:
    ids = [(await post(client, robin, f"n{number}"))["id"] for number in range(3)]
    for kept, act, undo, flag in (
        ("bookmarks", "bookmark", "unbookmark", "bookmarked"),
        ("favourites", "favourite", "unfavourite", "favourited"),
    ):
        for status_id in (*ids, ids[0]):
            assert (await ask(client, kim, "POST", f"statuses/{status_id}/{act}"))[flag] is True
        first = await client.get(f"/api/v1/{kept}", params={"limit": 2}, headers=kim)
        assert [status["id"] for status in first.json()] == [ids[2], ids[1]]
        older = httpx.URL(first.links["next"]["url"]).params
        assert [status["id"] for status in await ask(client, kim, "GET", kept, params=older)] == [ids[0]]
        assert await ask(client, robin, "GET", kept) == []
        assert (await ask(client, kim, "POST", f"statuses/{ids[2]}/{undo}"))[flag] is False
        assert [status["id"] for status in await ask(client, kim, "GET", kept)] == [ids[1], ids[0]]
    async with live.assembly.federation.reading() as context:
        posts = (await context.session.execute(select(col(Post.id)))).scalars().all()
        people = (await context.session.execute(select(col(LocalActor.id)))).scalars().all()
    marks = await at_rest(live, "marks")
    assert len(marks) == 2
    assert not [row for row in marks if any(told in row for told in (*posts, *people, *ids, "bookmark"))]
    for status_id in ids:
        for people_list in ("favourited_by", "reblogged_by"):
            assert await ask(client, robin, "GET", f"statuses/{status_id}/{people_list}") == []
    await ask(client, robin, "DELETE", f"statuses/{ids[1]}")
    assert [status["id"] for status in await ask(client, kim, "GET", "bookmarks")] == [ids[0]]
    assert await count(live, Mark) == 1


async def test_a_thread_is_muted_and_several_statuses_are_read_at_once(
    client: httpx.AsyncClient, robin: Who, kim: Who
) -> None:
    root = await post(client, robin, "root")
    reply = await post(client, kim, "reply", in_reply_to_id=root["id"])
    hidden = await post(client, robin, "to whoever follows", visibility="private")
    assert (await ask(client, kim, "POST", f"statuses/{reply['id']}/mute"))["muted"] is True
    await post(client, robin, "@kim, still?", in_reply_to_id=root["id"])
    assert await ask(client, kim, "GET", "notifications") == []
    wanted = {"id[]": [root["id"], hidden["id"], "nonsense", reply["id"]]}
    several = await ask(client, kim, "GET", "statuses", params=wanted)
    assert [(status["id"], status["muted"]) for status in several] == [(root["id"], True), (reply["id"], True)]
    assert (await ask(client, robin, "GET", f"statuses/{root['id']}"))["muted"] is False
    assert (await ask(client, kim, "POST", f"statuses/{root['id']}/unmute"))["muted"] is False
    await post(client, robin, "@kim, now?", in_reply_to_id=root["id"])
    assert len(await ask(client, kim, "GET", "notifications")) == 1


async def test_open_posts_of_ones_own_are_pinned(client: httpx.AsyncClient, robin: Who, kim: Who) -> None:
    ids = [(await post(client, robin, f"pin {number}", visibility="unlisted"))["id"] for number in range(6)]
    for status_id in ids[:MOST_PINNED]:
        assert (await ask(client, robin, "POST", f"statuses/{status_id}/pin"))["pinned"] is True
    too_many = await refuses(client, robin, "POST", f"statuses/{ids[5]}/pin")
    assert too_many == "Validation failed: You have already pinned the maximum number of posts"
    closed = await post(client, robin, "closed", visibility="private")
    assert "anyone may read" in await refuses(client, robin, "POST", f"statuses/{closed['id']}/pin")
    await ask(client, kim, "POST", f"statuses/{ids[5]}/pin", status=404)
    account = closed["account"]["id"]
    pinned = await ask(client, kim, "GET", f"accounts/{account}/statuses", params={"pinned": "true"})
    assert [status["id"] for status in pinned] == ids[4::-1]
    assert not any(status["pinned"] for status in pinned)
    featured = await client.get(f"/ap/actors/{account}/featured", headers={"Accept": "application/activity+json"})
    items = featured.json().get("orderedItems", [])
    assert [item["url"].rpartition("/")[2] for item in items] == ids[4::-1]
    await ask(client, robin, "DELETE", f"statuses/{ids[4]}")
    assert (await ask(client, robin, "POST", f"statuses/{ids[3]}/unpin"))["pinned"] is False
    left = await ask(client, robin, "GET", f"accounts/{account}/statuses", params={"pinned": "true"})
    assert [status["id"] for status in left] == ids[2::-1]


async def test_an_accounts_statuses_are_filtered(client: httpx.AsyncClient, robin: Who, kim: Who) -> None:
    said = await post(client, robin, "About #Flex")
    theirs = await post(client, kim, "kim's")
    answer = await post(client, robin, "an answer", in_reply_to_id=theirs["id"])
    boost = await ask(client, robin, "POST", f"statuses/{theirs['id']}/reblog")

    async def listed(**wished: str) -> list[str]:
        path = f"accounts/{said['account']['id']}/statuses"
        return [status["id"] for status in await ask(client, robin, "GET", path, params=wished)]

    assert await listed() == [boost["id"], answer["id"], said["id"]]
    assert await listed(exclude_replies="true") == [boost["id"], said["id"]]
    assert await listed(exclude_reblogs="1") == [answer["id"], said["id"]]
    assert await listed(tagged="flex") == [said["id"]]
    assert await listed(only_media="true") == []


async def circle_with(server: LoopbackServer, organizer: LocalActor, member: LocalActor) -> MadeMovement:
    async with server.assembly.federation.writing() as context:
        made = await make_movement(context, organizer=organizer)
        await let_join(context, member, made.circle)
        return made


async def test_nothing_said_in_a_circle_is_answered_more_widely(
    live: LoopbackServer, client: httpx.AsyncClient
) -> None:
    organizer, member = await person_on(live), await person_on(live, "kim")
    made = await circle_with(live, organizer, member)
    as_circle = bearer(await token_for(client, "robin", speaker=made.circle.id))
    as_kim = bearer(await token_for(client, "kim"))
    said = await post(client, as_circle, "Thursday, as always", visibility="private")
    assert said["visibility"] == "private"
    assert "its members only" in await refuses(
        client, as_circle, "POST", "statuses", json={"status": "x", "visibility": "public"}
    )
    for wider in ("public", "unlisted", "private"):
        body = {"status": "What about Friday?", "in_reply_to_id": said["id"], "visibility": wider}
        error = await refuses(client, as_kim, "POST", "statuses", json=body)
        assert error == "A reply cannot reach more people than what it answers."
    answer = await post(client, as_kim, "I come", in_reply_to_id=said["id"], visibility="direct")
    assert answer["in_reply_to_id"] == said["id"]
    assert await count(live, Post) == 2


async def test_whom_a_text_names_is_looked_up(
    tmp_path: Path, live: LoopbackServer, client: httpx.AsyncClient, robin: Who
) -> None:
    async with loopback_server("away", tmp_path / "away") as away:
        await person_on(away, "lee")
        await person_on(away, "mia")
        text = f"Hello @lee@{away.domain}, @nobody@{away.domain} and @x@nowhere.localhost:1"
        made = await post(client, robin, text)
        assert [mention["acct"] for mention in made["mentions"]] == [f"lee@{away.domain}"]
        assert "@nobody" in made["content"]
        async with live.assembly.federation.writing() as context:
            robins = (
                await context.session.execute(select(LocalActor).where(col(LocalActor.handle) == "robin"))
            ).scalar_one()
            circle = (await make_movement(context, organizer=robins)).circle
        as_circle = bearer(await token_for(client, "robin", speaker=circle.id))
        await post(client, as_circle, f"Who knows @mia@{away.domain}?", visibility="private")

        async def is_known(context: Context, name: str) -> bool:
            return await load_by_handle(context, Handle(name, away.domain)) is not None

        async with live.assembly.federation.reading() as context:
            assert await is_known(context, "lee")
            assert not await is_known(context, "mia"), "nobody is asked on a circle's account"
