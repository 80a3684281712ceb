"""Can this server do its work: database, schema, worker, queue, disk. Each part says `ok` or what is wrong."""

import asyncio
import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta

from federation.context import Context
from federation.pauses import Direction, paused_since
from federation.queues import overdue
from server import schema
from server.assembly import Assembly
from server.checks.files import LEAST_FREE
from server.worker import Worker

PATIENCE = 5.0
"""Seconds that the database may take."""

STALE = timedelta(minutes=10)
"""How long something may wait that could be done, before nobody seems to work on it."""

OK = "ok"


async def readiness(assembly: Assembly, worker: Worker | None) -> Mapping[str, str]:
    """What each part says. `worker` is the one of this process, None where it runs in another."""
    return {**await _database(assembly), "worker": _worker(worker), "disk": _disk(assembly)}


async def _database(assembly: Assembly) -> dict[str, str]:
    """Whether it answers, has the schema of this code, and holds nothing that should have been done long ago."""
    unknown = {"schema": "unknown", "queue": "unknown"}
    try:
        async with asyncio.timeout(PATIENCE):
            found = await schema.current_revision(assembly.database.engine)
            if found != schema.newest_revision():
                return {**unknown, "database": OK, "schema": "not the one of this version"}
            async with assembly.federation.reading() as context:
                return {"database": OK, "schema": OK, "queue": await queue_in(context)}
    except TimeoutError:
        return {**unknown, "database": "does not answer"}
    except Exception as error:  # whatever it is: its class is all that may be told
        return {**unknown, "database": type(error).__name__}


async def queue_in(context: Context) -> str:
    """Whether somebody works on what could be done, or it is paused on purpose."""
    inbound, outbound = await overdue(context)
    late: tuple[tuple[Direction, datetime | None], ...] = (("in", inbound), ("out", outbound))
    for direction, since in late:
        is_late = since is not None and context.now - since > STALE
        if is_late and await paused_since(context, direction) is None:
            return f"nobody works on what waits to go {direction}"
    return OK


def _worker(worker: Worker | None) -> str:
    if worker is None:
        return "in another process"
    if not worker.running:
        return "ended"
    return f"stumbles: {', '.join(sorted(worker.stumbling))}" if worker.stumbling else OK


def _disk(assembly: Assembly) -> str:
    try:
        free = shutil.disk_usage(assembly.settings.data_dir).free
    except OSError as error:
        return type(error).__name__
    return OK if free >= LEAST_FREE else "full"


def is_ready(parts: Mapping[str, str]) -> bool:
    """Whether every part is well."""
    return all(said == OK or (part == "worker" and said == "in another process") for part, said in parts.items())
