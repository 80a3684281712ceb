"""Follows and features hashtags. Tells nobody. Never commits."""

from federation.context import Context
from models import LocalActor
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind
from server.organizing.refusal import Refusal, Refused, require
from server.organizing.tags import policy

NO_SUCH_TAG = Refusal("Record not found", missing=True)
_MOST = {Kind.FOLLOWED_TAG: policy.MOST_FOLLOWED, Kind.FEATURED_TAG: policy.MOST_FEATURED}


async def follow_tag(context: Context, *, owner: LocalActor, name: str) -> None:
    """Brings public posts with a hashtag into one's home. Raises `Refused`."""
    await _keep(context, Kind.FOLLOWED_TAG, owner, name)


async def unfollow_tag(context: Context, *, owner: LocalActor, name: str) -> None:
    """Takes them out again."""
    await records.remove(context, Kind.FOLLOWED_TAG, context.origin.actor(owner.id), name.lower())


async def feature(context: Context, *, owner: LocalActor, name: str) -> Kept:
    """Shows a hashtag on one's profile, to anybody. Raises `Refused`."""
    return await _keep(context, Kind.FEATURED_TAG, owner, name)


async def unfeature(context: Context, *, owner: LocalActor, name: str) -> None:
    """Shows it no more."""
    await records.remove(context, Kind.FEATURED_TAG, context.origin.actor(owner.id), name.lower())


async def unfeature_by_id(context: Context, *, owner: LocalActor, record_id: str) -> None:
    """The same by the id in the list. Raises `Refused` where there is none."""
    kept = await records.find_by_id(context, Kind.FEATURED_TAG, context.origin.actor(owner.id), record_id)
    if kept is None:
        raise Refused(NO_SUCH_TAG)
    await unfeature(context, owner=owner, name=kept.about)


async def _keep(context: Context, kind: Kind, owner: LocalActor, name: str) -> Kept:
    tag, own = name.removeprefix("#"), context.origin.actor(owner.id)
    require(policy.may_name(name=tag))
    known = await records.find(context, kind, own, tag.lower())
    if known is not None:
        return known
    await records.require_room(context, kind, own, most=_MOST[kind])
    return await records.put(context, Kept(kind=kind, owner=own, about=tag.lower(), values={"name": tag}))
