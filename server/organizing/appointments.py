"""What was to happen at a time: scheduled posts are published, and polls that are over are closed."""

from collections.abc import Awaitable, Callable

from federation.context import Context
from federation.runtime import Federation
from server.organizing.posts import drafts, polls, scheduled, tallies


async def keep(federation: Federation) -> int:
    """Keeps some of the appointments that are due, each in a unit of work of its own; how many. Run it often.

    Cut off, it goes on where it was: what was done is committed with being noted as done.
    """
    async with federation.reading() as context:
        is_due = await scheduled.any_due(context), await tallies.any_ended(context)
    kept = 0
    for due, work in zip(is_due, _WORK, strict=True):
        if due:
            async with federation.writing() as context:
                kept += await work(context)
    return kept


_WORK: tuple[Callable[[Context], Awaitable[int]], ...] = (drafts.publish_due, polls.close_ended)
