"""What is queued: in the caller's transaction, once for each inbox, sealed, and for nobody who must not get it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import delete, select, text

from crypto.sealing import CannotOpen
from federation import identities, outbox, schedule
from federation.origin import Origin
from models import DataKey, DomainBlock, RemoteHost
from server.db import Database
from tests.conftest import Clock
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender

ALPHA = "https://alpha.test/inbox"
BETA = "https://beta.test:8443/users/bob/inbox"


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


async def test_one_activity_is_kept_once_for_all_its_inboxes(sender: Sender, clock: Clock) -> None:
    woken: list[str] = []
    sender.database.woken = woken.append
    await sender.enqueue("Create", 1, ALPHA, BETA, ALPHA)
    rows = await sender.deliveries()
    [item] = await sender.items()
    assert [(row.host, row.item_id, row.due) for row in rows] == [
        ("alpha.test", item.id, clock.now),
        ("beta.test:8443", item.id, clock.now),
    ]
    assert woken == ["deliveries"]
    host = await sender.host("alpha.test")
    assert host is not None
    assert (host.due, host.failures) == (clock.now, 0)


async def test_nothing_is_queued_when_the_caller_fails(sender: Sender) -> None:
    async def fail_after_queueing() -> None:
        async with sender.database.writing() as context:
            await outbox.enqueue(
                context, sender=sender.actor, activity=sender.activity("Create", 1), inboxes=[ALPHA], about="x"
            )
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_queueing()
    assert await sender.deliveries() == []
    assert await sender.host("alpha.test") is None


async def test_neither_content_nor_inbox_is_readable_or_movable(sender: Sender) -> None:
    await sender.enqueue("Create", 1, "https://alpha.test/users/bob/inbox", content="the secret plan")
    await sender.enqueue("Create", 2, "https://alpha.test/users/eve/inbox")
    async with sender.database.writing() as context:
        rows = (await context.session.execute(text("SELECT * FROM deliveries"))).all()
        items = (await context.session.execute(text("SELECT * FROM outbox_items"))).all()
        values = [value for row in (*rows, *items) for value in row]
        stored = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
        assert b"bob" not in stored
        assert b"secret plan" not in stored
        await context.session.execute(
            text("UPDATE deliveries SET sealed_inbox = (SELECT d.sealed_inbox FROM deliveries d LIMIT 1)")
        )
    async with sender.database.reading() as context:
        rows = (await context.session.execute(text("SELECT * FROM deliveries ORDER BY number"))).all()
        opened = []
        for row in rows:
            try:
                opened.append(await outbox.open_address(context, row))
            except CannotOpen:
                opened.append(("", ""))
        assert sorted(opened)[0] == ("", "")


async def test_our_own_inboxes_and_impossible_ones_are_skipped(sender: Sender) -> None:
    async with sender.database.writing() as context:
        queued = await outbox.enqueue(
            context,
            sender=sender.actor,
            activity=sender.activity("Create", 1),
            inboxes=[
                "http://groundswell.test/ap/inbox",
                "https://GROUNDSWELL.test./ap/inbox",
                "ftp://alpha.test/inbox",
                "javascript:alert(1)",
                "https://user:word@alpha.test/inbox",
                "https:///inbox",
                "https://alpha.test/in box",
                "https://alpha.test\\@evil.test/inbox",
                "https://" + "a" * 300 + ".test/inbox",
                "",
                ALPHA,
            ],
            about="x",
        )
    assert queued == 1
    assert [row.host for row in await sender.deliveries()] == ["alpha.test"]


async def test_an_https_server_never_sends_in_the_clear(sender: Sender) -> None:
    sender.database.origin = Origin("https", "groundswell.test")
    await sender.enqueue("Create", 1, "http://alpha.test/inbox", "http://127.0.0.1/inbox")
    assert await sender.deliveries() == []
    assert await sender.items() == []


async def test_blocked_domains_and_all_below_them_get_nothing(sender: Sender) -> None:
    async with sender.database.writing() as context:
        context.session.add(DomainBlock(domain="evil.test", since=context.now.date()))
    await sender.enqueue(
        "Create", 1, "https://evil.test/inbox", "https://a.evil.test:444/inbox", "https://notevil.test/inbox"
    )
    assert [row.host for row in await sender.deliveries()] == ["notevil.test"]


async def test_a_delete_drops_what_never_left_and_is_sent_itself(sender: Sender) -> None:
    await sender.enqueue("Create", 1, ALPHA, BETA)
    await sender.enqueue("Update", 1, ALPHA)
    other = await sender.enqueue("Create", 2, ALPHA)
    like = await sender.enqueue("Like", 1, ALPHA)
    async with sender.database.writing() as context:
        await context.session.execute(text("UPDATE deliveries SET attempts = 1 WHERE host = 'beta.test:8443'"))
    await sender.enqueue("Delete", 1, ALPHA, BETA)
    rows = await sender.deliveries()
    assert [row.host for row in rows] == ["beta.test:8443", "alpha.test", "alpha.test", "alpha.test", "beta.test:8443"]
    kept = {row.item_id for row in rows}
    assert {item.id for item in await sender.items()} == kept
    assert len(kept) == 4
    assert other != like


async def test_a_delete_drops_nothing_of_another_sender(sender: Sender) -> None:
    await sender.enqueue("Create", 1, ALPHA)
    async with sender.database.writing() as context:
        stranger = await identities.make_actor(
            context, kind="Person", handle="mallory", keypairs=await identities.make_keypairs()
        )
        await outbox.enqueue(
            context,
            sender=stranger,
            activity=sender.activity("Delete", 1),
            inboxes=[ALPHA],
            about=sender.activity("Create", 1)["object"],
        )
    assert len(await sender.deliveries()) == 2


async def test_a_delete_of_something_shredded_is_queued_all_the_same(sender: Sender) -> None:
    await sender.enqueue("Create", 1, ALPHA, scope="river")
    async with sender.database.writing() as context:
        await context.session.execute(delete(DataKey).where(DataKey.scope == "river"))  # type: ignore[arg-type]
    sender.database.keyring.forget("river")
    await sender.enqueue("Delete", 1, ALPHA)
    assert len(await sender.deliveries()) == 2


async def test_a_server_is_looked_at_when_the_first_of_its_deliveries_is_due(sender: Sender, clock: Clock) -> None:
    first = clock.now
    await sender.enqueue("Create", 1, ALPHA)
    clock.advance(hours=1)
    await sender.enqueue("Create", 2, ALPHA, BETA)
    for name, due in (("alpha.test", first), ("beta.test:8443", clock.now)):
        host = await sender.host(name)
        assert host is not None
        assert host.due == due


async def test_a_spread_fan_out_starts_each_server_at_a_moment_of_its_own(sender: Sender, clock: Clock) -> None:
    spread = timedelta(minutes=2)
    inboxes = [f"https://{number}.test/{name}" for number in range(20) for name in ("a", "b")]
    await sender.enqueue("Create", 1, *inboxes, spread=spread, random=Random(3))
    starts: dict[str, set[timedelta]] = {}
    for row in await sender.deliveries():
        starts.setdefault(row.host, set()).add(row.due - clock.now)
    assert {len(moments) for moments in starts.values()} == {1}
    drawn = [min(moments) for moments in starts.values()]
    assert len(set(drawn)) == 20
    assert timedelta() < min(drawn) < spread < max(drawn) <= schedule.LONGEST_SPREAD
    async with sender.database.reading() as context:
        hosts = (await context.session.execute(select(RemoteHost))).scalars().all()
    assert {host.host: host.due for host in hosts} == {
        name: clock.now + min(moments) for name, moments in starts.items()
    }


async def test_a_fan_out_larger_than_any_statement(sender: Sender) -> None:
    inboxes = [f"https://alpha.test/users/{number}/inbox" for number in range(1_700)]
    await sender.enqueue("Create", 1, *inboxes)
    await sender.enqueue("Delete", 1, *inboxes)
    rows = await sender.deliveries()
    assert len(rows) == 1_700
    assert len({row.item_id for row in rows}) == len(await sender.items()) == 1
