"""What waits is handled once, in order, whatever breaks on the way; and then it is forgotten."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from federation import inbox_items
from federation.context import Context
from federation.inbox import process_waiting, sweep
from federation.inbox_items import LEASE, MAX_ATTEMPTS
from federation.received import Received
from federation.table import Outcome
from federation.vocabulary.documents import Malformed
from models import ActivityTally, InboxItem, ServerSetting
from tests.conftest import Clock
from tests.federation.running import Running
from tests.federation.strangers import Stranger, strangers


async def test_a_lost_claim_changes_nothing(us: Running, bob: Stranger, clock: Clock) -> None:
    """A worker that stalled past its lease comes back while another one has taken over."""
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
    async with us.database.writing() as context:
        (stale,) = await inbox_items.claim(context, 10)
        assert await inbox_items.claim(context, 10) == []
    clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await us.process() == ["done"]
    async with us.database.writing() as context:
        assert await inbox_items.hold(context, [stale]) == set()
        with pytest.raises(inbox_items.LeaseLost):
            await inbox_items.put_off(context, stale, last=False)
    assert await us.process() == ["done"]


async def test_a_worker_that_comes_back_late_does_nothing(us: Running, bob: Stranger, clock: Clock) -> None:
    """It waited for another server past its lease; in the meantime another worker has had its own attempt."""

    async def not_yet(context: Context, received: Received) -> Outcome:
        return Outcome.RETRY

    us.program.deed = not_yet
    held = bob.hold("n/1")
    bob.serve("n/1", bob.note("n/1"))
    await us.post(bob, bob.activity("Announce", bob.uri("n/1")))
    late = asyncio.create_task(process_waiting(us.federation))
    await held.asked.wait()
    us.program.known_types[bob.uri("n/1")] = "Note"
    clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await us.process() == [None]
    assert len(us.program.received) == 1
    held.answer.set()
    assert await late == 1
    assert len(us.program.received) == 1
    assert [item.attempts for item in await us.items()] == [2]


async def test_a_crash_between_claim_and_deed_loses_nothing(us: Running, bob: Stranger, clock: Clock) -> None:
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
    async with us.database.writing() as context:
        await inbox_items.claim(context, 10)
    assert await us.process() == [None]
    clock.advance(seconds=LEASE.total_seconds())
    assert await us.process() == ["done"]


async def test_a_retry_takes_back_what_the_handler_wrote(us: Running, bob: Stranger, clock: Clock) -> None:
    async def write_and_ask_again(context: Context, received: Received) -> Outcome:
        context.session.add(ServerSetting(name="half", value="done"))
        await context.session.flush()
        return Outcome.RETRY if len(us.program.received) < 3 else Outcome.DONE

    us.program.deed = write_and_ask_again
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
    assert await us.process() == [None]
    assert await us.process() == [None]
    assert len(us.program.received) == 1
    clock.advance(minutes=1)
    assert await us.process() == [None]
    clock.advance(minutes=5)
    assert await us.process() == ["done"]


async def test_a_handler_that_breaks_is_tried_eight_times_and_named_by_class_only(
    us: Running, bob: Stranger, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(context: Context, received: Received) -> Outcome:
        raise LookupError(f"no such thing: {received.sender.id} said {received.activity.content}")

    us.program.deed = broken
    await us.post(bob, bob.activity("Flag", f"{bob.base}/n/1", content="the secret word"))
    for _ in range(MAX_ATTEMPTS + 2):
        await us.process()
        clock.advance(hours=12)
    (item,) = await us.items()
    assert (item.state, item.attempts, len(us.program.received)) == ("dead", MAX_ATTEMPTS, MAX_ATTEMPTS)
    written = "".join(capsys.readouterr())
    assert "LookupError" in written
    assert "secret" not in written
    assert bob.id not in written


async def test_one_broken_activity_does_not_stop_the_next(us: Running, bob: Stranger) -> None:
    async def broken_once(context: Context, received: Received) -> Outcome:
        if received.activity.id.endswith("/1"):
            raise LookupError
        return Outcome.DONE

    us.program.deed = broken_once
    for number in range(3):
        await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", f"a/{number}"))
    assert sorted(map(str, await us.process())) == ["None", "done", "done"]


async def test_activities_of_a_host_keep_their_order(us: Running, bob: Stranger, clock: Clock) -> None:
    for number in range(5):
        await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", f"a/{number}"))
        clock.advance(seconds=1)
    await us.process()
    assert [received.activity.id[-1] for received in us.program.received] == list("01234")


async def test_a_host_that_stumbles_holds_up_only_itself(us: Running, bob: Stranger, clock: Clock) -> None:
    """What waits behind an activity that has to come again is handed back untried; other hosts go on."""
    bob.serve("n/1", {}, status=503)
    async with strangers("carla", clock=clock) as (carla,):
        await us.post(bob, bob.activity("Create", bob.uri("n/1"), "a/1"))
        clock.advance(seconds=1)
        await us.post(bob, bob.activity("Like", bob.uri("n/1"), "a/2"))
        await us.post(carla, carla.activity("Like", carla.uri("n/1")))
        await us.process()
    assert [received.sender.id for received in us.program.received] == [carla.id]
    assert sorted(item.attempts for item in await us.items() if item.state == "waiting") == [0, 1]
    clock.advance(seconds=30)
    await us.process()
    assert [received.activity.id for received in us.program.received][1:] == [bob.uri("a/2")]


async def test_what_is_kept_is_swept_in_time(us: Running, bob: Stranger, clock: Clock) -> None:
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
    await us.process()
    for days, left in ((30, 1), (1, 0)):
        clock.advance(days=days)
        async with us.database.writing() as context:
            await sweep(context)
        assert len(await us.items()) == left


async def test_unknown_verbs_are_counted_and_let_go(us: Running, bob: Stranger) -> None:
    for number in range(3):
        answer = await us.post(bob, bob.activity("Frobnicate", f"{bob.base}/n/1", f"a/{number}"))
        assert answer.status_code == 202
    assert await us.process() == ["ignored"] * 3
    async with us.database.reading() as context:
        (tally,) = (await context.session.execute(select(ActivityTally))).scalars()
    assert (tally.verb, tally.outcome, tally.count) == ("Unrecognized", "ignored", 3)


async def test_states_only_go_forward(us: Running, bob: Stranger) -> None:
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1"))
    async with us.database.writing() as context:
        (claim,) = await inbox_items.claim(context, 10)
        assert await inbox_items.hold(context, [claim]) == {claim.id}
        await inbox_items.finish(context, [(claim, "done")])
        assert await inbox_items.hold(context, [claim]) == set()
        with pytest.raises(inbox_items.LeaseLost):
            await inbox_items.put_off(context, claim, last=True)


async def test_an_item_nobody_can_open_does_not_stop_the_rest(us: Running, bob: Stranger) -> None:
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", "a/1"))
    async with us.database.writing() as context:
        await context.session.execute(update(InboxItem).values(sealed_body=b"\x01" * 64))
    await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", "a/2"))
    assert sorted(map(str, await us.process())) == ["None", "done"]


def test_attempts_last_about_a_day() -> None:
    assert timedelta(hours=20) < sum(inbox_items.BACKOFF, timedelta()) < timedelta(hours=30)
    assert len(inbox_items.BACKOFF) == MAX_ATTEMPTS - 1


@pytest.mark.parametrize("failure", [LookupError("a bug"), Malformed("not readable"), None])
async def test_of_those_done_together_one_that_fails_leaves_nothing_and_harms_no_other(
    us: Running, bob: Stranger, failure: Exception | None
) -> None:
    async def deed(context: Context, received: Received) -> Outcome:
        name = received.activity.id.rpartition("/")[2]
        context.session.add(ServerSetting(name=f"deed {name}", value="done"))
        await context.session.flush()
        if name == "3":
            if failure is not None:
                raise failure
            return Outcome.RETRY
        return Outcome.DONE

    us.program.deed = deed
    for number in range(6):
        await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", f"a/{number}"))
    await us.process()
    ends = sorted(str(item.outcome) for item in await us.items())
    third = "refused" if isinstance(failure, Malformed) else "None"
    assert ends == sorted(["done"] * 5 + [third])
    async with us.database.reading() as context:
        names = {setting.name for setting in (await context.session.execute(select(ServerSetting))).scalars()}
        tallies = (await context.session.execute(select(ActivityTally))).scalars()
        assert sum(tally.count for tally in tallies if tally.outcome == "done") == 5
    assert {f"deed {number}" for number in (0, 1, 2, 4, 5)} == {name for name in names if name.startswith("deed")}


async def test_what_is_done_together_is_one_commit(us: Running, bob: Stranger) -> None:
    for number in range(20):
        await us.post(bob, bob.activity("Like", f"{bob.base}/n/1", f"a/{number}"))
    commits: list[None] = []
    event.listen(us.database.engine.sync_engine, "commit", lambda connection: commits.append(None))
    assert await us.process() == ["done"] * 20
    assert len(commits) < 6, "one to claim, one for all deeds, and what looks for more"
