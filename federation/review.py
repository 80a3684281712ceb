"""Lets go of actors elsewhere that nobody here needs any more: what strangers make known does not stay."""

from sqlalchemy import delete, select, update
from sqlmodel import col

from federation import follows
from federation.application import Application
from federation.context import Context
from federation.remote_store import REVIEW_AFTER, known_actors, uri_index
from models import RemoteActor

BATCH = 200
"""Actors looked at in one unit of work: some ten milliseconds."""


async def review_actors(context: Context, application: Application) -> int:
    """Looks at some of the actors whose day has come, and forgets those needed by nobody; how many it looked at.

    Needed are those with an edge in either direction, and those that the application names. Suspended ones stay, or
    they would be strangers again; those that are gone have their own end; of those that cannot be read it is not known.
    Call until it returns 0.
    """
    today = context.now.date()
    due = col(RemoteActor.review_on) <= today, col(RemoteActor.state) == "active"
    statement = select(col(RemoteActor.uri_index)).where(*due).limit(BATCH)
    indexes = set((await context.session.execute(statement)).scalars())
    if not indexes:
        return 0
    uris = {uri_index(context, actor.id): actor.id for actor in await known_actors(context, indexes)}
    needed = await follows.with_edges(context, uris.values())
    needed |= await application.needed_actors(context, uris.values())
    kept = {index for index in indexes if index not in uris or uris[index] in needed}
    await context.session.execute(delete(RemoteActor).where(col(RemoteActor.uri_index).in_(indexes - kept)))
    later = update(RemoteActor).where(col(RemoteActor.uri_index).in_(kept)).values(review_on=today + REVIEW_AFTER)
    await context.session.execute(later)
    return len(indexes)
