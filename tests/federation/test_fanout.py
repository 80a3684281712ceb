"""To followers, however many: everybody once, a part at a time, in order, and nobody who left or was called off."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select, update

from federation import fanout, follows, outbox, upkeep
from federation.context import Context
from federation.fanout import LEASE
from models import Delivery, Fanout, OutboxItem
from server.db import Database
from tests.builders import sent
from tests.conftest import Clock
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


def edge(sender: Sender, host: int, name: int, *, shared: bool = True) -> follows.Edge:
    uri = f"https://h{host}.example/users/n{name}"
    return follows.Edge(
        follower=uri,
        followee=sender.federation.origin.actor(sender.actor.id),
        activity=f"{uri}#follow",
        inbox=f"{uri}/inbox",
        shared_inbox=f"https://h{host}.example/inbox" if shared else None,
        state="accepted",
        since=date(2026, 6, 1),
    )


async def let_follow(sender: Sender, *, hosts: int, each: int, **options: Any) -> None:
    async with sender.database.writing() as context:
        for host in range(hosts):
            for name in range(each):
                await follows.put(context, edge(sender, host, name, **options))


async def post(sender: Sender, verb: str = "Create", number: object = 1, **options: Any) -> None:
    activity = sender.activity(verb, number)
    options = {"narrow": False, "about": activity["object"]} | options
    async with sender.database.writing() as context:
        await fanout.enqueue(context, sender=sender.actor, activity=activity, **options)


async def inboxes(sender: Sender, verb: str | None = None) -> Counter[str]:
    async with sender.database.reading() as context:
        waiting = await sent(context)
    return Counter(one.inbox for one in waiting if verb in (None, one.activity["type"]))


async def count(context: Context, model: Any) -> int:
    return int((await context.session.execute(select(func.count()).select_from(model))).scalar_one())


async def left(sender: Sender) -> tuple[int, int]:
    """Fan-outs and activities that are kept."""
    async with sender.database.reading() as context:
        return await count(context, Fanout), await count(context, OutboxItem)


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "AT_ONCE", 5)
    monkeypatch.setattr(fanout, "PART", 10)


async def test_a_few_are_served_with_the_deed(sender: Sender) -> None:
    await let_follow(sender, hosts=3, each=2)
    await post(sender, besides=["https://named.example/inbox"])
    everybody = [f"https://h{host}.example/inbox" for host in range(3)]
    assert await inboxes(sender) == Counter([*everybody, "https://named.example/inbox"])
    assert await left(sender) == (0, 1)


async def test_nobody_to_send_to_leaves_nothing(sender: Sender) -> None:
    await post(sender)
    assert await left(sender) == (0, 0)


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("narrow", [False, True])
async def test_many_are_served_a_part_at_a_time_and_each_once(sender: Sender, *, narrow: bool) -> None:
    await let_follow(sender, hosts=12, each=2)
    await let_follow(sender, hosts=13, each=1)  # the thirteenth server has one follower
    await post(sender, narrow=narrow, besides=["https://h3.example/inbox"], elsewhere=["https://away.example/inbox"])
    assert await inboxes(sender) == Counter(["https://h3.example/inbox", "https://away.example/inbox"])
    assert await fanout.work(sender.federation) > 2
    alone = "https://h12.example/users/n0/inbox" if narrow else "https://h12.example/inbox"
    shared = [f"https://h{host}.example/inbox" for host in range(12)]
    assert await inboxes(sender) == Counter([*shared, alone, "https://away.example/inbox"])
    assert await left(sender) == (0, 1)


@pytest.mark.usefixtures("few_at_once")
async def test_a_server_with_more_than_a_part_is_one_part(sender: Sender) -> None:
    await let_follow(sender, hosts=1, each=25, shared=False)
    await let_follow(sender, hosts=4, each=1)
    await post(sender)
    await fanout.work(sender.federation)
    assert set((await inboxes(sender)).values()) == {1}
    assert (await inboxes(sender)).total() == 25 + 3


@pytest.mark.usefixtures("few_at_once")
async def test_who_leaves_before_the_turn_gets_nothing(sender: Sender) -> None:
    await let_follow(sender, hosts=20, each=1)
    await post(sender)
    async with sender.database.writing() as context:
        await follows.remove(context, edge(sender, 7, 0))
    await fanout.work(sender.federation)
    assert "https://h7.example/inbox" not in await inboxes(sender)
    assert (await inboxes(sender)).total() == 19


@pytest.mark.usefixtures("few_at_once")
async def test_a_crash_goes_on_where_the_last_part_ended(sender: Sender, clock: Clock) -> None:
    await let_follow(sender, hosts=30, each=1)
    await post(sender)
    await fanout._part(sender.federation)
    async with sender.database.writing() as context:
        assert await fanout._take(context) is not None  # by a process that dies now
    assert await fanout.work(sender.federation) == 0
    clock.now += LEASE
    await fanout.work(sender.federation)
    assert await inboxes(sender) == Counter(f"https://h{host}.example/inbox" for host in range(30))


@pytest.mark.usefixtures("few_at_once")
async def test_what_was_taken_over_is_not_written_twice(sender: Sender, clock: Clock) -> None:
    await let_follow(sender, hosts=30, each=1)
    await post(sender)
    async with sender.database.writing() as context:
        slow = await fanout._take(context)
    assert slow is not None
    clock.now += LEASE
    await fanout.work(sender.federation)
    async with sender.database.writing() as context:
        assert not await fanout._is_mine(context, slow)
    assert set((await inboxes(sender)).values()) == {1}


@pytest.mark.usefixtures("few_at_once")
async def test_a_delete_calls_off_what_has_not_left(sender: Sender) -> None:
    await let_follow(sender, hosts=30, each=1)
    await post(sender)
    await fanout._part(sender.federation)
    await post(sender, "Delete")
    await fanout.work(sender.federation)
    assert await inboxes(sender, "Create") == Counter()
    assert (await inboxes(sender, "Delete")).total() == 30
    assert await left(sender) == (0, 1)


@pytest.mark.usefixtures("few_at_once")
async def test_what_concerns_one_object_keeps_its_order(sender: Sender) -> None:
    await let_follow(sender, hosts=30, each=1)
    await post(sender)
    await post(sender, "Update")
    await fanout.work(sender.federation)
    async with sender.database.reading() as context:
        verbs: dict[str, list[str]] = {}
        for one in await sent(context):
            verbs.setdefault(one.inbox, []).append(one.activity["type"])
    assert list(verbs.values()) == [["Create", "Update"]] * 30


@pytest.mark.usefixtures("few_at_once")
async def test_an_activity_outlives_the_deliveries_of_its_first_part(sender: Sender, clock: Clock) -> None:
    await let_follow(sender, hosts=30, each=1)
    await post(sender)
    await fanout._part(sender.federation)
    async with sender.database.writing() as context:
        items = set((await context.session.execute(select(Delivery.item_id))).scalars())  # type: ignore[call-overload]
        await context.session.execute(update(Delivery).values(delete_after=clock.now))
        await upkeep.sweep(context)
        assert await count(context, Delivery) == 0
        await outbox.discard_finished(context, items)
    await fanout.work(sender.federation)
    assert (await inboxes(sender)).total() > 15
