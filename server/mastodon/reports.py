"""Reports to whoever runs this server."""

from typing import Annotated

from server.api.access import Work, writes
from server.api.errors import Missing
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.report import Report
from server.mastodon.ids import find_account, find_status
from server.mastodon.serialize.accounts import account_of
from server.organizing.moderation.complaints import complain
from server.organizing.moderation.policy import MOST_POSTS
from server.organizing.posts.sight import as_viewer

routes = router()


class Complaint(Given):
    """About whom, with which of their statuses, and why."""

    account_id: str
    status_ids: list[str] = []
    comment: str = ""
    forward: bool = False
    category: str = "other"
    rule_ids: list[str] = []


@routes.post("/api/v1/reports")
async def create_report(
    work: Annotated[Work, writes("write:reports")], new: Annotated[Complaint, given(Complaint)]
) -> Report:
    """Reports an account; who did so is kept nowhere."""
    about = await find_account(work.context, new.account_id)
    if about is None:
        raise Missing
    viewer = as_viewer(work.context, work.me)
    named = dict.fromkeys(new.status_ids[: MOST_POSTS + 1])
    found = [entry for status in named if (entry := await find_status(work.context, status, viewer)) is not None]
    category = "violation" if new.rule_ids else new.category
    forwarded = await complain(
        work.context,
        actor=work.me,
        about=about,
        posts=[entry.post for entry in found],
        comment=new.comment,
        category=category,
        forward=new.forward,
    )
    return Report(
        id=str(int(work.context.now.timestamp() * 1_000)),
        category=category,
        comment=new.comment,
        forwarded=forwarded,
        created_at=work.context.now.replace(microsecond=0),
        status_ids=[str(entry.post.row.number) for entry in found],
        target_account=await account_of(work.context, about),
    )
