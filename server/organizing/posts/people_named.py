"""Those whom a post names: how they are written, linked and reached."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federation.addressing import Recipient
from federation.context import Context
from federation.origin import Origin, host_of
from federation.remote import known_actor
from federation.remote_store import load_by_handle
from federation.vocabulary.tags import Mention
from federation.webfinger import Handle
from models import LocalActor
from server.organizing.parties import ACTIVE, Party, local_actor, recipient_of, uri_of
from server.organizing.people.queries import find_actor

_MENTION = re.compile(r"(?<![\w@/])@(\w(?:[\w.-]{0,62}\w)?)(?:@(\w(?:[\w.-]{0,251}\w)?(?::\d{1,5})?))?", re.ASCII)

MOST_NAMES = 100
"""Names of a text that are looked for; others stay text. Of those found, a post may mention fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One actor that a post names: `acct` is `user@host`, `url` the page about it."""

    id: str
    acct: str
    url: str
    recipient: Recipient

    @property
    def mention(self) -> Mention:
        """The tag that tells its server so."""
        return Mention(href=self.id, name=f"@{self.acct}", url=self.url)


def named_of(origin: Origin, parties: Iterable[Party]) -> list[Named]:
    """Actors, local or elsewhere, as a post names them; each once."""
    return list({uri_of(origin, party): _named(origin, party) for party in parties}.values())


async def party_of(context: Context, uri: str) -> Party | None:
    """An actor by its id, as far as it is known here. Fetches nothing."""
    return await local_actor(context, uri) or await known_actor(context, uri)


async def named_in(context: Context, text: str) -> list[Party]:
    """Those whom a text names by `@user` or `@user@host`, as far as they are known here. Fetches nothing."""
    found: dict[str, Party] = {}
    for name, host in _names_in(text):
        party = await _by_name(context, name, host)
        if party is not None:
            found[party.id] = party
    return list(found.values())


async def unknown_in(context: Context, text: str) -> list[str]:
    """The handles of other servers in a text whose actors are not known here, each once."""
    found: dict[str, str] = {}
    for name, host in _names_in(text):
        if host and await _by_name(context, name, host) is None and host.lower() != context.origin.domain:
            found.setdefault(f"{name}@{host}".lower(), f"{name}@{host}")
    return list(found.values())


def _names_in(text: str) -> list[tuple[str, str]]:
    """Names with their hosts, each once, as long as there are not too many: each is a query, or a question."""
    found: dict[tuple[str, str], None] = {}
    for match in _MENTION.finditer(text):
        if len(found) >= MOST_NAMES:
            break
        found.setdefault((match[1], match[2] or ""))
    return list(found)


async def _by_name(context: Context, name: str, host: str) -> Party | None:
    if not host or host.lower() == context.origin.domain:
        local = await find_actor(context, name)
        return local if local is not None and local.state == ACTIVE else None
    stored = await load_by_handle(context, Handle(name, host.lower()))
    return stored.actor if stored is not None else None


def without(people: Sequence[Named], actor: str) -> list[Named]:
    """All but one: nobody mentions themselves."""
    return [person for person in people if person.id != actor]


def _named(origin: Origin, party: Party) -> Named:
    recipient = recipient_of(origin, party)
    if isinstance(party, LocalActor):
        acct, url = f"{party.handle}@{origin.domain}", origin.profile(party.handle)
    else:
        acct, url = f"{party.preferred_username}@{host_of(party.id)}", party.url or party.id
    return Named(id=recipient.actor, acct=acct, url=url, recipient=recipient)
