"""Knows the domains that this server neither hears nor speaks to. A block covers everything below its domain."""

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import DomainBlock

_Verdicts = dict[str, bool]


async def look_up_blocks(context: Context, hosts: Collection[str]) -> None:
    """Asks once for all of these, for the whole unit of work."""
    blocked = await blocked_among(context, hosts)
    verdicts: _Verdicts = context.memo.setdefault("blocks", {})
    verdicts |= {host: host in blocked for host in hosts}


async def is_blocked(context: Context, host: str) -> bool:
    """Whether a normalised host, with or without a port, is blocked itself or lies below a blocked domain.

    Whole labels count: a block of `evil.example` covers `sub.evil.example`, not `notevil.example` (HOSTILE B16).
    """
    known: _Verdicts = context.memo.get("blocks", {})
    if host in known:
        return known[host]
    statement = select(col(DomainBlock.domain)).where(col(DomainBlock.domain).in_(_domains(host))).limit(1)
    return (await context.session.execute(statement)).first() is not None


async def blocked_among(context: Context, hosts: Collection[str]) -> set[str]:
    """Which of the hosts are blocked, as `is_blocked` tells it, in one query however many they are."""
    if not hosts:
        return set()
    above = {host: _domains(host) for host in hosts}
    asked = {domain for domains in above.values() for domain in domains}
    statement = select(col(DomainBlock.domain)).where(col(DomainBlock.domain).in_(asked))
    blocked = set((await context.session.execute(statement)).scalars())
    return {host for host, domains in above.items() if not blocked.isdisjoint(domains)}


def _domains(host: str) -> list[str]:
    labels = _name(host).split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
