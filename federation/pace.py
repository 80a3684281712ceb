"""How many posts at a time a server takes, learned from how it takes them. In memory only: forgotten at a restart."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from federation.memory import Expiring
from federation.schedule import Reply

FIRST = 2
"""Posts at a time to a server of which nothing is known."""
CAUTIOUS = 2
"""Posts at a time at most, for a while, to a server that failed or asked us to slow down (HOSTILE-PEERS E6)."""
CAUTION = timedelta(minutes=10)
REMEMBERED = timedelta(days=1)
MOST_HOSTS = 10_000


@dataclass(slots=True)
class Pace:
    """One server's. `width` posts may be under way; it grows by one with as many answers, and halves with a failure."""

    most: int
    width: int = 0
    _answers: int = 0
    _cautious_until: datetime | None = None

    def __post_init__(self) -> None:
        self.width = min(FIRST, self.most)

    def note(self, reply: Reply, now: datetime) -> None:
        """Learns from a reply. A refusal is an answer too: the server, not the activity, sets the pace."""
        if reply.is_failure or reply.status == 429:
            self.slow_down(now, to=self.width // 2)
            return
        self._answers += 1
        if self._answers >= self.width:
            self._answers = 0
            self.width = max(self.width, min(self.width + 1, self._limit(now)))

    def slow_down(self, now: datetime, *, to: int = 1) -> None:
        """Begins again with so many at a time, and stays cautious for a while."""
        self.width, self._answers, self._cautious_until = max(1, to), 0, now + CAUTION

    def _limit(self, now: datetime) -> int:
        # Compared from both sides: a clock that went back must not keep anybody cautious for longer.
        until = self._cautious_until
        is_cautious = until is not None and until - CAUTION <= now < until
        return min(CAUTIOUS, self.most) if is_cautious else self.most


@dataclass(slots=True)
class Paces:
    """The paces of the servers spoken with lately; those longest unused are forgotten first."""

    most: int
    _by_host: Expiring[Pace] = field(default_factory=lambda: Expiring(MOST_HOSTS))

    def of(self, host: str, now: datetime) -> Pace:
        """A server's pace, remembered for a day from now."""
        pace = self._by_host.get(host, now) or Pace(self.most)
        self._by_host.put(host, pace, until=now + REMEMBERED)
        return pace
