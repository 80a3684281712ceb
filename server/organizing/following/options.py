"""How somebody is followed: with their boosts or without, with a notice of each post, in which languages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from federation.context import Context
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind


@dataclass(frozen=True, slots=True)
class Options:
    """No `languages` are all of them."""

    boosts: bool = True
    notify: bool = False
    languages: tuple[str, ...] = ()

    def but(
        self, *, boosts: bool | None = None, notify: bool | None = None, languages: Sequence[str] | None = None
    ) -> "Options":
        """The same with what is given changed."""
        return Options(
            self.boosts if boosts is None else boosts,
            self.notify if notify is None else notify,
            self.languages if languages is None else tuple(languages),
        )


AS_EVER = Options()


def read(kept: Kept | None) -> Options:
    """The options that a record holds."""
    if kept is None:
        return AS_EVER
    values = kept.values
    return Options(values["boosts"], values["notify"], tuple(values["languages"]))


async def of_pair(context: Context, *, follower: str, followee: str) -> Options:
    """How one actor follows another; as ever, unless something was chosen."""
    return read(await records.find(context, Kind.FOLLOWING, follower, followee))


async def choose(context: Context, *, follower: str, followee: str, options: Options) -> None:
    """Keeps how one actor here follows another; what is as ever needs no record."""
    if options == AS_EVER:
        await records.remove(context, Kind.FOLLOWING, follower, followee)
        return
    values: dict[str, Any] = {
        "boosts": options.boosts,
        "notify": options.notify,
        "languages": list(options.languages),
    }
    await records.put(context, Kept(kind=Kind.FOLLOWING, owner=follower, about=followee, values=values))


async def who_wants_notice(context: Context, author: str) -> list[str]:
    """The ids of those here who chose to hear of each post of an author. Whether they still follow is not looked at."""
    return [kept.owner for kept in await records.about(context, Kind.FOLLOWING, author) if kept.values["notify"]]
