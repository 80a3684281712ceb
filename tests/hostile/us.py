"""The server under test with its worker, and what must not change while others attack it."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import SQLModel, col

from federation.context import Context
from federation.origin import origin_of
from federation.remote import resolve_actor
from federation.runtime import Federation
from federation.vocabulary.actors import Actor
from models import Delivery, InboxItem, LocalActor, OutboxItem, RemoteHost
from server.loopback import LoopbackServer
from server.organizing.posts import records
from server.organizing.posts import service as posts
from tests.builders import make_movement, make_person
from tests.hostile.peer import Account, PeerServer
from tests.hostile.recorder import Outbound, outbound
from tests.posting import let_follow, let_join

Rows = frozenset[tuple[Any, ...]]

TAKEN_IN = ("inbox_items", "activity_tallies")
"""What changes when an activity is taken in and dropped."""

CACHED = ("remote_actors", "remote_keys")
"""What changes when an actor is believed about itself."""

ASKED = ("follows", "notifications")
"""What somebody who asks to follow leaves: the request, and that its receiver is told."""

COUNTED = ("budgets", "tombstones")
"""What changes when something is counted against its sender, or remembered so as not to happen later."""

PATIENCE = 25.0
"""Seconds that processing may take before a test gives up."""

LEASED = timedelta(minutes=5)
"""An item due later than that is being worked on; one due sooner was put back."""


@dataclass(frozen=True)
class Snapshot:
    """Every row of every table."""

    tables: Mapping[str, Rows]

    def changed(self, later: "Snapshot") -> dict[str, tuple[int, int]]:
        """The tables that differ, with how many rows went and how many came."""
        pairs = {name: (rows - later.tables[name], later.tables[name] - rows) for name, rows in self.tables.items()}
        return {name: (len(gone), len(come)) for name, (gone, come) in pairs.items() if gone or come}


@dataclass
class Watch:
    """What happened while a block ran; filled in at its end. `outcomes` are those of what was taken in, in no order."""

    outcomes: list[str | None] = field(default_factory=list)
    changed: dict[str, tuple[int, int]] = field(default_factory=dict)
    reached: Outbound = field(default_factory=Outbound)
    seconds: float = 0.0


@dataclass
class Us:
    """The server, and who and what is on it: Robin, who organizes the movement `flex` with its circle; Kim, whom
    anybody may follow; Lee, who belongs to the circle; Sam, who does not; a public post and a secret of the circle."""

    server: LoopbackServer
    robin: LocalActor
    kim: LocalActor
    lee: LocalActor
    sam: LocalActor
    flex: LocalActor
    circle: LocalActor
    public: str
    secret: str

    @property
    def federation(self) -> Federation:
        """What it federates with."""
        return self.server.assembly.federation

    @property
    def base(self) -> str:
        """Its origin."""
        return str(self.federation.origin)

    @property
    def inbox(self) -> str:
        """Its shared inbox."""
        return self.federation.origin.shared_inbox

    def uri(self, actor: LocalActor, part: str = "") -> str:
        """The id of a local actor, or of something below it."""
        return self.federation.origin.actor(actor.id, part)

    async def know(self, *accounts: Account) -> list[Actor]:
        """Has the server fetch actors, as it does on their first signature."""
        return [await resolve_actor(self.federation, account.id) for account in accounts]

    async def follow(self, account: Account, follower: LocalActor | None = None, *, state: str = "accepted") -> Actor:
        """Lets Kim, or another, follow an actor elsewhere, so that its posts concern somebody here."""
        (actor,) = await self.know(account)
        async with self.federation.writing() as context:
            await let_follow(context, follower or self.kim, actor, state=state)
        return actor

    async def admit(self, account: Account, group: LocalActor | None = None) -> Actor:
        """Makes an actor elsewhere a follower of the movement, or of another group."""
        (actor,) = await self.know(account)
        async with self.federation.writing() as context:
            await let_follow(context, actor, group or self.flex)
        return actor

    async def text_of(self, uri: str) -> str | None:
        """The stored text of a post, None when there is none."""
        async with self.federation.reading() as context:
            post = await records.find_stored(context, uri)
        return None if post is None else post.content.html

    async def settled(self, *, patience: float = PATIENCE) -> None:
        """Returns once the worker has tried all that came in and sent all that is due. Raises `TimeoutError`."""
        async with asyncio.timeout(patience):
            while await self._busy():
                await asyncio.sleep(0.02)

    async def _busy(self) -> int:
        async with self.federation.reading() as context:
            now = context.now
            waiting = col(InboxItem.state) == "waiting"
            untried = waiting & ((col(InboxItem.due) <= now) | (col(InboxItem.due) > now + LEASED))
            unsent = (col(Delivery.state) == "waiting") & (col(Delivery.due) <= now)
            counts = [select(func.count()).select_from(InboxItem).where(untried)]
            counts.append(select(func.count()).select_from(Delivery).where(unsent))
            return sum([(await context.session.execute(count)).scalar_one() for count in counts])

    async def forget_deliveries(self) -> None:
        """Drops what could not be delivered or processed, lest it be tried again while a later test looks on."""
        await self.settled()
        async with self.federation.writing() as context:
            await context.session.execute(delete(InboxItem).where(col(InboxItem.state) == "waiting"))
            for model in (Delivery, OutboxItem, RemoteHost):
                await context.session.execute(delete(model))

    async def snapshot(self) -> Snapshot:
        """All that is stored."""
        async with self.federation.reading() as context:
            tables = {
                table.name: frozenset(map(tuple, (await context.session.execute(select(table))).all()))
                for table in SQLModel.metadata.sorted_tables
            }
        return Snapshot(tables)

    async def items(self) -> Sequence[InboxItem]:
        """All that was taken in; what is done keeps no order."""
        async with self.federation.reading() as context:
            return (await context.session.execute(select(InboxItem))).scalars().all()

    async def outcome_of(self, activity: Mapping[str, Any], *, signer: str | None = None) -> str | None:
        """How one activity ended that was taken in from its actor, or from another signer."""
        async with self.federation.reading() as context:
            key = f"{origin_of(signer or activity['actor'])}\n{activity['id']}"
            same = col(InboxItem.activity_index) == context.vault.index("inbox_items.activity", key)
            return (await context.session.execute(select(InboxItem).where(same))).scalar_one().outcome

    @asynccontextmanager
    async def unchanged(
        self, *peers: PeerServer, but: Iterable[str] = (), asks: Collection[str] = (), within: float = 20.0
    ) -> AsyncIterator[Watch]:
        """Lets a block run, and what it caused be processed; then nothing may be stored but in tables of `but`,
        nothing may have been connected to but `peers`, no name looked up but `asks`, and no more time have passed."""
        await self.settled()
        watch, began = Watch(), time.monotonic()
        known = {item.id for item in await self.items()}
        before, places, names = await self.snapshot(), len(outbound().places), len(outbound().names)
        yield watch
        await self.settled()
        watch.seconds = time.monotonic() - began
        watch.reached = outbound().since(places, names)
        watch.changed = before.changed(await self.snapshot())
        watch.outcomes = [item.outcome for item in await self.items() if item.id not in known]
        assert set(watch.changed) <= set(but), watch.changed
        assert set(watch.reached.places) <= {peer.place for peer in peers}, watch.reached.places
        assert set(watch.reached.names) <= set(asks), watch.reached.names
        assert watch.seconds < within


async def furnish(server: LoopbackServer) -> Us:
    """Puts people, a movement and posts on a fresh server."""
    async with server.assembly.federation.writing() as context:
        robin, lee, sam = [await make_person(context, name) for name in ("robin", "lee", "sam")]
        kim = await make_person(context, "kim", locked=False)
        made = await make_movement(context, "flex", organizer=robin)
        await let_join(context, lee, made.circle)
        public = await posts.publish(context, author=made.actor, text="Come all", audience="public")
        secret = await posts.publish(context, author=made.circle, text="The plan", audience="circle")
        return Us(
            server, robin, kim, lee, sam, made.actor, made.circle, _uri(context, public.id), _uri(context, secret.id)
        )


def _uri(context: Context, post_id: str) -> str:
    return context.origin.object(post_id)
