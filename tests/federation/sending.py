"""A sender with a real client and a real database, and short words for what its tests say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy import select
from sqlmodel import col

from crypto import keys
from federation import delivery, identities, outbox
from federation.addressing import Recipient
from federation.application import Application
from federation.client import Client
from federation.context import Context
from federation.origin import Origin
from federation.runtime import Federation
from models import Delivery, LocalActor, OutboxItem, RemoteHost
from server.db import Database
from tests.conftest import Clock
from tests.federation.receiver import Receiver, running


class NobodyBelongs:
    """Of an application, all that deliveries ask for."""

    async def members_on(self, context: Context, actor: LocalActor, host: str) -> list[Recipient]:
        """Nobody."""
        return []


NO_APPLICATION = cast(Application, NobodyBelongs())
"""Deliveries ask the application nothing else."""


@dataclass
class Sender:
    """The server under test, at `http://groundswell.test`, with one actor."""

    database: Database
    clock: Clock
    federation: Federation
    actor: LocalActor
    gone: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def receiver(self, **options: Any) -> AsyncIterator[Receiver]:
        """Another server that knows our actor's key."""
        port = options.pop("port", 0)
        key = keys.load_public_pem(self.actor.public_key_pem)
        assert isinstance(key, RSAPublicKey)
        key_id = self.federation.origin.actor(self.actor.id) + "#main-key"
        async with running(Receiver(clock=self.clock, keys={key_id: key}, **options), port=port) as receiver:
            yield receiver

    def activity(self, verb: str, number: object) -> dict[str, Any]:
        """An activity with an id that says which it is."""
        origin = self.federation.origin
        return {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": origin.activity(f"{verb}{number}"),
            "type": verb,
            "actor": origin.actor(self.actor.id),
            "object": origin.object(str(number)),
        }

    async def enqueue(
        self, verb: str, number: object, *inboxes: str, content: str | None = None, **options: Any
    ) -> str:
        """Queues an activity about an object; its id."""
        activity = self.activity(verb, number) | ({} if content is None else {"content": content})
        async with self.database.writing() as context:
            await outbox.enqueue(
                context,
                sender=self.actor,
                activity=activity,
                inboxes=inboxes,
                about=activity["object"],
                **options,
            )
        return str(activity["id"])

    def lanes(self, worker: str = "one", **options: Any) -> delivery.Lanes:
        """The lanes of a worker."""
        return delivery.Lanes(self.federation, worker_id=worker, random=Random(1), gone=self.note_gone, **options)

    async def deliver(self, worker: str = "one", **options: Any) -> int:
        """Delivers what is due."""
        return await delivery.deliver_due(
            self.federation, worker_id=worker, random=Random(1), gone=self.note_gone, **options
        )

    async def deliver_all(self) -> None:
        """Delivers until nothing waits, turning the clock from one due moment to the next."""
        while await self.deliveries():
            await self.turn_to_next_due()
            await self.deliver()

    async def note_gone(self, federation: Federation, inbox: str) -> None:
        """Remembers which inboxes were gone."""
        self.gone.append(inbox)

    async def deliveries(self, state: str = "waiting") -> list[Delivery]:
        """The rows of the queue, in order."""
        async with self.database.reading() as context:
            statement = select(Delivery).where(col(Delivery.state) == state).order_by(col(Delivery.number))
            return list((await context.session.execute(statement)).scalars())

    async def items(self) -> list[OutboxItem]:
        """The activities that are kept."""
        async with self.database.reading() as context:
            return list((await context.session.execute(select(OutboxItem))).scalars())

    async def host(self, name: str) -> RemoteHost | None:
        """What is known of a server."""
        async with self.database.reading() as context:
            return await context.session.get(RemoteHost, name)

    async def turn_to_next_due(self) -> None:
        """Moves the clock to when something is due."""
        async with self.database.reading() as context:
            due = await delivery.next_due(context)
        assert due is not None
        self.clock.now = max(due, self.clock.now)


@asynccontextmanager
async def sender(database: Database, clock: Clock) -> AsyncIterator[Sender]:
    """Everything needed to deliver over loopback."""
    database.origin = Origin("http", "groundswell.test")
    client = Client.create(trusted_networks=("127.0.0.0/8",), user_agent="Groundswell test", insecure_http=True)
    federation = Federation(
        origin=database.origin,
        application=NO_APPLICATION,
        client=client,
        reading=database.reading,
        writing=database.writing,
        clock=clock,
    )
    async with database.writing() as context:
        actor = await identities.make_actor(
            context, kind="Person", handle="alice", keypairs=await identities.make_keypairs()
        )
    try:
        yield Sender(database, clock, federation, actor)
    finally:
        await client.aclose()
