"""How somebody posts unless they say otherwise."""

from dataclasses import dataclass
from typing import Final

from federation.context import Context
from models import LocalActor
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind
from server.organizing.refusal import Refusal, Refused

VISIBILITIES: Final = ("public", "unlisted", "private", "direct")
"""In the words of clients."""

LONGEST_LANGUAGE = 35
"""Characters of a language tag (RFC 5646 section 4.4.1)."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """To whom, whether marked as sensitive, and in which language (None: it is not said)."""

    visibility: str
    sensitive: bool = False
    language: str | None = None


async def defaults_of(context: Context, owner: LocalActor) -> Defaults:
    """What somebody chose; else what is locked speaks to followers, and the rest to everybody."""
    kept = await records.find(context, Kind.DEFAULTS, context.origin.actor(owner.id), "")
    if kept is None:
        return Defaults("private" if owner.locked else "public")
    return Defaults(kept.values["visibility"], kept.values["sensitive"], kept.values["language"])


async def choose_defaults(
    context: Context,
    *,
    owner: LocalActor,
    visibility: str | None = None,
    sensitive: bool | None = None,
    language: str | None = None,
) -> None:
    """Changes what is given; an empty language is none. Raises `Refused`."""
    if visibility is not None and visibility not in VISIBILITIES:
        raise Refused(Refusal("Validation failed: Privacy is not included in the list"))
    if language is not None and len(language) > LONGEST_LANGUAGE:
        raise Refused(Refusal("Validation failed: Language is not a language"))
    now = await defaults_of(context, owner)
    values = {
        "visibility": now.visibility if visibility is None else visibility,
        "sensitive": now.sensitive if sensitive is None else sensitive,
        "language": now.language if language is None else language or None,
    }
    await records.put(context, Kept(kind=Kind.DEFAULTS, owner=context.origin.actor(owner.id), about="", values=values))
