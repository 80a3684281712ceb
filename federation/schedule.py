"""Decides when to try a delivery again, when to give up, and when to leave a server alone. Pure: no clock, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

DELAYS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
    timedelta(hours=24),
    timedelta(hours=24),
)
"""What follows the first attempt, the second, …: eleven attempts over about four and a half days."""

LEASE = timedelta(seconds=180)
"""How long a server is in one lane's hands; renewed with every round."""

LIFETIME = timedelta(days=7)
"""How old an activity may grow in the queue of a server that is left alone: then it is given up."""

KEEP_DEAD = timedelta(days=7)
"""How long a delivery that was given up stays, without its content, for the operator to see."""

LONGEST_SPREAD = timedelta(minutes=10)
"""How long a delivery that was spread waits at most."""

JITTER = 0.25
UNAUTHORIZED_ATTEMPTS = 3
LONGEST_RETRY_AFTER = timedelta(hours=1)

BREAKER_FAILURES = 10
"""Failures in a row after which a server is left alone."""
BREAKER_DAYS = timedelta(days=4)
"""Failing since that long, on five days at least, opens the breaker of a server to which little is sent."""
SHORTEST_PAUSE = timedelta(minutes=30)
LONGEST_PAUSE = timedelta(hours=24)
REST = timedelta(minutes=1)
"""How long a server that did not answer, or sent us away without saying for how long, is given before the next."""


class Verdict(StrEnum):
    """How an attempt ended. `GONE` is as final as `REJECTED`, and says that inbox, perhaps owner, are no more."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server did with one delivery: its status, None for no answer at all, and Retry-After in seconds."""

    status: int | None
    retry_after: int | None = None
    clocks_differ: bool = False
    """Whether its clock and ours are so far apart that no signature could be good."""

    @property
    def is_success(self) -> bool:
        """Whether the activity was taken."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_failure(self) -> bool:
        """Whether the server, rather than the activity, is at fault: no answer, 408, 5xx except 501."""
        return self.status is None or self.status == 408 or (self.status >= 500 and self.status != 501)

    @property
    def stops_lane(self) -> bool:
        """Whether to send nothing more for now: no answer, 429, 503."""
        return self.status in (None, 429, 503)


@dataclass(frozen=True, slots=True)
class Health:
    """A server's failures in a row, since when, and until when it is left alone.

    Paused without failures means that it asked us to slow down.
    """

    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: only a probe goes out, whenever a pause ends."""
        return self.failures >= BREAKER_FAILURES

    def is_paused(self, now: datetime) -> bool:
        """Whether nothing may be sent at this moment."""
        return self.paused_until is not None and self.paused_until > now


def spread(mean: timedelta, *, random: Random) -> timedelta:
    """How long to wait before a server hears of something that needs no hurry: drawn anew for each server.

    Exponential, so that having waited tells nothing of how long is still to wait; ten minutes at most, none without a
    mean. Servers that compare when they heard learn less of who else did, and from whom (PRODUCT.md, Network).
    """
    return min(mean * random.expovariate(1.0), LONGEST_SPREAD)


def judge(reply: Reply, *, attempts: int) -> Verdict:
    """What a reply means for its delivery (WIRE 6.2); `attempts` counts this one.

    No answer, 408, 429, 5xx except 501, and redirects that were not followed are tried again; 401 up to three times;
    any other status is final. A 401 where the clocks differ is nobody's refusal, and tried again like a failure.
    """
    status = reply.status
    if reply.is_success:
        return Verdict.DELIVERED
    if reply.is_failure or status == 429 or (status is not None and status < 400):
        return Verdict.RETRY
    if status == 410:
        return Verdict.GONE
    if status == 401 and (reply.clocks_differ or attempts < UNAUTHORIZED_ATTEMPTS):
        return Verdict.RETRY
    return Verdict.REJECTED


def next_attempt(attempts: int, *, now: datetime, random: Random, retry_after: int | None = None) -> datetime | None:
    """When to try again after so many attempts, ±25 %, not before Retry-After (capped at 1 h); None to give up."""
    if attempts > len(DELAYS):
        return None
    delay = DELAYS[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    return now + max(delay, _asked_for(retry_after))


def after_round(health: Health, replies: Sequence[Reply], *, now: datetime) -> Health:
    """A server's health after replies in the order in which they came.

    Any reply that is no failure closes the breaker. Ten failures in a row, or failing on five days, open it for
    30 minutes; every probe that fails then doubles the pause, up to 24 h.
    """
    for reply in replies:
        if not reply.is_failure:
            health = Health()
    trailing = _trailing_failures(replies)
    if trailing:
        health = _failed(health, trailing, now=now)
    pause = max((_asked_for(reply.retry_after) for reply in replies if reply.stops_lane), default=timedelta())
    if health.is_open:
        pause = max(pause, min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** min(health.failures - BREAKER_FAILURES, 10)))
    elif any(reply.stops_lane for reply in replies):
        pause = max(pause, REST)
    return Health(health.failures, health.failing_since, now + pause if pause else None)


def _failed(health: Health, count: int, *, now: datetime) -> Health:
    since = health.failing_since or now
    # While open one probe at a time fails; deliveries that fail side by side must not skip steps of the pause.
    failures = health.failures + 1 if health.is_open else min(health.failures + count, BREAKER_FAILURES)
    if now - since >= BREAKER_DAYS and failures >= 5:
        failures = max(failures, BREAKER_FAILURES)
    return Health(failures, since)


def _trailing_failures(replies: Sequence[Reply]) -> int:
    for count, reply in enumerate(reversed(replies)):
        if not reply.is_failure:
            return count
    return len(replies)


def _asked_for(retry_after: int | None) -> timedelta:
    return min(timedelta(seconds=min(retry_after or 0, 86_400)), LONGEST_RETRY_AFTER)
