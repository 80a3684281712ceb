"""What media an author attaches to a post."""

from collections.abc import Sequence

from federation.context import Context
from federation.vocabulary.objects import Attachment
from models import LocalActor
from server.organizing.refusal import Refusal, Refused


async def attachments_of(context: Context, author: LocalActor, media: Sequence[str]) -> tuple[Attachment, ...]:
    """The media with these ids, which the author sent before. Raises `Refused`: this server takes none yet."""
    if media:
        raise Refused(Refusal("Validation failed: There is no such media attachment"))
    return ()
