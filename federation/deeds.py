"""Does what activities ask for: many in one unit of work, and each of them whole or not at all."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from federation import inbox_items
from federation.authority import NotAuthorized
from federation.blocks import look_up_blocks
from federation.context import Context
from federation.inbox_items import Claim, LeaseLost
from federation.origin import host_of
from federation.patience import patiently
from federation.received import Received
from federation.resolving import object_type
from federation.runtime import Federation
from federation.standing import look_up_suspended, may_still
from federation.table import Outcome
from federation.vocabulary.documents import Malformed


class Again(Exception):
    """The handler asked for another attempt; what it wrote is rolled back."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A claimed activity that may be believed, about to be handled; or, with an `outcome`, one that ends without it."""

    claim: Claim
    verb: str
    received: Received | None = None
    outcome: Outcome | None = None


Result = Outcome | Exception
"""How a deed ended; or `Again`, `LeaseLost`, or what its handler raised, and then nothing of it was done."""

_Handle = Callable[[Context, Deed], Awaitable[Result]]


async def do_all(federation: Federation, deeds: Sequence[Deed]) -> list[Result]:
    """Handles deeds in their order; the results in the same order.

    A deed's writes and the end of its item are in one unit of work. As a rule all go well and share it; where one does
    not, all are done anew, each within a savepoint, so that nothing is left of that one (a savepoint costs as much as
    a small handler). What fails then is the database, not a deed, and is waited for.
    """

    handle = partial(_handle, federation)
    if len(deeds) > 1:
        with suppress(Exception):  # whose it was shows at the second attempt
            return await _do_all(federation, deeds, handle)
    return await patiently(partial(_do_all, federation, deeds, _each_by_itself(handle)))


async def _do_all(federation: Federation, deeds: Sequence[Deed], handle: _Handle) -> list[Result]:
    async with federation.writing() as context:
        held = await inbox_items.hold(context, [deed.claim for deed in deeds])
        senders = {deed.received.sender.id for deed in deeds if deed.received is not None}
        await look_up_blocks(context, {host_of(sender) for sender in senders})
        await look_up_suspended(context, senders)
        results = [await handle(context, deed) if deed.claim.id in held else LeaseLost() for deed in deeds]
        ended = [(d, result) for d, result in zip(deeds, results, strict=True) if isinstance(result, Outcome)]
        await inbox_items.finish(context, [(deed.claim, outcome.value) for deed, outcome in ended])
        await inbox_items.tally(context, Counter((deed.verb, outcome.value) for deed, outcome in ended))
    return results


def _each_by_itself(handle: _Handle) -> _Handle:
    async def within_savepoint(context: Context, deed: Deed) -> Result:
        savepoint = await context.session.begin_nested()
        try:
            result: Result = await handle(context, deed)
            await savepoint.commit()
        except Exception as error:
            # Where that fails the whole transaction is lost, with what others in it did.
            await savepoint.rollback()
            result = Outcome.REFUSED if isinstance(error, NotAuthorized | Malformed) else error
        return result

    return within_savepoint


async def _handle(federation: Federation, context: Context, deed: Deed) -> Outcome:
    if deed.outcome is not None:
        return deed.outcome
    assert deed.received is not None  # noqa: S101  (a deed has the one or the other)
    kind = await object_type(federation.application, context, deed.received)
    handler = federation.application.table.find(deed.verb, kind)
    if handler is None or not await may_still(context, deed.received.sender.id, deed.verb):
        return Outcome.IGNORED
    outcome = await handler(context, deed.received)
    if outcome is Outcome.RETRY:
        raise Again
    return outcome
