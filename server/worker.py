"""One loop: process what came in, deliver what goes out, sweep what expired. Woken by commits, not by polling alone."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from crypto.tokens import random_id
from federation import delivery, fanout, inbox, inbox_items, leases, remote_store
from federation.delivery import Lanes
from federation.runtime import Federation
from federation.schedule import Verdict
from server import waking
from server.db import Database
from server.oauth import upkeep as oauth
from server.organizing import appointments, upkeep
from server.organizing.media.files import MediaFiles
from server.push import queue as push_queue
from server.push import sending as pushes

log = structlog.get_logger()

IDLE = timedelta(seconds=1)
"""How long a lane sleeps when nothing wakes it: on SQLite nobody hears what another process commits."""

SWEEP_EVERY = timedelta(minutes=10)
LOOK_AT_CLOCK = timedelta(seconds=5)
CLOCK_JUMP = timedelta(minutes=1)
"""By how much the clock must be set forward or back for what waits to be looked at."""
PAUSE_AFTER_ERROR = timedelta(seconds=5)

LAST_WORDS = timedelta(seconds=3)
"""How long posts in flight are waited for at the end; those cut off are posted again after their lease."""

LANES = ("inbox", "fanouts", "deliveries", "appointments", "pushes", "log")

MOST_HOSTS = 512
"""Servers spoken with at a time: so many must hang at once before one that answers has to wait for them."""


@dataclass(slots=True)
class Worker:
    """Runs the lanes of one process until it is cancelled."""

    federation: Federation
    database: Database
    media: MediaFiles
    id: str = field(default_factory=random_id)
    running: bool = False
    stumbling: set[str] = field(default_factory=set)
    """Lanes of which the last turn failed."""
    ended: Counter[Verdict] = field(default_factory=Counter)
    """How attempts to deliver ended, since the start."""
    _events: dict[str, asyncio.Event] = field(default_factory=lambda: {lane: asyncio.Event() for lane in LANES})

    async def run(self) -> None:
        """Works until cancelled, whatever happens. What was begun and not finished is found again after its lease."""
        while True:
            try:
                await self._run()
            except Exception as error:  # nobody else would begin again
                log.error("the worker begins again", error=type(error).__name__)
                await asyncio.sleep(PAUSE_AFTER_ERROR.total_seconds())

    async def _run(self) -> None:
        self.database.woken = self.wake
        if self.database.is_sqlite:
            await self._begin_alone()
        lanes = Lanes(self.federation, worker_id=self.id, max_hosts=MOST_HOSTS)
        self.running, self.ended = True, lanes.ended
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._repeat("inbox", lambda: inbox.process_waiting(self.federation)))
                tasks.create_task(self._repeat("fanouts", lambda: fanout.work(self.federation)))
                tasks.create_task(self._repeat("deliveries", lanes.start_due))
                tasks.create_task(self._repeat("pushes", lambda: pushes.work(self.federation)))
                tasks.create_task(self._repeat("appointments", lambda: appointments.keep(self.federation)))
                tasks.create_task(self._empty_log())
                tasks.create_task(self._sweep())
                tasks.create_task(self._watch_clock())
                if not self.database.is_sqlite:
                    tasks.create_task(self._listen())
        finally:
            self.running = False
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS.total_seconds()):
                    await lanes.stop()
            lanes.abandon()

    def wake(self, lane: str) -> None:
        """Makes a lane do its work now."""
        self._events[lane].set()

    async def _begin_alone(self) -> None:
        """What a crash left leased on SQLite, where there is one worker, need not wait for the lease to end."""
        try:
            async with self.federation.writing() as context:
                await fanout.release_all(context)
                await leases.release_all(context)
                await inbox_items.release_all(context)
        except Exception as error:  # a full disk: the leases end by themselves
            log.error("leases were not released", error=type(error).__name__)

    async def _repeat(self, name: str, work: Callable[[], Awaitable[int]]) -> None:
        event = self._events[name]
        while True:
            event.clear()
            try:
                worked = await work()
                self.stumbling.discard(name)
            except Exception as error:  # a lane outlives a database restart, a full disk, a bug in one handler
                self.stumbling.add(name)
                log.error("lane stumbled", lane=name, error=type(error).__name__)
                await asyncio.sleep(PAUSE_AFTER_ERROR.total_seconds())
                continue
            if not worked:
                await _first(event, IDLE)

    async def _listen(self) -> None:
        """Hears what other processes committed. Meanwhile, and while it cannot, lanes look by themselves."""
        while True:
            with suppress(Exception):  # the database restarts
                await waking.listen(self.database.engine, self.wake)
            await asyncio.sleep(IDLE.total_seconds())

    async def _watch_clock(self) -> None:
        """When the clock was set back, here or before the start, nothing waits for a time that was never meant."""
        apart: float | None = None
        while True:
            now = self.federation.clock().timestamp() - time.monotonic()
            jumped = apart is None or abs(now - apart) > CLOCK_JUMP.total_seconds()
            try:
                if jumped:
                    async with self.federation.writing() as context:
                        mended = await inbox.mend_times(context) + await delivery.mend_times(context, worker_id=self.id)
                        mended += await push_queue.mend_times(context)
                    if mended:
                        log.error("the clock went back", waited_for_it=mended)
                apart = now
            except Exception as error:  # mended at the next turn
                log.error("times were not mended", error=type(error).__name__)
            await asyncio.sleep(LOOK_AT_CLOCK.total_seconds())

    async def _sweep(self) -> None:
        while True:
            try:
                async with self.federation.writing() as context:
                    await inbox.sweep(context)
                    await delivery.sweep(context)
                    await remote_store.sweep(context)
                    await upkeep.sweep(context)
                    await oauth.sweep(context)
                    await push_queue.sweep(context)
                await upkeep.review(self.federation)
                await self.media.sweep(self.federation.reading)
            except Exception as error:  # swept at the next turn
                log.error("sweep stumbled", error=type(error).__name__)
            self.wake("log")
            await asyncio.sleep(SWEEP_EVERY.total_seconds())

    async def _empty_log(self) -> None:
        """Once after however many deletions at a time, and again while a reader hinders it."""
        event = self._events["log"]
        while True:
            await event.wait()
            event.clear()
            try:
                if not await self.database.truncate_log():
                    event.set()
            except Exception as error:  # emptied at the next turn
                log.error("the log was not emptied", error=type(error).__name__)
            await asyncio.sleep(IDLE.total_seconds())


async def _first(event: asyncio.Event, limit: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(limit.total_seconds()):
            await event.wait()
