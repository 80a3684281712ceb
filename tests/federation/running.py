"""The little program, running: its routes in one process, its client on loopback, its database of either kind."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from federation.client import Client
from federation.identities import make_actor, make_keypairs
from federation.inbox import process_waiting
from federation.origin import INSTANCE_ID, Origin
from federation.routes import build_router
from federation.runtime import Federation
from models import DomainBlock, InboxItem, LocalActor
from server.db import Database
from tests.federation.program import Program
from tests.federation.servers import LOOPBACK
from tests.federation.strangers import US, Document, Stranger, encoded

ORIGIN = Origin("http", "groundswell.test")


@dataclass
class Running:
    """What a test holds on to. `http` speaks to the routes as another server would."""

    federation: Federation
    program: Program
    database: Database
    http: httpx.AsyncClient
    ada: LocalActor

    async def post(
        self, sender: Stranger, activity: Document | bytes, path: str = "/ap/inbox", **how: Any
    ) -> httpx.Response:
        """Posts an activity, signed by the sender; `how` may break the signature in any way."""
        body = activity if isinstance(activity, bytes) else encoded(activity)
        headers = sender.sign(how.pop("signed_body", body), path, **{k: how[k] for k in how if k != "headers"})
        return await self.http.post(path, content=body, headers={**headers, **how.get("headers", {})})

    async def items(self) -> list[InboxItem]:
        """All that is stored of what came in."""
        async with self.database.reading() as context:
            return list((await context.session.execute(select(InboxItem))).scalars())

    async def process(self) -> list[str | None]:
        """Processes what is due, and returns how everything stored has ended so far."""
        await process_waiting(self.federation)
        return [item.outcome for item in await self.items()]

    async def block(self, domain: str) -> None:
        """Blocks a domain."""
        async with self.database.writing() as context:
            context.session.add(DomainBlock(domain=domain, since=context.now.date()))


@asynccontextmanager
async def running(database: Database, clock: Callable[[], datetime]) -> AsyncIterator[Running]:
    """Starts the program with one person, Ada, and lets it federate over plain http on loopback."""
    database.origin = ORIGIN
    program = Program()
    client = Client.create(trusted_networks=LOOPBACK, user_agent="Notebook/1.0", insecure_http=True)
    federation = Federation(
        origin=ORIGIN,
        application=program,
        client=client,
        reading=database.reading,
        writing=database.writing,
        clock=clock,
    )
    async with database.writing() as context:
        await make_actor(
            context, kind="Application", handle=ORIGIN.domain, keypairs=await make_keypairs(), actor_id=INSTANCE_ID
        )
        ada = await make_actor(context, kind="Person", handle="ada", keypairs=await make_keypairs())
    app = FastAPI()
    app.include_router(build_router(lambda request: federation))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=US) as http:
        yield Running(federation, program, database, http, ada)
    await client.aclose()
