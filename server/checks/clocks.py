"""Compares this machine's clock with those of others. Signatures are worth nothing where they differ by much."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from statistics import median

from sqlalchemy import select
from sqlmodel import col

from federation.client import ForbiddenAddress, Unreachable
from federation.context import Context
from federation.runtime import Federation
from models import RemoteHost
from server.checks.findings import Finding, fail, ok, warn

PEERS = 3
"""Servers that are asked: most of them are right."""

NOTICEABLE, TOO_MUCH = timedelta(seconds=30), timedelta(minutes=5)
"""Seconds are lost on the way; some servers refuse signatures that are five minutes off, ours 65."""

STEP = "turn on time synchronisation: timedatectl set-ntp true"


async def clock(federation: Federation) -> Finding:
    """The skew against servers that we federate with; against our own public address where there are none."""
    async with federation.reading() as context:
        hosts = await _peers(context)
    urls = [f"{federation.origin.scheme}://{host}/.well-known/nodeinfo" for host in hosts]
    skews = [skew for url in urls if (skew := await _skew(federation, url)) is not None]
    if skews:
        return judge(skews, f"{len(skews)} other servers")
    own = await _skew(federation, f"{federation.origin}/.well-known/nodeinfo")
    if own is None:
        return warn("clock", "no other server's clock could be read", f"compare it with another one, or {STEP}")
    found = judge([own], "our own public address")
    return found if found.severity != "ok" else ok("clock", f"{found.sentence}, which may be this machine's own")


def judge(skews: Sequence[float], whose: str) -> Finding:
    """What a difference in seconds means; of several the median counts."""
    skew = median(skews)
    said = f"the clock differs by {abs(skew):.0f} s from that of {whose}"
    if abs(skew) >= TOO_MUCH.total_seconds():
        return fail("clock", f"{said}: signatures are refused", STEP)
    return warn("clock", said, STEP) if abs(skew) >= NOTICEABLE.total_seconds() else ok("clock", said)


async def _peers(context: Context) -> list[str]:
    """Servers that were well when last heard, latest first."""
    well = select(col(RemoteHost.host)).where(col(RemoteHost.failures) == 0, col(RemoteHost.last_seen_on).is_not(None))
    return list(
        (await context.session.execute(well.order_by(col(RemoteHost.last_seen_on).desc()).limit(PEERS))).scalars()
    )


async def _skew(federation: Federation, url: str) -> float | None:
    """Seconds by which our clock is ahead of another's, None when it does not say."""
    before = federation.clock()
    try:
        answer = await federation.client.get(url, accept="application/json", signer=None, now=before)
        theirs = parsedate_to_datetime(answer.date)
    except (Unreachable, ForbiddenAddress, ValueError, TypeError):
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    middle: datetime = before + (federation.clock() - before) / 2
    return (middle - theirs).total_seconds() - 0.5  # a Date is cut off at whole seconds
