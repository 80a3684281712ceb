"""Makes, changes and deletes lists, and puts people on them. Tells nobody. Never commits."""

from collections.abc import Sequence
from dataclasses import replace

from crypto.tokens import random_id
from federation import follows
from federation.context import Context
from models import LocalActor
from server.organizing.lists import policy
from server.organizing.lists.queries import OwnList, read
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind
from server.organizing.refusal import Refused, require


async def create(
    context: Context, *, owner: LocalActor, title: str, replies: str = "list", exclusive: bool = False
) -> OwnList:
    """Makes an empty list. Raises `Refused`."""
    own = context.origin.actor(owner.id)
    require(policy.may_call(title=title, replies=replies))
    await records.require_room(context, Kind.LIST, own, most=policy.MOST_LISTS)
    made = OwnList("", 0, title.strip(), replies, exclusive)
    return read(await records.put(context, _kept(own, random_id(), made)))


async def change(
    context: Context,
    *,
    owner: LocalActor,
    list_id: str,
    title: str | None = None,
    replies: str | None = None,
    exclusive: bool | None = None,
) -> OwnList:
    """Changes what is given. Raises `Refused`."""
    kept, made = await _own(context, owner, list_id)
    changed = replace(
        made,
        title=made.title if title is None else title.strip(),
        replies=replies or made.replies,
        exclusive=made.exclusive if exclusive is None else exclusive,
    )
    require(policy.may_call(title=changed.title, replies=changed.replies))
    return read(await records.put(context, _kept(kept.owner, kept.about, changed)))


async def delete(context: Context, *, owner: LocalActor, list_id: str) -> None:
    """Deletes a list. Raises `Refused`."""
    kept, _ = await _own(context, owner, list_id)
    await records.remove(context, Kind.LIST, kept.owner, kept.about)


async def add(context: Context, *, owner: LocalActor, list_id: str, members: Sequence[str]) -> None:
    """Puts actors whom the owner follows on a list, all of them or none. Raises `Refused`."""
    kept, made = await _own(context, owner, list_id)
    states = await follows.states_between(context, kept.owner, members)
    listed = list(made.members)
    for member in members:
        followed = states.get(member, (None, None))[0] == "accepted"
        require(policy.may_list(followed=followed, listed=len(listed)))
        if member not in listed:
            listed.append(member)
    await records.put(context, _kept(kept.owner, kept.about, replace(made, members=tuple(listed))))


async def take_out(context: Context, *, owner: LocalActor, list_id: str, members: Sequence[str]) -> None:
    """Takes actors off a list; those who are not on it change nothing. Raises `Refused`."""
    kept, made = await _own(context, owner, list_id)
    left = tuple(member for member in made.members if member not in members)
    await records.put(context, _kept(kept.owner, kept.about, replace(made, members=left)))


async def take_out_everywhere(context: Context, *, owner: str, member: str) -> None:
    """Takes an actor off all lists of an owner, both by their ids."""
    for kept in await records.all_of(context, owner, Kind.LIST):
        made = read(kept)
        if member in made.members:
            left = tuple(other for other in made.members if other != member)
            await records.put(context, _kept(owner, kept.about, replace(made, members=left)))


async def _own(context: Context, owner: LocalActor, list_id: str) -> tuple[Kept, OwnList]:
    kept = await records.find_by_id(context, Kind.LIST, context.origin.actor(owner.id), list_id)
    if kept is None:
        raise Refused(policy.NO_SUCH_LIST)
    return kept, read(kept)


def _kept(owner: str, about: str, made: OwnList) -> Kept:
    values = {
        "title": made.title,
        "replies": made.replies,
        "exclusive": made.exclusive,
        "members": list(made.members),
    }
    return Kept(kind=Kind.LIST, owner=owner, about=about, values=values)
