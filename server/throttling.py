"""Counts what one network or token does, in this process's memory alone. Keeps no address: only a keyed hash of it."""

import hmac
import ipaddress
import math
import secrets
import time
from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import HTTPConnection

from server.operations.callers import is_loopback


@dataclass(frozen=True, slots=True)
class Spent:
    """How much of an allowance is left, and in how many seconds it is whole again."""

    allowed: bool
    limit: int
    remaining: int
    seconds: int


def allowance(count: int, seconds: int) -> RateLimitItem:
    """So many in so many seconds."""
    return RateLimitItemPerSecond(count, seconds)


@dataclass(slots=True)
class Throttle:
    """Allowances by kind and key. Its key is random for each process: nothing it holds means anything elsewhere."""

    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))

    async def spend(self, limit: RateLimitItem, kind: str, who: str) -> Spent:
        """Takes one from an allowance, or says that there is none left."""
        name = f"{kind}:{hmac.digest(self._key, who.encode('utf-8', 'surrogatepass'), 'sha256').hex()[:32]}"
        allowed = await self._limiter.hit(limit, name)
        stats = await self._limiter.get_window_stats(limit, name)
        return Spent(allowed, limit.amount, stats.remaining, max(0, math.ceil(stats.reset_time - time.time())))


def network_of(connection: HTTPConnection) -> str:
    """The network that a request comes from, for counting: IPv4 by address, IPv6 by /64.

    What a proxy says is believed only of one on this machine, and only its own last word.
    """
    peer = connection.client.host if connection.client is not None else ""
    passed_on = connection.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if passed_on and is_loopback(peer):
        peer = passed_on
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer[:64]
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)
