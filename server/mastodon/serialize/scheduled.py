"""Scheduled posts as entities."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import Post
from server.mastodon.entities.scheduled import Params, ScheduledStatus
from server.organizing.posts.scheduled import Draft, Scheduled

VISIBILITIES = {"supporters": "private", "circle": "private"}
"""How clients name an audience, where it is not by our word for it."""


async def scheduled_of(context: Context, rows: Sequence[Scheduled]) -> list[ScheduledStatus]:
    """These, in this order."""
    answered = {row.draft.reply_to for row in rows if row.draft.reply_to}
    asked = select(col(Post.id), col(Post.number)).where(col(Post.id).in_(answered))
    numbers: dict[str | None, int] = (
        {row[0]: row[1] for row in await context.session.execute(asked)} if answered else {}
    )
    return [
        ScheduledStatus(
            id=str(row.number), scheduled_at=row.due, params=_params(row.draft, numbers.get(row.draft.reply_to))
        )
        for row in rows
    ]


def _params(draft: Draft, reply_to: int | None) -> Params:
    poll = {
        "options": list(draft.poll_options),
        "expires_in": draft.poll_lasts,
        "multiple": draft.poll_multiple,
        "hide_totals": draft.poll_hides_totals,
    }
    return Params(
        text=draft.text,
        visibility=VISIBILITIES.get(draft.audience, draft.audience),
        in_reply_to_id=reply_to,
        language=draft.language,
        media_ids=list(draft.media) or None,
        poll=poll if draft.poll_options else None,
        sensitive=draft.sensitive,
        spoiler_text=draft.content_warning,
    )
