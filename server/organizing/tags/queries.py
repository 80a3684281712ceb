"""Reads the hashtags that somebody follows, for their own eyes, and those that they show on their profile."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from federation.context import NOBODY, Context
from models import LocalActor
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind
from server.organizing.posts.timelines import timeline_of
from server.organizing.window import LONGEST, Window

MOST_SUGGESTED = 10


@dataclass(frozen=True, slots=True)
class Use:
    """How often somebody used a tag in the open posts that were looked at, and when last."""

    count: int = 0
    last: date | None = None


async def followed(context: Context, owner: LocalActor) -> list[Kept]:
    """The followed tags, newest first."""
    return await records.all_of(context, context.origin.actor(owner.id), Kind.FOLLOWED_TAG)


async def featured(context: Context, owner: LocalActor) -> list[Kept]:
    """The tags on a profile, newest first."""
    return await records.all_of(context, context.origin.actor(owner.id), Kind.FEATURED_TAG)


async def standing(context: Context, owner: LocalActor, name: str) -> tuple[bool, bool]:
    """Whether somebody follows a tag, and whether they feature it."""
    own = context.origin.actor(owner.id)
    follows, features = [
        await records.find(context, kind, own, name.lower()) for kind in (Kind.FOLLOWED_TAG, Kind.FEATURED_TAG)
    ]
    return follows is not None, features is not None


async def uses(context: Context, owner: LocalActor) -> dict[str, Use]:
    """The tags, in lower case, of the newest posts that anybody may read."""
    page = await timeline_of(context, owner, NOBODY, Window(LONGEST))
    own = [entry.post.content for entry in page.entries if entry.boosted_by is None]
    counts: Counter[str] = Counter()
    last: dict[str, date] = {}
    for content in own:
        for tag in {tag.lower() for tag in content.hashtags}:
            counts[tag] += 1
            last.setdefault(tag, content.published.date())
    return {tag: Use(count, last[tag]) for tag, count in counts.items()}


def suggested(used: dict[str, Use], besides: Collection[str]) -> list[str]:
    """The most used tags that are not featured yet."""
    names = sorted((name for name in used if name not in besides), key=lambda name: (-used[name].count, name))
    return names[:MOST_SUGGESTED]
