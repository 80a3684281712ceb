"""Reports by people here: to whoever runs this server, and if wished to the other one. Never says who complained."""

from collections.abc import Sequence
from datetime import timedelta

from crypto.tokens import random_id
from federation import outbox
from federation.context import Context
from federation.origin import INSTANCE_ID, host_of
from federation.vocabulary import builders
from models import LocalActor
from server.organizing import budgets
from server.organizing.moderation import policy, reports
from server.organizing.moderation.reports import Complaint
from server.organizing.parties import Party, uri_of
from server.organizing.posts.records import StoredPost
from server.organizing.refusal import Refusal, Refused, require

A_DAY = 20
"""Reports of one person."""

TOO_MANY = Refusal("That is enough for today; whoever runs this server has heard.")


async def complain(
    context: Context,
    *,
    actor: LocalActor,
    about: Party,
    posts: Sequence[StoredPost] = (),
    comment: str = "",
    category: str = "other",
    forward: bool = False,
) -> bool:
    """Reports somebody, with some of their posts; whether it was sent on to their server as well.

    The other server hears it from this server, and only of posts that anybody may read: the rest would tell who
    received them. Raises `Refused`, having changed nothing.
    """
    own, target = context.origin.actor(actor.id), uri_of(context.origin, about)
    require(policy.may_complain(own=own == target, comment=comment, posts=len(posts), category=category))
    require(policy.may_report(open_reports=await reports.count_open(context)))
    await _spend(context, own)
    theirs = [post for post in posts if post.content.author == target]
    activity = context.origin.activity(random_id())
    complaint = Complaint(
        actors=(target,),
        posts=tuple(post.content.uri for post in theirs),
        content=f"[{category}] {comment}".strip(),
    )
    await reports.put(context, complaint, activity=activity, host=context.origin.domain)
    if not forward or isinstance(about, LocalActor):
        return False
    instance = await context.session.get_one(LocalActor, INSTANCE_ID)
    flag = builders.flag(
        id=activity,
        actor=context.origin.actor(INSTANCE_ID),
        objects=[target, *(post.content.uri for post in theirs if post.audience.is_open)],
        content=comment,
        to=[target],
    )
    await outbox.enqueue(context, sender=instance, activity=flag, inboxes=[about.inbox], about=target)
    return True


async def _spend(context: Context, own: str) -> None:
    """Nobody fills the pile alone. The count is kept under a blind index, like that of servers."""
    allowance = budgets.Allowance(f"complaint\n{own}", A_DAY, timedelta(days=1))
    try:
        await budgets.spend(context, allowance, host=host_of(own))
    except budgets.OverBudget as over:
        raise Refused(TOO_MANY) from over
