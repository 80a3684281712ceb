"""Gives meaning to Flag: a report of another server about people here. Nobody is notified, nothing is sent."""

from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from federation.origin import host_of
from federation.received import Received
from federation.table import Outcome
from models import LocalActor, Post
from server.organizing import budgets
from server.organizing.moderation import policy, reports
from server.organizing.moderation.reports import Complaint
from server.organizing.parties import ACTIVE

FLAGS = budgets.Allowance("flag", 20, timedelta(days=1))
LONGEST_COMPLAINT = 2_000
MOST_OBJECTS = 50


async def handle_flag_actor(context: Context, received: Received) -> Outcome:
    """Keeps a report about actors or posts of ours, sealed, for whoever runs this server to look at.

    IGNORED when it is about nobody here, a repeat, or more than 20 of one server a day (HOSTILE B19). Whether a post
    exists is answered to nobody: every outcome looks the same from outside.
    """
    activity, host = received.activity, host_of(received.sender.id)
    complaint = Complaint(
        actors=await _our_actors(context, activity.objects[:MOST_OBJECTS]),
        posts=await _our_posts(context, activity.objects[:MOST_OBJECTS]),
        content=(activity.content or activity.summary or "")[:LONGEST_COMPLAINT],
    )
    if not complaint.actors and not complaint.posts:
        return Outcome.IGNORED
    if policy.may_report(open_reports=await reports.count_open(context)) is not None:
        return Outcome.IGNORED
    try:
        await budgets.spend(context, FLAGS, host=host)
    except budgets.OverBudget:
        return Outcome.IGNORED
    kept = await reports.put(context, complaint, activity=activity.id, host=host)
    return Outcome.DONE if kept else Outcome.IGNORED


async def _our_actors(context: Context, uris: tuple[str, ...]) -> tuple[str, ...]:
    ids = _ids(context, uris, "actor")
    statement = select(col(LocalActor.id)).where(col(LocalActor.id).in_(ids), col(LocalActor.state) == ACTIVE)
    return tuple(ids[found] for found in (await context.session.execute(statement)).scalars())


async def _our_posts(context: Context, uris: tuple[str, ...]) -> tuple[str, ...]:
    ids = _ids(context, uris, "object")
    statement = select(col(Post.id)).where(col(Post.id).in_(ids), col(Post.local), col(Post.deleted_at).is_(None))
    return tuple(ids[found] for found in (await context.session.execute(statement)).scalars())


def _ids(context: Context, uris: tuple[str, ...], kind: str) -> dict[str, str]:
    """Ids of rows by the local addresses of one kind that are among some URIs."""
    located = ((uri, context.origin.locate(uri)) for uri in uris)
    return {place.id: uri for uri, place in located if place and place.kind == kind and not place.suffix}
