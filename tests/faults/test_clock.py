"""A clock that is set a day forward or back while everything runs: nothing is lost, and nothing waits for the day."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from federation import inbox_items
from server.assembly import assemble
from server.db import Database
from server.running import working
from tests.conftest import Clock
from tests.faults.site import site

pytestmark = pytest.mark.timeout(180)

DAY = timedelta(days=1)


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["ahead", "behind"])
async def test_a_clock_that_is_wrong_for_a_while(
    tmp_path: Path,
    server_database_urls: tuple[str | None, str | None],
    jump: timedelta,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.worker.LOOK_AT_CLOCK", timedelta(milliseconds=5))
    wrong_by = timedelta()
    async with site(tmp_path, server_database_urls[0]) as made:
        async with (
            assemble(made.settings, clock=lambda: datetime.now(UTC) + wrong_by) as assembly,
            working(assembly),
        ):
            made.open, door = assembly, made.open
            await made.fan_out(0)
            wrong_by = jump
            await made.fan_out(1)
            wrong_by = timedelta()
            await made.fan_out(2)
            made.open = door
            await made.until("SELECT count(*) FROM deliveries")
        made.check_deliveries()


async def test_what_came_in_while_the_clock_was_ahead_is_processed_once_it_is_right(
    database: Database, clock: Clock
) -> None:
    arrival = inbox_items.Arrival("https://far.test/mona", "https://far.test/a/1", "Create", b"{}")
    clock.advance(days=1)
    async with database.writing() as context:
        await inbox_items.put(context, [arrival])
    clock.advance(days=-1)
    async with database.writing() as context:
        assert await inbox_items.claim(context, 10) == []
        assert await inbox_items.mend_times(context) == 1
        [claim] = await inbox_items.claim(context, 10)
        assert await inbox_items.mend_times(context) == 0, "the lease of a claim is no mistake"
        await inbox_items.release_all(context)
        assert [again.id for again in await inbox_items.claim(context, 10)] == [claim.id]
