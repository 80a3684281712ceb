"""An inbox that answers 410: its owner is asked for, and only what its origin confirms is forgotten."""

from collections.abc import AsyncIterator
from datetime import date
from random import Random
from typing import Any

import pytest

from federation import delivery, follows, identities
from federation.origin import INSTANCE_ID
from server.db import Database
from tests.conftest import Clock
from tests.federation.receiver import Receiver
from tests.federation.sending import Sender
from tests.federation.sending import sender as make_sender


@pytest.fixture
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    async with make_sender(database, clock) as made:
        async with database.writing() as context:
            await identities.make_actor(
                context,
                kind="Application",
                handle="groundswell.test",
                keypairs=await identities.make_keypairs(),
                actor_id=INSTANCE_ID,
            )
        yield made


async def follow(sender: Sender, there: Receiver, name: str, shared: str | None = None) -> None:
    async with sender.database.writing() as context:
        edge = follows.Edge(
            follower=there.inbox(name),
            followee=sender.federation.origin.actor(sender.actor.id),
            activity=there.inbox(f"{name}/follow"),
            inbox=there.inbox(f"{name}/inbox"),
            shared_inbox=shared,
            state="accepted",
            since=date(2026, 6, 7),
        )
        await follows.put(context, edge)


async def followers(sender: Sender) -> list[str]:
    async with sender.database.reading() as context:
        edges = await follows.followers_of(context, sender.federation.origin.actor(sender.actor.id))
    return sorted(edge.follower.rpartition("/")[2] for edge in edges)


def document(there: Receiver, name: str) -> dict[str, Any]:
    base = there.inbox(name)
    return {"id": base, "type": "Person", "preferredUsername": name, "inbox": f"{base}/inbox"}


async def deliver(sender: Sender) -> None:
    await delivery.deliver_due(sender.federation, worker_id="one", random=Random(1))


async def test_an_actor_that_is_gone_loses_its_follows_and_another_does_not(sender: Sender) -> None:
    async with sender.receiver(answers=[410, 410]) as there:
        for name in ("bob", "eve", "kim"):
            await follow(sender, there, name)
        there.documents = {"/bob": None, "/eve": document(there, "eve")}
        await sender.enqueue("Create", 1, there.inbox("bob/inbox"), there.inbox("eve/inbox"))
        await deliver(sender)
        assert sorted(there.fetched) == ["/bob", "/eve"]
        assert await followers(sender) == ["eve", "kim"]


@pytest.mark.parametrize("status", [404, 403])
async def test_other_refusals_forget_nobody(sender: Sender, status: int) -> None:
    async with sender.receiver(answers=[status]) as there:
        await follow(sender, there, "bob")
        there.documents = {"/bob": None}
        await sender.enqueue("Create", 1, there.inbox("bob/inbox"))
        await deliver(sender)
        assert there.fetched == []
        assert await followers(sender) == ["bob"]


async def test_a_shared_inbox_that_is_gone_is_nobodys_own(sender: Sender) -> None:
    async with sender.receiver(answers=[410]) as there:
        await follow(sender, there, "bob", shared=there.inbox())
        there.documents = {"/bob": None}
        await sender.enqueue("Create", 1, there.inbox())
        await deliver(sender)
        assert await followers(sender) == ["bob"]


async def test_what_was_for_a_shared_inbox_that_is_gone_goes_to_each_of_its_own_once(sender: Sender) -> None:
    async with sender.receiver(answers=[410]) as there, sender.receiver() as other:
        for name in ("bob", "eve"):
            await follow(sender, there, name, shared=there.inbox("shared"))
        await follow(sender, there, "kim", shared=there.inbox("another"))
        await follow(sender, other, "lou", shared=there.inbox("shared"))
        create = await sender.enqueue("Create", 1, there.inbox("shared"), scope="river")
        update = await sender.enqueue("Update", 1, there.inbox("shared"), scope="river")
        await deliver(sender)
        assert sorted(taken.path for taken in there.taken) == ["/bob/inbox", "/eve/inbox", "/shared"]
        assert other.knocks == 0, "who is elsewhere gave an inbox that was not its server's to give"
        by_path = {taken.path: taken.activity["id"] for taken in there.taken}
        assert by_path == {"/bob/inbox": create, "/eve/inbox": create, "/shared": update}
        async with sender.database.reading() as context:
            edges = await follows.followers_of(context, sender.federation.origin.actor(sender.actor.id))
        shared = {edge.follower.rpartition("/")[2]: edge.shared_inbox for edge in edges}
        assert shared == {"bob": None, "eve": None, "kim": there.inbox("another"), "lou": there.inbox("shared")}


async def test_an_own_inbox_that_is_gone_too_is_the_end(sender: Sender) -> None:
    async with sender.receiver(answers=[410, 410]) as there:
        await follow(sender, there, "bob", shared=there.inbox("shared"))
        there.documents = {"/bob": document(there, "bob")}
        await sender.enqueue("Create", 1, there.inbox("shared"))
        await deliver(sender)
        assert there.knocks == 2
        assert await sender.deliveries() == []
