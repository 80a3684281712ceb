"""Decides whose inboxes an activity reaches. Never widens an audience, never sends to one inbox twice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random, SystemRandom

from federation.origin import BadUri, host_of


@dataclass(frozen=True, slots=True)
class Recipient:
    """An actor and where it receives, as its own document says."""

    actor: str
    inbox: str
    shared_inbox: str | None = None


_UNPREDICTABLE = SystemRandom()


def personal_inboxes(recipients: Iterable[Recipient], *, random: Random = _UNPREDICTABLE) -> list[str]:
    """Each recipient's own inbox, in random order: for direct and limited posts, Follow, Accept, Join, Flag.

    The order is random so that it says nothing of who joined when (HOSTILE-PEERS F1).
    """
    return _shuffled((recipient.inbox for recipient in recipients), random)


def shared_inboxes(recipients: Iterable[Recipient], *, random: Random = _UNPREDICTABLE) -> list[str]:
    """One inbox for all of a server's recipients where it has one, else their own, in random order.

    A shared inbox on another host than the actor's is ignored (WIRE 6.2): it could aim us at a stranger.
    """
    return _shuffled((_shared_or_own(recipient) for recipient in recipients), random)


def narrow_inboxes(recipients: Iterable[Recipient]) -> list[str]:
    """The own inbox of whoever is alone on a server, a shared one for several (WIRE 6.2, HOSTILE B17)."""
    everyone = list(recipients)
    on_host = Counter(host_of(recipient.actor) for recipient in everyone)
    alone = [recipient for recipient in everyone if on_host[host_of(recipient.actor)] == 1]
    others = [recipient for recipient in everyone if on_host[host_of(recipient.actor)] > 1]
    return [*personal_inboxes(alone), *shared_inboxes(others)]


def on_other_servers(inboxes: Iterable[str], *, than: Iterable[str]) -> list[str]:
    """The first inbox on each server that none of the others is on: for what a server needs to hear only once."""
    heard, chosen = {_host(inbox) for inbox in than}, []
    for inbox in inboxes:
        if _host(inbox) not in heard:
            heard.add(_host(inbox))
            chosen.append(inbox)
    return chosen


def _host(inbox: str) -> str:
    try:
        return host_of(inbox)
    except BadUri:  # nothing is sent there
        return ""


def _shared_or_own(recipient: Recipient) -> str:
    if recipient.shared_inbox is None:
        return recipient.inbox
    try:
        near = host_of(recipient.shared_inbox) == host_of(recipient.actor)
    except BadUri:
        near = False
    return recipient.shared_inbox if near else recipient.inbox


def _shuffled(inboxes: Iterable[str], random: Random) -> list[str]:
    distinct = list(dict.fromkeys(inboxes))
    random.shuffle(distinct)
    return distinct
