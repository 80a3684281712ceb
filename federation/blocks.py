"""Knows the domains that this server neither hears nor speaks to. A block covers everything below its domain."""

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import col

from federation.context import Context
from models import DomainBlock


async def is_blocked(context: Context, host: str) -> bool:
    """Whether a normalised host, with or without a port, is blocked itself or lies below a blocked domain.

    Whole labels count: a block of `evil.example` covers `sub.evil.example`, not `notevil.example` (HOSTILE B16).
    """
    statement = select(col(DomainBlock.domain)).where(col(DomainBlock.domain).in_(_domains(host))).limit(1)
    return (await context.session.execute(statement)).first() is not None


async def blocked_among(context: Context, hosts: Collection[str]) -> set[str]:
    """Which of the hosts are blocked, as `is_blocked` tells it, in one query however many they are."""
    if not hosts:
        return set()
    blocked = set((await context.session.execute(select(col(DomainBlock.domain)))).scalars())
    return {host for host in hosts if not blocked.isdisjoint(_domains(host))}


def _domains(host: str) -> list[str]:
    labels = _name(host).split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
