"""Two servers, and new keys on one of them: the other goes on hearing, during the overlap and after it."""

from pathlib import Path

from federation.context import Context
from federation.identities import drop_former_keys, make_keypairs
from federation.origin import INSTANCE_ID
from federation.remote import known_actor
from models import LocalActor
from server.organizing import profiles
from tests.journeys.stage import Stage, stage

Urls = tuple[str | None, str | None]


async def renew(scene: Stage, actor: LocalActor) -> str:
    """New keys for an actor of the home server; the new public key."""
    async with scene.home.assembly.federation.writing() as unit:
        fresh = await unit.session.get_one(LocalActor, actor.id)
        await profiles.change_keys(unit, actor=fresh, keypairs=await make_keypairs())
        return fresh.public_key_pem


async def until_away_knows(scene: Stage, actor: LocalActor, pem: str) -> None:
    """Waits until the other server has this key for the actor."""
    uri = scene.home.assembly.federation.origin.actor(actor.id)

    async def knows(unit: Context) -> bool:
        known = await known_actor(unit, uri)
        return known is not None and pem in [key.pem for key in known.keys]

    await scene.away.until(knows)


async def test_a_follower_elsewhere_hears_on(tmp_path: Path, server_database_urls: Urls) -> None:
    async with stage(tmp_path, server_database_urls) as scene:
        await scene.ask_to_follow(scene.movement)
        await scene.until_related(scene.movement, "accepted")
        await scene.publish(scene.movement, "With the old key.", "public")
        await scene.until_kim_reads("With the old key.")
        pem = await renew(scene, scene.movement)
        await until_away_knows(scene, scene.movement, pem)
        await scene.publish(scene.movement, "With the new key.", "public")
        await scene.until_kim_reads("With the new key.")
        async with scene.home.assembly.federation.writing() as unit:
            fresh = await unit.session.get_one(LocalActor, scene.movement.id)
            fresh.former_until = unit.now
            await unit.session.flush()
            assert await drop_former_keys(unit) == 1
        await scene.publish(scene.movement, "After the overlap.", "public")
        await scene.until_kim_reads("After the overlap.")


async def test_the_instance_changes_its_own_key_and_fetches_on(tmp_path: Path, server_database_urls: Urls) -> None:
    async with stage(tmp_path, server_database_urls) as scene:
        async with scene.home.assembly.federation.reading() as unit:
            instance = await unit.session.get_one(LocalActor, INSTANCE_ID)
        await renew(scene, instance)
        await scene.ask_to_follow(scene.movement)
        await scene.until_related(scene.movement, "accepted")
        await scene.publish(scene.movement, "Heard all the same.", "supporters")
        await scene.until_kim_reads("Heard all the same.")
