"""Those whom a post names: how they are written, linked and reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federation.addressing import Recipient
from federation.context import Context
from federation.origin import Origin, host_of
from federation.remote import known_actor
from federation.vocabulary.tags import Mention
from models import LocalActor
from server.organizing.parties import Party, local_actor, recipient_of, uri_of


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
