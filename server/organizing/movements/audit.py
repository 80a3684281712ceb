"""Writes down what organizers do in the name of a movement or circle, for its organizers, for three months."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import random_id
from federation.context import Context
from models import AuditEntry, LocalActor
from server.organizing.movements.queries import scope_of_group

KEEP = timedelta(days=90)
"""How long it is known."""

MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """Who (by handle) did what, by the name of the operation."""

    by: str
    act: str
    moment: datetime


async def note(context: Context, *, actor: LocalActor, by: LocalActor, act: str) -> None:
    """Writes one act down, in the unit of work that does it."""
    own = context.origin.actor(actor.id)
    entry_id = random_id()
    record = {"by": by.handle, "act": act, "moment": context.now.replace(microsecond=0).isoformat()}
    cell = Cell("audit_entries", "sealed_record", entry_id, await scope_of_group(context, own))
    context.session.add(
        AuditEntry(
            id=entry_id,
            actor_index=_index(context, own),
            sealed_record=await context.vault.seal(cell, json.dumps(record).encode()),
            made_on=context.now.date(),
        )
    )
    await context.session.flush()


async def entries_of(context: Context, actor: LocalActor) -> list[Entry]:
    """What was done in an actor's name, newest first. For its organizers and the operator."""
    own = context.origin.actor(actor.id)
    scope = await scope_of_group(context, own)
    asked = select(AuditEntry).where(col(AuditEntry.actor_index) == _index(context, own))
    rows = await context.session.execute(asked.order_by(col(AuditEntry.made_on).desc()).limit(MOST_SHOWN))
    found = [
        _read(await context.vault.open(Cell("audit_entries", "sealed_record", row.id, scope), row.sealed_record))
        for row in rows.scalars()
    ]
    return sorted(found, key=lambda entry: entry.moment, reverse=True)


async def sweep(context: Context) -> None:
    """Forgets what is older than three months."""
    await context.session.execute(delete(AuditEntry).where(col(AuditEntry.made_on) < context.now.date() - KEEP))


def _read(plain: bytes) -> Entry:
    fields = json.loads(plain)
    return Entry(fields["by"], fields["act"], datetime.fromisoformat(fields["moment"]))


def _index(context: Context, actor: str) -> bytes:
    return context.vault.index("audit_entries.actor", actor)
