"""Turns an audience into addresses and inboxes. Never widens it; members of a circle are named to nobody."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federation import follows
from federation.addressing import Recipient, personal_inboxes, shared_inboxes
from federation.context import Context
from federation.origin import host_of
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


def narrow_inboxes(recipients: Iterable[Recipient]) -> list[str]:
    """The own inbox of whoever is alone on a server, a shared one for several (WIRE 6.2, HOSTILE B17)."""
    everyone = list(recipients)
    on_host = Counter(host_of(recipient.actor) for recipient in everyone)
    alone = [recipient for recipient in everyone if on_host[host_of(recipient.actor)] == 1]
    others = [recipient for recipient in everyone if on_host[host_of(recipient.actor)] > 1]
    return [*personal_inboxes(alone), *shared_inboxes(others)]
