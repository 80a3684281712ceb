"""Reads reports, for whoever runs this server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import Report
from server.organizing.moderation import reports


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReport:
    """A report that waits for a decision. `content` is text of a stranger, at most 2,000 characters."""

    id: str
    host: str
    received_on: date
    actors: Sequence[str]
    posts: Sequence[str]
    content: str


async def open_reports(context: Context, *, limit: int = 100) -> list[OpenReport]:
    """The oldest open reports."""
    statement = select(Report).where(col(Report.state) == reports.OPEN)
    statement = statement.order_by(col(Report.received_on), col(Report.id)).limit(limit)
    found = await reports.opened(context, (await context.session.execute(statement)).scalars().all())
    return [
        OpenReport(
            id=report.id,
            host=report.host,
            received_on=report.received_on,
            actors=complaint.actors,
            posts=complaint.posts,
            content=complaint.content,
        )
        for report, complaint in found
    ]
