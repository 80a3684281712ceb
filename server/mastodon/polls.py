"""Polls: their numbers, and voting in them. A poll has the id of its status."""

from typing import Annotated

from server.api.access import Visit, Work, looks, writes
from server.api.errors import Missing
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.poll import Poll
from server.mastodon.statuses import entry_of, shown
from server.organizing.posts import polls

routes = router()


class Choice(Given):
    """What one chooses, by the places of the options."""

    choices: list[int] = []


@routes.get("/api/v1/polls/{poll_id}")
async def show_poll(poll_id: str, visit: Annotated[Visit, looks("read:statuses")]) -> Poll:
    """One poll."""
    return await _poll(visit, poll_id)


@routes.post("/api/v1/polls/{poll_id}/votes")
async def vote(
    poll_id: str, work: Annotated[Work, writes("write:statuses")], choice: Annotated[Choice, given(Choice)]
) -> Poll:
    """Votes, once."""
    entry = await entry_of(work, poll_id)
    if entry.post.content.poll is None:
        raise Missing
    await polls.vote(work.context, actor=work.me, post=entry.post.id, choices=choice.choices)
    return await _poll(work, poll_id)


async def _poll(work: Work | Visit, poll_id: str) -> Poll:
    status = await shown(work, await entry_of(work, poll_id))
    if status.poll is None:
        raise Missing
    return status.poll
