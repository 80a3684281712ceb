"""Deliveries over real connections to servers that verify every signature."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import delete

from federation import delivery, leases, schedule
from models import DataKey, DomainBlock
from server.db import Database
from tests.conftest import Clock
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        yield made


async def test_an_activity_arrives_signed_and_leaves_no_trace(sender: Sender) -> None:
    async with sender.receiver() as there:
        sent = await sender.enqueue("Create", 1, there.inbox("a?x=1"), there.inbox("b"))
        assert await sender.deliver() == 2
        assert there.ids == [sent, sent]
        assert {taken.path for taken in there.taken} == {"/a", "/b"}
        assert {taken.spec for taken in there.taken} == {"cavage"}
        assert there.taken[0].activity == sender.activity("Create", 1)
        assert there.taken[0].headers["content-type"] == "application/activity+json"
        assert await sender.deliveries() == []
        assert await sender.items() == []
        async with sender.database.reading() as context:
            assert await delivery.next_due(context) is None


async def test_the_exact_bytes_are_sent_whatever_the_language(sender: Sender) -> None:
    async with sender.receiver() as there:
        await sender.enqueue("Create", 1, there.inbox(), content="Ü ✊ \u2028")
        assert await sender.deliver() == 1
        assert there.taken[0].activity["content"] == "Ü ✊ \u2028"


async def test_each_object_arrives_in_order_even_when_its_first_activity_failed(sender: Sender) -> None:
    async with sender.receiver(answers=[500]) as there:
        create = await sender.enqueue("Create", 1, there.inbox())
        await sender.deliver()
        later = [await sender.enqueue(verb, 1, there.inbox()) for verb in ("Update", "Flag")]
        other = await sender.enqueue("Create", 2, there.inbox())
        await sender.deliver()
        assert there.ids == [other]
        await sender.turn_to_next_due()
        assert await sender.deliver() == 3
        assert there.ids == [other, create, *later]


async def test_many_objects_each_keep_their_order(sender: Sender) -> None:
    async with sender.receiver() as there:
        for number in range(12):
            await sender.enqueue("Create", number, there.inbox())
        for number in range(12):
            await sender.enqueue("Update", number, there.inbox())
        assert await sender.deliver() == 24
        assert there.most_at_once <= 4
        for number in range(12):
            mine = [taken.activity["type"] for taken in there.taken if taken.activity["object"].endswith(f"/{number}")]
            assert mine == ["Create", "Update"]


async def test_more_than_one_round_is_delivered_at_once(sender: Sender) -> None:
    async with sender.receiver() as there:
        inboxes = [there.inbox(str(number)) for number in range(leases.ROUND + 5)]
        await sender.enqueue("Create", 1, *inboxes)
        assert await sender.deliver() == len(inboxes)
        assert there.most_at_once <= 4


async def test_the_other_signature_form_is_tried_and_remembered(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(accepts=("rfc9421",)) as there:
        await sender.enqueue("Create", 1, there.inbox())
        assert await sender.deliver() == 1
        assert there.knocks == 2
        await sender.enqueue("Create", 2, there.inbox())
        await sender.deliver()
        assert there.knocks == 3
        host = await sender.host(there.host)
        assert host is not None
        assert (host.signature_spec, host.spec_learned_at) == ("rfc9421", clock.now)
        clock.advance(days=31)
        await sender.enqueue("Create", 3, there.inbox())
        await sender.deliver()
        assert there.knocks == 5
        assert len(there.taken) == 3


async def test_who_refuses_both_forms_is_asked_three_times(sender: Sender) -> None:
    async with sender.receiver(accepts=()) as there:
        await sender.enqueue("Create", 1, there.inbox())
        for knocks in (2, 4, 6):
            await sender.deliver()
            assert there.knocks == knocks
            if knocks < 6:
                await sender.turn_to_next_due()
        assert await sender.deliveries() == []
        assert len(await sender.deliveries("dead")) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 413, 501])
async def test_a_final_answer_ends_the_delivery_and_drops_its_content(sender: Sender, status: int) -> None:
    async with sender.receiver(answers=[status, status]) as there:
        await sender.enqueue("Create", 1, there.inbox())
        assert await sender.deliver() == 0
        assert await sender.deliveries() == []
        [dead] = await sender.deliveries("dead")
        assert dead.delete_after == sender.clock.now + schedule.KEEP_DEAD
        assert [item.sealed_payload for item in await sender.items()] == [b""]
        host = await sender.host(there.host)
        assert host is not None
        assert (host.due, host.failures) == (None, 0)


async def test_no_second_knock_on_other_refusals(sender: Sender) -> None:
    async with sender.receiver(answers=[403]) as there:
        await sender.enqueue("Create", 1, there.inbox())
        await sender.deliver()
        assert there.knocks == 1


async def test_an_inbox_that_is_gone_is_reported(sender: Sender) -> None:
    async with sender.receiver(answers=[410]) as there:
        await sender.enqueue("Create", 1, there.inbox("bob"))
        await sender.deliver()
        assert sender.gone == [there.inbox("bob")]
        assert await sender.deliveries() == []


async def test_429_rests_the_whole_server_for_as_long_as_it_asks(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(answers=[(429, {"Retry-After": "600"})]) as there:
        for number in range(6):
            await sender.enqueue("Create", number, there.inbox())
        assert await sender.deliver(per_host=1) == 0
        assert there.knocks == 1
        clock.advance(seconds=599)
        assert await sender.deliver() == 0
        clock.advance(seconds=1)
        await sender.deliver()
        assert len(there.taken) == 6
        host = await sender.host(there.host)
        assert host is not None
        assert (host.failures, host.paused_until) == (0, None)


async def test_an_endless_retry_after_is_capped(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(answers=[(429, {"Retry-After": "999999999"})]) as there:
        await sender.enqueue("Create", 1, there.inbox())
        await sender.deliver()
        clock.advance(hours=1)
        assert await sender.deliver() == 1


async def test_after_ten_failures_a_server_gets_only_probes_until_it_answers(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(answers=[503] * 12) as there:
        for number in range(20):
            await sender.enqueue("Create", number, there.inbox())
        while (host := await sender.host(there.host)) is not None and host.failures < 10:
            await sender.deliver()
            await sender.turn_to_next_due()
        assert there.knocks == 10
        assert host is not None
        assert host.paused_until is not None
        for knocks, pause in ((11, 60), (12, 120)):
            clock.now = host.paused_until
            await sender.deliver()
            assert there.knocks == knocks
            host = await sender.host(there.host)
            assert host is not None
            assert host.paused_until == clock.now + timedelta(minutes=pause)
        await sender.deliver_all()
        assert len(there.taken) == 20


async def test_a_server_that_is_down_is_not_hammered_and_gets_everything_when_it_is_back(sender: Sender) -> None:
    async with sender.receiver() as there:
        port = int(there.host.rpartition(":")[2])
        inbox = there.inbox()
    for number in range(40):
        await sender.enqueue("Create", number, inbox)
    assert await sender.deliver() == 0
    tried = [row for row in await sender.deliveries() if row.attempts]
    assert 1 <= len(tried) <= 4
    async with sender.receiver(port=port) as there:
        await sender.deliver_all()
        assert len(set(there.ids)) == len(there.ids) == 40


async def test_a_delivery_is_given_up_after_eleven_attempts(sender: Sender, clock: Clock) -> None:
    async with sender.receiver(answers=[500] * 11) as there:
        await sender.enqueue("Create", 1, there.inbox())
        began = clock.now
        while await sender.deliveries():
            await sender.deliver()
            if await sender.deliveries():
                await sender.turn_to_next_due()
        assert there.knocks == 11
        assert timedelta(days=3) < clock.now - began < timedelta(days=7)


async def test_a_private_address_is_never_connected_to(sender: Sender) -> None:
    await sender.enqueue("Create", 1, "http://10.0.0.1/inbox", "http://[::ffff:192.168.0.1]/inbox")
    assert await sender.deliver() == 0
    assert await sender.deliveries() == []
    assert len(await sender.deliveries("dead")) == 2


async def test_a_domain_blocked_meanwhile_gets_nothing(sender: Sender) -> None:
    async with sender.receiver() as there:
        await sender.enqueue("Create", 1, there.inbox())
        async with sender.database.writing() as context:
            context.session.add(DomainBlock(domain="127.0.0.1", since=context.now.date()))
        assert await sender.deliver() == 0
        assert there.knocks == 0
        assert len(await sender.deliveries("dead")) == 1


async def test_what_was_shredded_never_leaves(sender: Sender) -> None:
    async with sender.receiver() as there:
        await sender.enqueue("Create", 1, there.inbox(), scope="river")
        kept = await sender.enqueue("Create", 2, there.inbox())
        async with sender.database.writing() as context:
            await context.session.execute(delete(DataKey).where(DataKey.scope == "river"))  # type: ignore[arg-type]
        sender.database.keyring.forget("river")
        await sender.deliver()
        assert there.ids == [kept]
        assert len(await sender.deliveries("dead")) == 1


async def test_a_redirect_elsewhere_is_not_followed(sender: Sender) -> None:
    async with sender.receiver() as other:
        answers = [(307, {"Location": other.inbox()})]
        async with sender.receiver(answers=answers) as there:
            await sender.enqueue("Create", 1, there.inbox())
            assert await sender.deliver() == 0
            assert other.knocks == 0
            assert len(await sender.deliveries()) == 1


async def test_while_our_clock_is_wrong_nothing_is_given_up(sender: Sender, clock: Clock) -> None:
    """A day ahead, every signature is refused; the answers say what time it is, and no server is at fault."""
    right = Clock()
    async with sender.receiver() as there:
        there.clock = right
        clock.advance(days=1)
        sent = await sender.enqueue("Create", 1, there.inbox())
        for _ in range(5):
            assert await sender.deliver() == 0
            await sender.turn_to_next_due()
        clock.now = right.now
        async with sender.database.writing() as context:
            await delivery.mend_times(context, worker_id="one")
        assert await sender.deliver() == 1
        assert there.ids == [sent]
