"""What somebody's server was sent before they left is deleted there too, between two servers, on both databases."""

from pathlib import Path

from federation import follows
from federation.context import Context
from federation.remote import known_actor, look_up
from models import LocalActor
from server.organizing.following import service as following
from server.organizing.membership import queries as membership
from server.organizing.people import service as people
from server.organizing.posts import queries
from server.organizing.posts import service as posts
from tests.journeys.stage import Stage, stage

Urls = tuple[str | None, str | None]


async def test_a_post_is_deleted_where_its_only_follower_left(tmp_path: Path, server_database_urls: Urls) -> None:
    async with stage(tmp_path, server_database_urls) as scene:
        await scene.ask_to_follow(scene.movement)
        await scene.until_related(scene.movement, "accepted")
        uri = await scene.publish(scene.movement, "One day a week.", "supporters")
        await scene.until_kim_reads("One day a week.")
        followee = await look_up(scene.away.assembly.federation, f"@{scene.movement.handle}@{scene.home.domain}")
        async with scene.away.assembly.federation.writing() as unit:
            await following.unfollow(unit, follower=scene.kim, followee=followee)

        async def left(unit: Context) -> bool:
            return await follows.count_followers(unit, unit.origin.actor(scene.movement.id)) == 0

        await scene.home.until(left)
        await _delete(scene, scene.movement, uri)
        await _until_gone(scene, uri)


async def test_a_circles_post_is_deleted_where_its_only_member_was_removed(
    tmp_path: Path, server_database_urls: Urls
) -> None:
    async with stage(tmp_path, server_database_urls) as scene:
        await scene.ask_to_follow(scene.circle)

        async def asked(unit: Context) -> bool:
            return bool(await membership.requests_of(unit, scene.circle))

        await scene.home.until(asked)
        async with scene.home.assembly.federation.writing() as unit:
            await following.accept_request(unit, owner=scene.circle, requester=scene.kim_uri)
        await scene.until_related(scene.circle, "accepted")
        uri = await scene.publish(scene.circle, "Thursday at the canteen.", "circle")
        await scene.until_kim_reads("Thursday at the canteen.")
        async with scene.home.assembly.federation.writing() as unit:
            await following.remove_follower(unit, owner=scene.circle, follower=scene.kim_uri)
        await scene.until_related(scene.circle, None)
        await _delete(scene, scene.circle, uri)
        await _until_gone(scene, uri)


async def test_a_direct_message_goes_with_its_authors_account(tmp_path: Path, server_database_urls: Urls) -> None:
    async with stage(tmp_path, server_database_urls) as scene:
        kim = await look_up(scene.home.assembly.federation, f"@{scene.kim.handle}@{scene.away.domain}")
        async with scene.home.assembly.federation.writing() as unit:
            made = await posts.publish(unit, author=scene.robin, text="Psst.", audience="direct", mentions=[kim])
            uri, robin_uri = unit.origin.object(made.id), unit.origin.actor(scene.robin.id)

        async def arrived(unit: Context) -> bool:
            return await queries.find_post(unit, uri, scene.kim) is not None

        await scene.away.until(arrived)
        async with scene.home.assembly.federation.writing() as unit:
            robin = await unit.session.get_one(LocalActor, scene.robin.id)
            await people.delete_person(unit, person=robin)
        await _until_gone(scene, uri)
        async with scene.away.assembly.federation.reading() as unit:
            assert await known_actor(unit, robin_uri) is None


async def _delete(scene: Stage, author: LocalActor, uri: str) -> None:
    async with scene.home.assembly.federation.writing() as unit:
        await posts.delete(unit, author=author, post_id=uri)


async def _until_gone(scene: Stage, uri: str) -> None:
    async def gone(unit: Context) -> bool:
        return await queries.object_type(unit, uri) in (None, "Tombstone")

    await scene.away.until(gone)
