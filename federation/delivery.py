"""Delivers what is queued: a lane for each server, so that one that hangs holds up nobody else.

At least once, in order for each object and inbox, signed afresh at every attempt, and never with a transaction open
while the network is awaited.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random, SystemRandom

from crypto.http_signatures import SignatureError
from crypto.messages import parse_http_date
from federation import follows, leases, remote
from federation.client import Answer, ForbiddenAddress, Spec, Unreachable
from federation.fetch import FetchFailed
from federation.identities import Signer
from federation.instead import deliver_instead
from federation.leases import LAST_START, Parcel, Result, Round, Work
from federation.pace import Pace, Paces
from federation.patience import patiently
from federation.pauses import paused_since
from federation.runtime import Federation
from federation.schedule import Reply, Verdict, after_round, judge, next_attempt
from federation.synchronization import HEADER, Digests
from federation.upkeep import mend_times, next_due, note_alive, sweep

__all__ = ["Gone", "Lanes", "deliver_due", "forget_gone_followers", "mend_times", "next_due", "note_alive", "sweep"]

Gone = Callable[[Federation, str], Awaitable[None]]
"""Called, outside any unit of work, with an inbox that answered 410."""

KNOCK_AGAIN = frozenset({400, 401})
"""Answers after which the other signature form is tried once (WIRE 2.3)."""
LOOK_AGAIN = 1.0
"""Seconds after which `deliver_due` looks for servers that became due while others keep their lanes waiting."""
CLOCKS_DIFFER = timedelta(minutes=30)
"""Signatures are good for less than twice as long (WIRE 1.3)."""
MOST_GONE = 20
"""Inboxes that answered 410 and are looked into after one lane: each costs a fetch."""

_OTHER: dict[Spec, Spec] = {"cavage": "rfc9421", "rfc9421": "cavage"}
_FORBIDDEN = Reply(403)
_UNPREDICTABLE = SystemRandom()


async def forget_gone_followers(federation: Federation, inbox: str) -> None:
    """Removes all edges of the actors with this inbox of their own whose origin says that they are gone.

    An inbox that answers 410 while its actor is still there changes nothing.
    """
    async with federation.reading() as context:
        actors = {edge.follower for edge in await follows.receiving_at(context, [inbox])}
    for actor in actors:
        try:
            await remote.resolve_actor(federation, actor, refresh=True)
        except FetchFailed as failure:
            if failure.gone:
                async with federation.writing() as context:
                    await follows.remove_actor(context, actor)


async def deliver_due(
    federation: Federation,
    *,
    worker_id: str,
    random: Random = _UNPREDICTABLE,
    max_hosts: int = 64,
    per_host: int = 4,
    in_flight: int = 512,
    gone: Gone = forget_gone_followers,
) -> int:
    """Runs lanes until nothing is due any more; how many deliveries succeeded.

    What becomes due meanwhile is taken up within a second, however long a server keeps its lane waiting. Cancelled,
    it breaks off: see `Lanes.stop` for an end that waits for the posts in flight.
    """
    lanes = Lanes(
        federation,
        worker_id=worker_id,
        random=random,
        max_hosts=max_hosts,
        per_host=per_host,
        in_flight=in_flight,
        gone=gone,
    )
    try:
        while await lanes.start_due() or lanes.running:
            await lanes.wait(at_most=LOOK_AGAIN)
    finally:
        lanes.abandon()
    return lanes.delivered


class Lanes:
    """The lanes of one worker. `worker_id`: at most 26 characters, another one for every process.

    `max_hosts` are leased at a time, of those that failed last no more than half as many, so that they take nobody's
    place. Each gets at most `per_host` posts at a time, as many as it is found to take (`federation/pace.py`), and all
    of them `in_flight`.
    """

    def __init__(
        self,
        federation: Federation,
        *,
        worker_id: str,
        random: Random = _UNPREDICTABLE,
        max_hosts: int = 64,
        per_host: int = 4,
        in_flight: int = 512,
        gone: Gone = forget_gone_followers,
    ) -> None:
        self.ended: Counter[Verdict] = Counter()
        self._federation = federation
        self._worker_id = worker_id
        self._random = random
        self._max_hosts = max_hosts
        self._in_flight = in_flight
        self._paces = Paces(per_host)
        self._gone = gone
        self._slots = asyncio.Semaphore(in_flight)
        self._pulling = 0
        self._digests = Digests(federation)
        self._desk = _Desk(federation, worker_id)
        self._lanes: dict[asyncio.Task[None], Work] = {}  # and what it began with
        self._stopping = False
        self._paused = False

    @property
    def delivered(self) -> int:
        """How many deliveries succeeded."""
        return self.ended[Verdict.DELIVERED]

    @property
    def running(self) -> int:
        """How many lanes run."""
        return len(self._lanes)

    async def start_due(self) -> int:
        """Leases servers that are due and starts a lane for each, without waiting for any; how many were started.

        Raises what a lane that ended meanwhile raised.
        """
        self._reap()
        limit = min(self._max_hosts, self._in_flight - len(self._lanes))
        async with self._federation.reading() as context:
            self._paused = await paused_since(context, "out") is not None
        if limit <= 0 or self._stopping or self._paused:
            return 0
        async with self._federation.writing() as context:
            failed_last = sum(work.health.failures > 0 for work in self._lanes.values())
            works = await leases.take(
                context,
                worker_id=self._worker_id,
                limit=limit,
                doubtful=max(0, self._max_hosts // 2 - failed_last),
                busy={work.host for work in self._lanes.values()},
            )
        for work in works:
            lane = asyncio.create_task(self._run_lane(work), name="delivery lane")
            self._lanes[lane] = work
        return len(works)

    async def wait(self, *, at_most: float | None = None) -> None:
        """Waits until one lane ended, if any runs, or so many seconds. Raises what the lane raised."""
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=at_most, return_when=asyncio.FIRST_COMPLETED)
        self._reap()

    async def stop(self) -> None:
        """Starts nothing more, waits for the posts in flight (30 s each at most), books them, releases the leases."""
        self._stopping = True
        while self._lanes:
            await self.wait()

    def abandon(self) -> None:
        """Breaks off whatever still runs. What was posted but not booked is posted again when its lease has ended."""
        for lane in self._lanes:
            lane.cancel()

    @property
    def _is_ending(self) -> bool:
        return self._stopping or self._paused

    def _reap(self) -> None:
        ended = [lane for lane in self._lanes if lane.done()]
        for lane in ended:
            del self._lanes[lane]
        failures = [error for lane in ended if not lane.cancelled() and (error := lane.exception()) is not None]
        if failures:
            raise failures[0]

    async def _run_lane(self, work: Work) -> None:
        gone: list[str] = []
        following: Work | None = work
        while following is not None:
            done = await self._run_round(following)
            gone += await self._note_gone(done)
            self.ended.update(result.verdict for result in done.results)
            following = await self._desk.settle(done)
        for inbox in list(dict.fromkeys(gone))[:MOST_GONE]:
            await self._gone(self._federation, inbox)

    async def _note_gone(self, done: Round) -> list[str]:
        """The inboxes that are gone. What was for them is queued for others, before it is booked as given up."""
        gone = [result.parcel for result in done.results if result.verdict is Verdict.GONE]
        for parcel in gone:
            await deliver_instead(self._federation, done.work, parcel)
        return [parcel.inbox for parcel in gone]

    async def _run_round(self, work: Work) -> Round:
        now = self._federation.clock()
        progress = _Progress(work.spec, self._paces.of(work.host, now))
        if work.health.failures:
            progress.pace.slow_down(now)
        async with asyncio.TaskGroup() as pullers:
            progress.start = lambda: self._counted(pullers.create_task(self._pull(work, parcels, progress)))
            parcels = iter(work.parcels)
            for _ in range(min(progress.pace.width, self._widest(), len(work.parcels))):
                progress.start()
        now = self._federation.clock()
        health = after_round(work.health, progress.replies, now=now)
        return Round(
            work=work,
            results=tuple(progress.results),
            health=health,
            accepted_spec=progress.accepted,
            go_on=not self._is_ending and not health.is_paused(now),
        )

    async def _pull(self, work: Work, parcels: Iterator[Parcel], progress: "_Progress") -> None:
        """Sends one parcel after the other until the round's are gone, or something says stop, or slower."""
        progress.pullers += 1
        for parcel in parcels:
            async with self._slots:
                now = self._federation.clock()
                if self._is_ending or progress.is_stopped or now >= work.lease_until - LAST_START:
                    return
                reply = await self._send(work, parcel, progress)
            if reply is not _FORBIDDEN:
                progress.replies.append(reply)
                progress.pace.note(reply, now)
            progress.results.append(self._result(parcel, reply))
            width = min(progress.pace.width, self._widest())
            if progress.pullers > width:
                progress.pullers -= 1
                return
            if progress.pullers < width:
                progress.start()

    def _counted(self, puller: "asyncio.Task[None]") -> None:
        self._pulling += 1
        puller.add_done_callback(self._uncount)

    def _uncount(self, puller: "asyncio.Task[None]") -> None:
        self._pulling -= 1

    def _widest(self) -> int:
        """Posts that one server may have under way now: the fewer, the more of all are taken by servers that hang."""
        taken = self._pulling / self._in_flight
        return self._in_flight if taken <= 0.5 else 2 if taken <= 0.75 else 1

    async def _send(self, work: Work, parcel: Parcel, progress: "_Progress") -> Reply:
        """Knocks as the sender, before that with the sender's former key where the parcel has one (WIRE 1.9)."""
        try:
            if parcel.former_signer is not None:
                reply = await self._knock_twice(work, parcel, parcel.former_signer, progress)
                if reply.status not in KNOCK_AGAIN:
                    return reply
            return await self._knock_twice(work, parcel, parcel.signer, progress)
        except ForbiddenAddress:
            return _FORBIDDEN
        except Unreachable:
            return Reply(None)

    async def _knock_twice(self, work: Work, parcel: Parcel, signer: Signer, progress: "_Progress") -> Reply:
        """Knocks with the form that the server is known to take, and once with the other one on 400 or 401."""
        spec = progress.spec
        reply = await self._knock(work, parcel, signer, spec)
        if reply.status in KNOCK_AGAIN:
            second = await self._knock(work, parcel, signer, _OTHER[spec])
            # A second refusal says no more than the first, whose form the server is likelier to understand.
            if second.status not in KNOCK_AGAIN:
                reply, spec = second, _OTHER[spec]
        if reply.is_success:
            progress.spec = progress.accepted = spec
        return reply

    async def _knock(self, work: Work, parcel: Parcel, signer: Signer, spec: Spec) -> Reply:
        headers = {}
        if parcel.synchronize_followers:
            value = await self._digests.header_for(parcel.sender_id, work.host)
            headers = {} if value is None else {HEADER: value}
        answer = await self._federation.client.post(
            parcel.inbox,
            parcel.payload,
            signer=signer,
            now=self._federation.clock(),
            spec=spec,
            headers=headers,
        )
        return Reply(answer.status, answer.retry_after, _clocks_differ(answer, self._federation.clock()))

    def _result(self, parcel: Parcel, reply: Reply) -> Result:
        attempts = parcel.attempts + 1
        verdict = judge(reply, attempts=attempts)
        if verdict is not Verdict.RETRY:
            return Result(parcel, verdict)
        now = self._federation.clock()
        due = next_attempt(attempts, now=now, random=self._random, retry_after=reply.retry_after)
        return Result(parcel, Verdict.REJECTED) if due is None else Result(parcel, verdict, due)


def _clocks_differ(answer: Answer, ours: datetime) -> bool:
    """Whether a refusal to believe us may come from their clock, or from ours."""
    if answer.status != 401:
        return False
    try:
        return abs(datetime.fromtimestamp(parse_http_date(answer.date), UTC) - ours) > CLOCKS_DIFFER
    except SignatureError:
        return False


@dataclass(slots=True)
class _Progress:
    """What the posts of a round tell each other."""

    spec: Spec
    pace: Pace
    start: Callable[[], None] = lambda: None
    """Sends one more parcel beside those that are being sent."""
    pullers: int = 0
    accepted: Spec | None = None
    replies: list[Reply] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    @property
    def is_stopped(self) -> bool:
        return any(reply.stops_lane for reply in self.replies[-8:])


@dataclass(slots=True)
class _Desk:
    """Settles the rounds of all lanes that wait, in one transaction: many small commits would be the bottleneck."""

    federation: Federation
    worker_id: str
    _waiting: list[tuple[Round, asyncio.Future[Work | None]]] = field(default_factory=list)
    _clerk: asyncio.Task[None] | None = None

    async def settle(self, done: Round) -> Work | None:
        """Books a round and gives the lane its next work, None when there is none.

        Waits for a database that takes nothing; in the end it raises, and the round is posted again.
        """
        future: asyncio.Future[Work | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((done, future))
        if self._clerk is None:
            self._clerk = asyncio.create_task(self._work(), name="delivery desk")
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                rounds = [done for done, _ in batch]
                try:
                    works = await patiently(partial(self._settle, rounds))
                except Exception as error:  # Each lane raises it to whoever looks after the lanes.
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                else:
                    for (_, future), work in zip(batch, works, strict=True):
                        if not future.done():
                            future.set_result(work)
        finally:
            self._clerk = None

    async def _settle(self, rounds: list[Round]) -> list[Work | None]:
        async with self.federation.writing() as context:
            return await leases.settle(context, rounds, worker_id=self.worker_id)
