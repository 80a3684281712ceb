"""Direct statuses, put together by thread."""

from typing import Annotated, Any

from fastapi import Request, Response

from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.paging import Paged, link
from server.api.parameters import given
from server.api.routing import router
from server.mastodon.entities.notification import Conversation
from server.mastodon.serialize.notifications import conversations_of
from server.organizing.conversations import queries, service

routes = router()


@routes.get("/api/v1/conversations")
async def show_conversations(
    request: Request,
    response: Response,
    work: Annotated[Work, reads("read:statuses")],
    page: Annotated[Paged, given(Paged)],
) -> list[Conversation]:
    """One's conversations; that in which something was said last comes first."""
    window = page.window()
    found, numbers = await queries.page_of(work.context, work.me, window)
    link(response, request, work.context, numbers, more=len(numbers) == window.size)
    return await conversations_of(work.context, work.me, found)


@routes.post("/api/v1/conversations/{conversation_id}/read")
async def mark_read(conversation_id: str, work: Annotated[Work, writes("write:conversations")]) -> Conversation:
    """Marks one as read."""
    return await _marked(work, conversation_id, unread=False)


@routes.post("/api/v1/conversations/{conversation_id}/unread")
async def mark_unread(conversation_id: str, work: Annotated[Work, writes("write:conversations")]) -> Conversation:
    """Marks one as unread."""
    return await _marked(work, conversation_id, unread=True)


@routes.delete("/api/v1/conversations/{conversation_id}")
async def remove_conversation(
    conversation_id: str, work: Annotated[Work, writes("write:conversations")]
) -> dict[str, Any]:
    """Takes one from the list; its statuses stay."""
    await service.remove(work.context, work.me, conversation_id)
    return {}


async def _marked(work: Work, conversation_id: str, *, unread: bool) -> Conversation:
    record = await service.mark(work.context, work.me, conversation_id, unread=unread)
    found = await conversations_of(work.context, work.me, await queries.shown(work.context, work.me, [record]))
    if not found:
        raise Missing
    return found[0]
