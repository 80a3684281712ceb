"""Numbers in Prometheus' text form. No host name, no actor, no address, no path: labels are words of our own."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from federation.queues import Queue, Queues, activities_today, measure
from federation.schedule import Verdict
from server.assembly import Assembly
from server.checks.machine import memory_limit
from server.checks.stored import sqlite_file
from server.version import VERSION
from server.worker import Worker

COUNT_EVERY = 5.0
"""Seconds for which a count of the queues is good at least: it reads whole indexes."""

SHARE = 50
"""A count is good for so many times as long as it took: with a million rows it takes a while."""

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotation here


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known at one moment."""

    queues: Queues
    activities: list[tuple[str, str, int]]
    now: datetime
    log_bytes: int | None
    worker: Worker | None
    connections: int | None


@dataclass(slots=True, eq=False)
class _Now(Collector):
    """Gives the registry the reading that was taken last."""

    reading: Reading | None = None

    def collect(self) -> Iterator[Metric]:
        return iter(()) if self.reading is None else families(self.reading)


@dataclass(slots=True)
class Metrics:
    """All metrics of one server; `connections` says how many callers are connected, where that is known."""

    connections: Callable[[], int | None] = lambda: None
    _registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _durations: Histogram = field(init=False)
    _children: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    _now: _Now = field(default_factory=_Now)
    _good_until: float = 0.0

    def __post_init__(self) -> None:
        self._durations = Histogram(
            "groundswell_request_duration_seconds",
            "From the head of a request to the end of its answer",
            ("route", "status"),
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._registry.register(self._now)
        ProcessCollector(registry=self._registry)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Counts one answered request. `route` is one of our own words, never a path."""
        key = route, f"{status // 100}xx"
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._durations.labels(*key)
        child.observe(seconds)

    async def text(self, assembly: Assembly, worker: Worker | None) -> bytes:
        """Everything, counted now or within the last seconds."""
        began = time.monotonic()
        if began >= self._good_until:
            self._now.reading = await self._read(assembly, worker)
            ended = time.monotonic()
            self._good_until = ended + max(COUNT_EVERY, SHARE * (ended - began))
        return generate_latest(self._registry)

    async def _read(self, assembly: Assembly, worker: Worker | None) -> Reading:
        path = sqlite_file(assembly.settings)
        log = None if path is None else path.with_name(path.name + "-wal")
        async with assembly.federation.reading() as context:
            return Reading(
                queues=await measure(context),
                activities=await activities_today(context),
                now=context.now,
                log_bytes=None if log is None else (log.stat().st_size if log.exists() else 0),
                worker=worker,
                connections=self.connections(),
            )


def families(reading: Reading) -> Iterator[Metric]:
    """The metrics of a reading. Every name is explained in docs/OPERATING.md."""
    yield _labelled("groundswell_info", "The version that runs", ("version",), [((VERSION,), 1)])
    yield from _about_queues(reading)
    yield from _about_work(reading)
    limit = memory_limit()
    if limit is not None:
        yield GaugeMetricFamily("groundswell_memory_limit_bytes", "Memory that control groups allow", value=limit)
    if reading.log_bytes is not None:
        yield GaugeMetricFamily("groundswell_sqlite_log_bytes", "SQLite's write-ahead log", value=reading.log_bytes)
    if reading.connections is not None:
        help_text = "Connections of callers that are open"
        yield GaugeMetricFamily("groundswell_connections_open", help_text, value=reading.connections)


def _about_queues(reading: Reading) -> Iterator[Metric]:
    directions = {"in": reading.queues.inbound, "out": reading.queues.outbound}

    def each(name: str, help_text: str, value: Callable[[Queue], float]) -> Metric:
        rows: list[tuple[tuple[str, ...], float]] = [((way,), value(queue)) for way, queue in directions.items()]
        return _labelled(name, help_text, ("direction",), rows)

    def age(since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (reading.now - since).total_seconds())

    yield each("groundswell_queue_waiting", "How many wait", lambda queue: queue.waiting)
    yield each("groundswell_queue_dead", "How many were given up and are kept for a while", lambda queue: queue.dead)
    yield each("groundswell_queue_oldest_seconds", "Age of the oldest that waits", lambda queue: age(queue.oldest))
    yield each(
        "groundswell_queue_overdue_seconds",
        "For how long something has waited that could be done at once",
        lambda queue: age(queue.overdue_since),
    )
    yield each("groundswell_queue_paused", "1 while paused", lambda queue: float(queue.paused_since is not None))
    queues = reading.queues
    for name, help_text, value in (
        ("groundswell_lanes", "Servers that are being delivered to, by all processes", queues.lanes),
        ("groundswell_breakers_open", "Servers left alone after failures in a row", queues.breakers_open),
        ("groundswell_hosts_paused", "Servers that get nothing at this moment", queues.hosts_paused),
    ):
        yield GaugeMetricFamily(name, help_text, value=value)


def _about_work(reading: Reading) -> Iterator[Metric]:
    activities = CounterMetricFamily(
        "groundswell_activities",
        "Activities processed since midnight UTC, by all processes",
        labels=("verb", "outcome"),
    )
    for verb, outcome, count in reading.activities:
        activities.add_metric((verb, outcome), count)
    yield activities
    if reading.worker is None:
        return
    deliveries = CounterMetricFamily(
        "groundswell_deliveries", "Attempts to deliver, by what came of them, by this process", labels=("verdict",)
    )
    for verdict in Verdict:
        deliveries.add_metric((verdict.value,), reading.worker.ended[verdict])
    yield deliveries
    yield GaugeMetricFamily("groundswell_worker_running", "1 while it runs", value=float(reading.worker.running))


def _labelled(
    name: str, help_text: str, labels: tuple[str, ...], rows: list[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family
