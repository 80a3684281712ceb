"""Gives stored activities to their handlers, each exactly once, in order for each host. Never fetches while writing."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import groupby

import structlog

from crypto.sealing import CannotOpen
from federation import inbox_items
from federation.authority import NotAuthorized
from federation.deeds import Again, Deed, Result, do_all
from federation.fetch_errors import FetchFailed
from federation.inbox_items import MAX_ATTEMPTS, Claim, Incoming, LeaseLost
from federation.patience import patiently
from federation.pauses import paused_since
from federation.remote_store import actors_by_id
from federation.resolving import Dropped, read_activity, resolve
from federation.runtime import Federation
from federation.synchronization import CannotSynchronize, synchronize
from federation.table import Outcome
from federation.upkeep import note_alive
from federation.vocabulary.activities import Activity
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


@dataclass(frozen=True, slots=True)
class _Opened:
    """A claim with what it holds; `sender` as it is known here, if it is."""

    claim: Claim
    incoming: Incoming
    activity: Activity
    sender: Actor | None


async def process_waiting(federation: Federation, *, limit: int = 200) -> int:
    """Processes what is due, `limit` activities at a time, until nothing is; returns how many it took up.

    Each is handled once: its handler's writes and the end of its item are one unit of work. What fails is tried up
    to eight times over about a day. A database that goes away is waited for, for a minute; that counts as no attempt.
    A host whose activity waits for a server that hangs keeps nobody else waiting (HOSTILE C5). Safe to run in any
    number of processes.
    """
    lanes: dict[str, asyncio.Task[None]] = {}
    taken = 0
    try:
        while True:
            claims = await patiently(partial(_claim, federation, min(limit, LANES - len(lanes)), but=lanes))
            taken += len(claims)
            opened = await _open(federation, claims)
            by_host = groupby(sorted(opened, key=_host), key=_host)
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
    claims: list[Claim] = []
    try:
        async with federation.writing() as context:
            if await paused_since(context, "in") is None:
                claims = await inbox_items.claim(context, limit, but=but)
            await note_alive(context, {claim.host for claim in claims})
    except Exception:
        await _hand_back(federation, claims)  # they may be ours, and the database gone before it said so
        raise
    return claims


async def _open(federation: Federation, claims: Sequence[Claim]) -> list[_Opened]:
    """What was claimed, with those of its senders that are known; what cannot be opened comes again."""
    opened, broken = await patiently(partial(_read, federation, claims))
    for claim, error in broken:
        await _note_failure(federation, claim, error)
    return opened


async def _read(federation: Federation, claims: Sequence[Claim]) -> tuple[list[_Opened], list[tuple[Claim, Exception]]]:
    """What can be opened and what cannot: two queries however much it is."""
    read: list[tuple[Claim, Incoming, Activity]] = []
    broken: list[tuple[Claim, Exception]] = []
    async with federation.reading() as context:
        for claim in claims:
            try:
                incoming = await inbox_items.open_body(context, claim)
                read.append((claim, incoming, read_activity(incoming.body)))
            except (CannotOpen, Malformed) as error:
                broken.append((claim, error))
        known = await actors_by_id(context, {incoming.signer for _, incoming, _ in read})
    return [
        _Opened(claim, incoming, activity, known.get(incoming.signer)) for claim, incoming, activity in read
    ], broken


async def _run_lane(federation: Federation, opened: Sequence[_Opened]) -> None:
    """One host's activities in the order they came. One that waits in vain for a server ends the lane's turn.

    Each is passed on as soon as it is believable, without waiting for the end of the one before: they are done in this
    order all the same.
    """
    passed: list[tuple[_Opened, Deed, asyncio.Future[Result]]] = []
    for position, one in enumerate(opened):
        try:
            deed = await _believable(federation, one)
        except (FetchFailed, TimeoutError):
            await _try_again(federation, one.claim)
            await _hand_back(federation, [later.claim for later in opened[position + 1 :]], after=BREATHER)
            break
        except Exception as error:
            await _note_failure(federation, one.claim, error)
        else:
            passed.append((one, deed, federation.deeds.add(deed, partial(do_all, federation))))
    for one, deed, done in passed:
        await _note_end(federation, one, deed, done)


async def _believable(federation: Federation, one: _Opened) -> Deed:
    """The deed that an activity asks for. Raises `FetchFailed` or `TimeoutError` when it has to come again."""
    known: Mapping[str, Actor] = {} if one.sender is None else {one.incoming.signer: one.sender}
    verb = one.activity.type
    try:
        async with asyncio.timeout(PATIENCE):
            received = await resolve(federation, one.activity, one.incoming, known)
    except Dropped as dropped:
        return Deed(one.claim, verb, outcome=dropped.outcome)
    except (NotAuthorized, Malformed):
        return Deed(one.claim, verb, outcome=Outcome.REFUSED)
    except FetchFailed as error:
        if error.transient:
            raise
        return Deed(one.claim, verb, outcome=Outcome.IGNORED if error.gone else Outcome.REFUSED)
    return Deed(one.claim, received.activity.type, received)


async def _note_end(federation: Federation, one: _Opened, deed: Deed, done: "asyncio.Future[Result]") -> None:
    """Sees to it that a failed deed comes again. A followers' digest that came with a done one is looked into."""
    try:
        result = await done
    except Exception as error:
        result = error
    if isinstance(result, Exception):
        await _note_failure(federation, one.claim, result)
    elif one.incoming.synchronization is not None and deed.received is not None:
        await _synchronize(federation, deed.received.sender, one.incoming.synchronization)


async def _note_failure(federation: Federation, claim: Claim, error: Exception) -> None:
    if isinstance(error, LeaseLost):
        log.info("activity taken over", item=claim.id)
        return
    if not isinstance(error, Again):  # a bug in a handler must not stop the others; only its class may be told
        log.error("activity failed", item=claim.id, attempt=claim.attempt, error=type(error).__name__)
    await _try_again(federation, claim)


async def _synchronize(federation: Federation, sender: Actor, header: str) -> None:
    """Compares whom of ours the sender thinks it has as followers. The activity is done whatever comes of it."""
    try:
        async with asyncio.timeout(PATIENCE):
            await synchronize(federation, sender=sender, header=header)
    except (CannotSynchronize, FetchFailed, TimeoutError) as error:
        log.info("followers not synchronized", error=type(error).__name__)
    except Exception as error:  # a bug here must not make a done activity look undone; only its class may be told
        log.error("followers not synchronized", error=type(error).__name__)


async def _try_again(federation: Federation, claim: Claim) -> None:
    """Counts the attempt. Where the database does not even take that, the attempt failed for that, and is not one."""
    try:
        async with federation.writing() as context:
            await inbox_items.put_off(context, claim, last=claim.attempt >= MAX_ATTEMPTS)
    except LeaseLost:
        log.info("activity taken over", item=claim.id)
    except Exception:
        await _hand_back(federation, [claim])


async def _hand_back(federation: Federation, claims: Sequence[Claim], *, after: timedelta = timedelta()) -> None:
    """Gives claims back untried, as soon as the database takes it. Those that are no longer ours it leaves alone."""

    async def hand_back() -> None:
        async with federation.writing() as context:
            await inbox_items.hand_back(context, claims, until=context.now + after)

    if claims:
        await patiently(hand_back)


def _host(one: _Opened) -> str:
    return one.claim.host
