"""Turns an audience into addresses and inboxes. Never widens it; members of a circle are named to nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from federation import fanout, follows, outbox
from federation.addressing import Recipient, narrow_inboxes, on_other_servers, personal_inboxes, shared_inboxes
from federation.context import Context
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC
from models import LocalActor
from server.organizing.membership import records as memberships
from server.organizing.membership.states import State
from server.organizing.posts.content import Audience


@dataclass(frozen=True, slots=True)
class Addresses:
    """What stands in `to` and `cc`, of an activity and its object alike."""

    to: tuple[str, ...]
    cc: tuple[str, ...]


def addresses_of(audience: Audience, *, followers: str, named: Sequence[str]) -> Addresses:
    """The addressing that other servers read as this audience (WIRE 5.1)."""
    match audience:
        case Audience.PUBLIC:
            return Addresses((PUBLIC,), (followers, *named))
        case Audience.UNLISTED:
            return Addresses((followers,), (PUBLIC, *named))
        case Audience.FOLLOWERS:
            return Addresses((followers,), tuple(named))
        case Audience.CIRCLE:
            return Addresses((followers,), ())
        case Audience.DIRECT:
            return Addresses(tuple(named), ())


def inboxes_by_name(audience: Audience, recipients: Sequence[Recipient]) -> list[str]:
    """Where those addressed by name receive: for open posts wherever their server likes, else themselves."""
    return shared_inboxes(recipients) if audience.is_open else personal_inboxes(recipients)


async def send_to_audience(
    context: Context,
    author: LocalActor,
    audience: Audience,
    activity: Document,
    *,
    about: str,
    scope: str,
    besides: Sequence[str] = (),
    elsewhere: Sequence[str] = (),
    spread: timedelta = timedelta(),
) -> None:
    """Queues an activity for those who follow the author, or belong to the circle that it is (delayed by `spread`).

    Inboxes `elsewhere` are on servers that need to hear it once, if nobody there is reached already.
    """
    if audience not in (Audience.CIRCLE, Audience.DIRECT):
        await fanout.enqueue(
            context,
            sender=author,
            activity=activity,
            narrow=not audience.is_open,
            about=about,
            scope=scope,
            besides=besides,
            elsewhere=elsewhere,
            synchronize_followers=audience is Audience.FOLLOWERS,
        )
        return
    inboxes = [*await inboxes_by_audience(context, author, audience), *besides]
    await outbox.enqueue(
        context,
        sender=author,
        activity=activity,
        inboxes=[*inboxes, *on_other_servers(elsewhere, than=inboxes)],
        about=about,
        scope=scope,
        spread=spread,
        synchronize_followers=audience is Audience.CIRCLE,
    )


async def inboxes_by_audience(context: Context, author: LocalActor, audience: Audience) -> list[str]:
    """Where those receive who follow the author, or belong to the circle that it is. Nobody, for a direct post."""
    actor = context.origin.actor(author.id)
    if audience is Audience.DIRECT:
        return []
    if audience is Audience.CIRCLE:
        members = await memberships.of_group(context, actor, state=State.ACTIVE)
        return narrow_inboxes(member.recipient for member in members)
    edges = await follows.followers_of(context, actor)
    recipients = [Recipient(edge.follower, edge.inbox, edge.shared_inbox) for edge in edges]
    return shared_inboxes(recipients) if audience.is_open else narrow_inboxes(recipients)
