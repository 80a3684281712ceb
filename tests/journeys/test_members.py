"""From a first look to membership and out again, between two servers, on both databases."""

from pathlib import Path

import httpx
import pytest

from federation.context import Context
from federation.fetch import FetchFailed, fetch_document
from models import LocalActor
from server.loopback import loopback_server
from server.organizing.following import service as following
from server.organizing.membership import queries as membership
from server.organizing.posts import queries, reactions
from server.organizing.posts import service as posts
from tests.journeys.stage import PASSPHRASE, Stage, stage

Urls = tuple[str | None, str | None]
SECRET = "Thursdaymarker at the canteen"


async def _waiting(scene: Stage) -> list[str]:
    async def look(unit: Context) -> list[str]:
        return [request.uri for request in await membership.requests_of(unit, scene.circle)]

    return await scene.home.until(look)


async def _become_a_member(scene: Stage) -> None:
    await scene.ask_to_follow(scene.circle)
    assert await _waiting(scene) == [scene.kim_uri]
    async with scene.home.assembly.federation.writing() as unit:
        await following.accept_request(unit, owner=scene.circle, requester=scene.kim_uri)
    await scene.until_related(scene.circle, "accepted")


async def test_public_posts_travel_and_answers_come_back(tmp_path: Path, server_database_urls: Urls) -> None:
    async with stage(tmp_path, server_database_urls) as scene:
        await scene.ask_to_follow(scene.movement)
        await scene.until_related(scene.movement, "accepted")
        uri = await scene.publish(scene.movement, "One day a week.", "public")
        await scene.until_kim_reads("One day a week.")
        async with scene.away.assembly.federation.writing() as unit:
            await reactions.like(unit, actor=scene.kim, post=uri)
            await reactions.boost(unit, actor=scene.kim, post=uri)
            await posts.publish(unit, author=scene.kim, text="Me.", audience="unlisted", reply_to=uri)

        async def answered(unit: Context) -> list[str]:
            thread = await queries.thread(unit, uri, scene.movement)
            return [post.content.author for post in thread.descendants] if thread else []

        assert await scene.home.until(answered) == [scene.kim_uri]
        async with scene.home.assembly.federation.writing() as unit:
            await posts.delete(unit, author=scene.movement, post_id=uri)

        async def gone(unit: Context) -> bool:
            return await queries.find_post(unit, uri, scene.kim) is None

        await scene.away.until(gone)


async def test_a_circle_tells_its_members_and_nobody_else(tmp_path: Path, server_database_urls: Urls) -> None:
    async with stage(tmp_path, server_database_urls) as scene:
        before = await scene.publish(scene.circle, "Before Kim.", "circle")
        await _become_a_member(scene)
        uri = await scene.publish(scene.circle, SECRET, "circle")
        await scene.until_kim_reads(SECRET)
        assert (await fetch_document(scene.away.assembly.federation, uri))["id"] == uri
        async with loopback_server("magpie", tmp_path / "stranger") as stranger:
            for hidden in (uri, before):
                with pytest.raises(FetchFailed) as refusal:
                    await fetch_document(stranger.assembly.federation, hidden)
                assert refusal.value.status == 404


async def test_a_removed_member_hears_and_fetches_nothing_more(tmp_path: Path, server_database_urls: Urls) -> None:
    async with stage(tmp_path, server_database_urls) as scene:
        await scene.ask_to_follow(scene.movement)
        await _become_a_member(scene)
        async with scene.home.assembly.federation.writing() as unit:
            await following.remove_follower(unit, owner=scene.circle, follower=scene.kim_uri)
        await scene.until_related(scene.circle, None)
        secret = await scene.publish(scene.circle, SECRET, "circle")
        await scene.publish(scene.movement, "Public, and later.", "public")
        await scene.until_kim_reads("Public, and later.")
        async with scene.away.assembly.federation.reading() as unit:
            assert not any(SECRET in text for text in await scene.read_by_kim(unit))
        with pytest.raises(FetchFailed) as refusal:
            await fetch_document(scene.away.assembly.federation, secret)
        assert refusal.value.status == 404


async def test_nothing_at_rest_names_a_member_or_tells_what_a_circle_said(tmp_path: Path) -> None:
    async with stage(tmp_path, (None, None)) as scene:
        await _become_a_member(scene)
        await scene.publish(scene.circle, SECRET, "circle")
        await scene.until_kim_reads(SECRET)
        markers = [scene.kim.id, "kimmarker", scene.kim_uri, SECRET, PASSPHRASE]
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert any(path.name == "groundswell.sqlite3" for path in files)
    for path in files:
        content = path.read_bytes()
        assert [marker for marker in markers if marker.encode() in content] == [], path.name
    assert SECRET.encode() not in b"".join(
        path.read_bytes() for path in (tmp_path / "away").rglob("*") if path.is_file()
    )


async def test_no_address_of_the_server_tells_who_belongs(tmp_path: Path) -> None:
    async with stage(tmp_path, (None, None)) as scene:
        await scene.ask_to_follow(scene.movement)
        await scene.until_related(scene.movement, "accepted")
        await _become_a_member(scene)
        secret = await scene.publish(scene.circle, SECRET, "circle")
        for url in _crawl(scene, secret):
            answer = await _ask(scene, url)
            for marker in (scene.kim.id, "kimmarker", scene.kim_uri, scene.away.domain, SECRET, scene.robin.id):
                assert marker not in answer.text, url
            if "followers" in url or "members" in url:
                assert "totalItems" not in answer.json() or answer.json()["totalItems"] == 0


async def _ask(scene: Stage, url: str) -> httpx.Response:
    """As anybody might, unsigned."""
    address = url.replace(f"http://{scene.home.domain}", scene.home.address)
    headers = {"Host": scene.home.domain, "Accept": "application/activity+json"}
    async with httpx.AsyncClient() as client:
        return await client.get(address, headers=headers)


def _crawl(scene: Stage, secret: str) -> list[str]:
    origin = scene.home.assembly.federation.origin
    parts = ("", "outbox", "followers", "following", "featured", "moderators", "members", "followers_synchronization")
    groups: tuple[LocalActor, ...] = (scene.movement, scene.circle)
    urls = [origin.actor(group.id, part) for group in groups for part in parts]
    urls += [f"{origin.actor(group.id, 'followers')}?cursor=start" for group in groups]
    urls += [secret, f"{secret}/activity", f"{secret}/replies"]
    urls += [origin.profile(group.handle) for group in groups]
    return [*urls, f"{origin}/nodeinfo/2.1", f"{origin}/", f"{origin}/.well-known/nodeinfo"]
