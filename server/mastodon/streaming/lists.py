"""Lists as streams."""

from collections.abc import Collection

from federation.context import Context
from models import LocalActor
from server.organizing.lists.queries import find_list, lists_of


async def owns_list(context: Context, owner: LocalActor, list_id: str) -> bool:
    """Whether a list with this id is somebody's own."""
    return await find_list(context, owner, list_id) is not None


async def lists_with(context: Context, author: str, owners: Collection[LocalActor]) -> dict[str, list[str]]:
    """The ids of the lists, by the id of their owner, in which an author's posts show."""
    return {
        owner.id: [made.id for made in await lists_of(context, owner) if author in made.members] for owner in owners
    }
