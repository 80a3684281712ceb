"""Gives stored activities to their handlers, each exactly once, in order for each host. Never fetches while writing."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import groupby

import structlog

from federation import inbox_items
from federation.authority import NotAuthorized
from federation.fetch_errors import FetchFailed
from federation.inbox_items import MAX_ATTEMPTS, Claim, LeaseLost
from federation.received import Received
from federation.resolving import Dropped, object_type, read_activity, resolve
from federation.runtime import Federation
from federation.standing import may_still
from federation.synchronization import CannotSynchronize, synchronize
from federation.table import Outcome
from federation.upkeep import note_alive
from federation.vocabulary.actors import Actor
from federation.vocabulary.documents import Malformed

log = structlog.get_logger()

LANES = 512
"""How many hosts' activities are worked on at once: so many must wait for servers that hang before others have to."""

LINGER = 0.5
"""Seconds after which a lane is left to itself, and what has come from other hosts since is taken up."""

PATIENCE = 15.0
"""Seconds that one activity may wait for other servers before it has to come again."""

BREATHER = timedelta(seconds=30)
"""How long the rest of a host's activities wait after one of them had to wait in vain."""


class _Again(Exception):
    """The handler asked for another attempt; what it wrote is rolled back."""


async def process_waiting(federation: Federation, *, limit: int = 50) -> int:
    """Processes what is due, `limit` activities at a time, until nothing is; returns how many it took up.

    Each is handled once: its handler's writes and the end of its item are one unit of work. What fails is tried up
    to eight times over about a day. A host whose activity waits for a server that hangs keeps nobody else waiting
    (HOSTILE C5). Safe to run in any number of processes.
    """
    lanes: dict[str, asyncio.Task[None]] = {}
    taken = 0
    try:
        while True:
            claims = await _claim(federation, min(limit, LANES - len(lanes)), but=lanes)
            taken += len(claims)
            by_host = groupby(sorted(claims, key=lambda claim: claim.host), key=lambda claim: claim.host)
            new = {host: asyncio.create_task(_run_lane(federation, list(of_host))) for host, of_host in by_host}
            lanes |= new
            if not lanes:
                return taken
            await asyncio.wait((new or lanes).values(), timeout=LINGER)
            for host in [host for host, lane in lanes.items() if lane.done()]:
                failure = lanes.pop(host).exception()
                if failure is not None:  # what the lane had left comes again after its lease; the others go on
                    log.error("lane failed", error=type(failure).__name__)
    finally:
        for lane in lanes.values():
            lane.cancel()
        await asyncio.gather(*lanes.values(), return_exceptions=True)


async def _claim(federation: Federation, limit: int, *, but: Collection[str]) -> list[Claim]:
    async with federation.writing() as context:
        claims = await inbox_items.claim(context, limit, but=but)
        for host in {claim.host for claim in claims}:
            await note_alive(context, host)
    return claims


async def _run_lane(federation: Federation, claims: Sequence[Claim]) -> None:
    """One host's activities in the order they came. One that waits in vain for a server ends the lane's turn."""
    for position, claim in enumerate(claims):
        if not await _attempt(federation, claim):
            async with federation.writing() as context:
                await inbox_items.hand_back(context, claims[position + 1 :], until=context.now + BREATHER)
            return


async def _attempt(federation: Federation, claim: Claim) -> bool:
    """Tries one activity, and sees to it that a failed one comes again. False when a server was waited for in vain."""
    try:
        try:
            await _settle(federation, claim)
        except (FetchFailed, TimeoutError):
            await _try_again(federation, claim)
            return False
        except _Again:
            await _try_again(federation, claim)
    except LeaseLost:
        log.info("activity taken over", item=claim.id)
    except Exception as error:  # a handler's bug must not stop the others; only its class may be told
        log.error("activity failed", item=claim.id, attempt=claim.attempt, error=type(error).__name__)
        await _try_again(federation, claim)
    return True


async def _settle(federation: Federation, claim: Claim) -> None:
    """One attempt at one item. Raises when there has to be another."""
    async with federation.reading() as context:
        incoming = await inbox_items.open_body(context, claim)
    activity = read_activity(incoming.body)
    try:
        async with asyncio.timeout(PATIENCE):
            received = await resolve(federation, activity, incoming)
            kind = await object_type(federation, received)
        await _handle(federation, claim, received, kind)
        if incoming.synchronization is not None:
            await _synchronize(federation, received.sender, incoming.synchronization)
    except Dropped as dropped:
        await _end(federation, claim, activity.type, dropped.outcome)
    except (NotAuthorized, Malformed):
        await _end(federation, claim, activity.type, Outcome.REFUSED)
    except FetchFailed as error:
        if error.transient:
            raise
        await _end(federation, claim, activity.type, Outcome.IGNORED if error.gone else Outcome.REFUSED)


async def _handle(federation: Federation, claim: Claim, received: Received, kind: str) -> None:
    verb = received.activity.type
    handler = federation.application.table.find(verb, kind)
    async with federation.writing() as context:
        await inbox_items.hold(context, claim)
        outcome = Outcome.IGNORED
        if handler is not None and await may_still(context, received.sender.id, verb):
            outcome = await handler(context, received)
        if outcome is Outcome.RETRY:
            raise _Again
        await inbox_items.advance(context, claim, "done", outcome=outcome.value)
        await inbox_items.tally(context, verb, outcome.value)


async def _synchronize(federation: Federation, sender: Actor, header: str) -> None:
    """Compares whom of ours the sender thinks it has as followers. The activity is done whatever comes of it."""
    try:
        async with asyncio.timeout(PATIENCE):
            await synchronize(federation, sender=sender, header=header)
    except (CannotSynchronize, FetchFailed, TimeoutError) as error:
        log.info("followers not synchronized", error=type(error).__name__)
    except Exception as error:  # a bug here must not make a done activity look undone; only its class may be told
        log.error("followers not synchronized", error=type(error).__name__)


async def _end(federation: Federation, claim: Claim, verb: str, outcome: Outcome) -> None:
    async with federation.writing() as context:
        await inbox_items.advance(context, claim, "done", outcome=outcome.value)
        await inbox_items.tally(context, verb, outcome.value)


async def _try_again(federation: Federation, claim: Claim) -> None:
    state: inbox_items.State = "dead" if claim.attempt >= MAX_ATTEMPTS else "waiting"
    async with federation.writing() as context:
        await inbox_items.advance(context, claim, state)
