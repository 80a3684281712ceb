"""The first start, and every way in which a later one must refuse."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from federation.origin import INSTANCE_ID
from models import LocalActor, ServerSetting
from server.assembly import CannotStart, assemble, setup_token
from server.config import Settings
from server.root_key import BEGUN
from tests.builders import make_person


def settings_for(folder: Path, **given: object) -> Settings:
    return Settings(data_dir=folder / "data", domain="flex.test", **given)  # type: ignore[arg-type]


async def start(settings: Settings, *, create: bool = True) -> None:
    async with assemble(settings, create=create):
        pass


async def test_a_first_start_makes_all_it_needs_and_a_second_changes_nothing(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    await start(settings)
    key = settings.key_path.read_bytes()
    assert stat.S_IMODE(settings.key_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
    async with assemble(settings, create=False) as assembly, assembly.federation.reading() as unit:
        instance = await unit.session.get_one(LocalActor, INSTANCE_ID)
        assert (instance.kind, instance.handle) == ("Application", "flex.test")
    assert settings.key_path.read_bytes() == key


async def test_a_lost_key_is_not_replaced(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    await start(settings)
    settings.key_path.unlink()
    with pytest.raises(CannotStart, match=r"data\.key is missing"):
        await start(settings)
    assert not settings.key_path.exists()


@pytest.mark.parametrize("damage", [b"", b"not a key", b"groundswell root key\n00ff\n", b"\xff\xfe\n\n"])
async def test_a_damaged_key_is_named(tmp_path: Path, damage: bytes) -> None:
    settings = settings_for(tmp_path)
    await start(settings)
    settings.key_path.write_bytes(damage)
    with pytest.raises(CannotStart, match=r"data\.key (is damaged|cannot be read)"):
        await start(settings)


async def test_the_key_of_another_server_opens_nothing(tmp_path: Path) -> None:
    ours, theirs = settings_for(tmp_path / "a"), settings_for(tmp_path / "b")
    await start(ours)
    await start(theirs)
    ours.key_path.write_bytes(theirs.key_path.read_bytes())
    with pytest.raises(CannotStart, match="key of another one"):
        await start(ours)


async def test_an_instance_without_its_key_refuses_to_start(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    async with assemble(settings) as assembly, assembly.federation.writing() as unit:
        await unit.session.execute(text("UPDATE local_actors SET sealed_keys = NULL"))
    with pytest.raises(CannotStart, match="database is damaged"):
        await start(settings)


async def test_the_domain_is_chosen_once(tmp_path: Path) -> None:
    await start(settings_for(tmp_path))
    other = Settings(data_dir=tmp_path / "data", domain="other.test")
    with pytest.raises(CannotStart, match=r"belongs to https://flex\.test"):
        await start(other)


async def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    async with assemble(settings) as assembly, assembly.federation.writing() as unit:
        await unit.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CannotStart, match="revision 9999"):
        await start(settings)


async def test_a_key_inside_the_data_is_refused(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, root_key_file=tmp_path / "data" / "root.key")
    with pytest.raises(CannotStart, match="must not be inside"):
        await start(settings)
    assert not (tmp_path / "data").exists()


async def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    await start(settings)
    (tmp_path / "data" / "groundswell.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(CannotStart, match="does not open"):
        await start(settings)


async def test_commands_do_not_begin_a_server_by_mistake(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with pytest.raises(CannotStart, match="groundswell run"):
        await start(settings, create=False)
    assert not (settings.data_dir / BEGUN).exists()


async def test_the_setup_link_ends_with_the_first_account(tmp_path: Path) -> None:
    async with assemble(settings_for(tmp_path)) as assembly:
        async with assembly.federation.writing() as unit:
            token = await setup_token(unit)
        async with assembly.federation.writing() as unit:
            kept = await unit.session.get_one(ServerSetting, "setup_token")
            assert token is not None
            assert token not in kept.value
            await make_person(unit, "robin")
        async with assembly.federation.writing() as unit:
            assert await setup_token(unit) is None
