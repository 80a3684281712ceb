"""Pictures on posts: those that an author uploaded before, and that hang on nothing else."""

from collections.abc import Sequence

from federation.context import Context
from federation.vocabulary.objects import Attachment
from models import LocalActor
from server.organizing.media import service as media
from server.organizing.posts.records import StoredPost


async def attachments_of(
    context: Context, author: LocalActor, medium_ids: Sequence[str], *, on: str | None = None
) -> tuple[Attachment, ...]:
    """The pictures with these ids, for a new post, or for the one that they hang `on` already. Raises `Refused`."""
    pictures = await media.take(context, author=author, medium_ids=medium_ids, on=on)
    return tuple(media.attachment_of(context.origin, picture) for picture in pictures)


async def hang(context: Context, author: LocalActor, medium_ids: Sequence[str], post: StoredPost) -> None:
    """Hangs these pictures on a post, and no others. Raises `Refused`."""
    pictures = await media.take(context, author=author, medium_ids=medium_ids, on=post.id)
    await media.hang(context, pictures=pictures, post_id=post.id, is_open=post.audience.is_open)
