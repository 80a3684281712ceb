"""Lists as streams. There are no lists yet: nobody has one to listen to."""

from collections.abc import Collection

from federation.context import Context
from models import LocalActor


async def owns_list(context: Context, owner: LocalActor, list_id: str) -> bool:
    """Whether a list with this id is somebody's own."""
    return False


async def lists_with(context: Context, author: str, owners: Collection[LocalActor]) -> dict[str, list[str]]:
    """The ids of the lists, by the id of their owner, in which an author's posts show."""
    return {}
