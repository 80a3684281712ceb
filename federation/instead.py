"""What was for a shared inbox that is gone goes, once, to the inboxes of those for whom it was meant there.

Nobody gets it who did not have it at that inbox: the followers of its sender on that server, and who belongs to the
sender, as far as they gave this shared inbox. An inbox of somebody's own stands for nobody else.
"""

import json
from dataclasses import replace

from federation import follows, outbox
from federation.addressing import Recipient, personal_inboxes
from federation.context import Context
from federation.leases import Parcel, Work
from federation.origin import same_origin
from federation.runtime import Federation
from federation.vocabulary import Document
from models import LocalActor


async def deliver_instead(federation: Federation, work: Work, parcel: Parcel) -> int:
    """Queues a parcel whose inbox answered 410 for its recipients' own inboxes; for how many.

    Follows forget that shared inbox, so that what comes later goes to their own at once.
    """
    async with federation.writing() as context:
        sender = await context.session.get(LocalActor, parcel.sender_id)
        if sender is None or not isinstance(activity := json.loads(parcel.payload), dict):
            return 0
        edges = await follows.followers_on(context, context.origin.actor(sender.id), work.host)
        through = [edge for edge in edges if edge.shared_inbox == parcel.inbox]
        for edge in through:
            await follows.put(context, replace(edge, shared_inbox=None))
        recipients = [Recipient(edge.follower, edge.inbox) for edge in through]
        recipients += await _belonging(federation, context, sender, work.host, parcel.inbox)
        inboxes = [inbox for inbox in personal_inboxes(recipients) if inbox != parcel.inbox]
        return await outbox.enqueue(
            context,
            sender=sender,
            activity=activity,
            inboxes=[inbox for inbox in inboxes if same_origin(inbox, parcel.inbox)],
            about=_about(activity),
            scope=parcel.scope,
            synchronize_followers=parcel.synchronize_followers,
        )


async def _belonging(
    federation: Federation, context: Context, sender: LocalActor, host: str, shared_inbox: str
) -> list[Recipient]:
    members = await federation.application.members_on(context, sender, host)
    return [Recipient(member.actor, member.inbox) for member in members if member.shared_inbox == shared_inbox]


def _about(activity: Document) -> str:
    """The object that an activity is about, by which deliveries keep their order."""
    about = activity.get("object")
    named = about.get("id") if isinstance(about, dict) else about
    return named if isinstance(named, str) else str(activity.get("id"))
