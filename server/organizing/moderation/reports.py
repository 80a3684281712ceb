"""Keeps reports sealed. Remembers the server that reported, and never the person."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import random_id
from federation.context import Context
from models import Report
from server.vault import SERVER_SCOPE

KEEP = timedelta(days=180)
"""How long a report is kept."""

OPEN = "open"
CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What a report says: about which of our actors and posts, by their ids, and why."""

    actors: tuple[str, ...]
    posts: tuple[str, ...]
    content: str


async def put(context: Context, complaint: Complaint, *, activity: str, host: str) -> bool:
    """Adds an open report. False, and nothing added, when the same Flag came before."""
    index = context.vault.index("reports.activity", activity)
    known = await context.session.execute(select(col(Report.id)).where(col(Report.activity_index) == index))
    if known.first() is not None:
        return False
    report_id = random_id()
    report = Report(
        id=report_id, activity_index=index, host=host, state=OPEN, received_on=context.now.date(), sealed_record=b""
    )
    report.sealed_record = await context.vault.seal(_cell(report_id), json.dumps(asdict(complaint)).encode())
    context.session.add(report)
    await context.session.flush()
    return True


async def opened(context: Context, reports: Sequence[Report]) -> list[tuple[Report, Complaint]]:
    """Open reports with what they say."""
    return [(report, _read(await context.vault.open(_cell(report.id), report.sealed_record))) for report in reports]


async def sweep(context: Context) -> None:
    """Deletes reports that have been here for half a year, decided or not."""
    await context.session.execute(delete(Report).where(col(Report.received_on) < context.now.date() - KEEP))


async def count_open(context: Context) -> int:
    """How many reports wait for somebody to look at them."""
    statement = select(func.count()).select_from(Report).where(col(Report.state) == OPEN)
    return int((await context.session.execute(statement)).scalar_one())


def _read(plain: bytes) -> Complaint:
    fields = json.loads(plain)
    return Complaint(actors=tuple(fields["actors"]), posts=tuple(fields["posts"]), content=fields["content"])


def _cell(report_id: str) -> Cell:
    return Cell("reports", "sealed_record", report_id, SERVER_SCOPE)
