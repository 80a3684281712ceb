"""Looks at the database: does it open, which revision has it, what waits in it and for how long."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from federation.context import Context
from federation.queues import Queue, Queues, measure
from server import schema
from server.checks.findings import Finding, fail, note, ok, warn
from server.config import Settings
from server.db import create_engine

SLOW, STALE = timedelta(minutes=10), timedelta(hours=1)
"""How long something may wait that could be done: longer means that no worker runs, or that it cannot keep up."""

LARGE_LOG = 64 * 1024 * 1024
"""Bytes of SQLite's write-ahead log that say that it is not emptied."""


async def about_schema(settings: Settings) -> Finding:
    """Whether the database opens and has the revision of this code. Changes nothing, not even a schema too old."""
    path = sqlite_file(settings)
    if path is not None and not path.exists():
        return fail("database", f"there is no database at {path}", "start the server (groundswell run), or restore one")
    engine = create_engine(settings.sqlalchemy_url)
    try:
        found = await schema.current_revision(engine)
    except (DBAPIError, OSError, SQLAlchemyError) as error:
        step = "is it running, and are GROUNDSWELL_DATABASE_URL and the data directory right?"
        return fail("database", f"the database does not open: {type(error).__name__}", step)
    finally:
        await engine.dispose()
    known = frozenset(known for known, _ in schema.revisions())
    return revision(found, newest=schema.newest_revision(), known=known, dialect=engine.dialect.name)


def revision(found: str | None, *, newest: str, known: frozenset[str], dialect: str) -> Finding:
    """Whether code and database fit together."""
    if found == newest:
        return ok("database", f"{dialect} answers, and its schema is the one of this version ({newest})")
    if found is None:
        return fail("database", f"{dialect} answers, and is empty", "start the server, or restore a backup")
    if found not in known:
        step = "install the Groundswell that made it, or a newer one; nothing was changed"
        return fail("database", f"the schema ({found}) is newer than this version knows", step)
    step = "back up, then stop the server and start it: the start brings the schema up to date"
    return fail("database", f"the schema ({found}) is older than this version needs ({newest})", step)


def sqlite_file(settings: Settings) -> Path | None:
    """Where the embedded database is, None with PostgreSQL."""
    url = make_url(settings.sqlalchemy_url)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def write_ahead_log(path: Path | None) -> Iterator[Finding]:
    """Whether SQLite's write-ahead log is emptied; nothing with PostgreSQL."""
    if path is None:
        return
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    said = f"SQLite's write-ahead log has {size // (1024 * 1024):,} MiB"
    if size > LARGE_LOG:
        step = "end whatever else reads the database (a copy, sqlite3), then restart the server"
        yield warn("write-ahead log", f"{said}: it is not emptied, and what was deleted can be read there", step)
    else:
        yield ok("write-ahead log", said)


async def about_queues(context: Context) -> list[Finding]:
    """Ages of both queues, what was given up, servers that do not answer."""
    return list(judge(await measure(context), context.now))


def judge(queues: Queues, now: datetime) -> Iterator[Finding]:
    """What the numbers mean."""
    yield queue("in", queues.inbound, now)
    yield queue("out", queues.outbound, now)
    if queues.inbound.dead:
        yield note(
            "given up",
            f"{queues.inbound.dead} received activities failed eight times and are kept for a week",
            "look for `activity failed` in the log; after an upgrade: groundswell federation retry --inbox",
        )
    if queues.breakers_open or queues.hosts_paused:
        count = max(queues.breakers_open, queues.hosts_paused)
        step = "groundswell federation status; for one that is back: groundswell federation retry HOST"
        yield note("other servers", f"{count} servers are left alone, as they do not answer or asked for it", step)


def queue(direction: str, state: Queue, now: datetime) -> Finding:
    """One direction: the age of what could be done, not the length, is what matters."""
    check = f"queue {direction}"
    said = f"{state.waiting:,} wait"
    if state.oldest is not None:
        said += f", the oldest for {told(now - state.oldest)}"
    if state.paused_since is not None:
        since = told(now - state.paused_since)
        return warn(check, f"paused for {since}; {said}", f"groundswell queue resume {direction}")
    if state.overdue_since is None or now - state.overdue_since < SLOW:
        return ok(check, said)
    late = f"{said}; nobody took it up for {told(now - state.overdue_since)}"
    step = "is the server running? Look at its log, and at groundswell queue stats"
    return fail(check, late, step) if now - state.overdue_since > STALE else warn(check, late, step)


def told(age: timedelta) -> str:
    """An age in its largest whole unit, or two: `3 d 4 h`, `12 min`."""
    seconds = max(0, int(age.total_seconds()))
    if seconds >= 86_400:
        return f"{seconds // 86_400} d {seconds % 86_400 // 3_600} h"
    if seconds >= 3_600:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
