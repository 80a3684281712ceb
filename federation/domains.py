"""Groups hosts by who could set them up: one owner, however many names and ports. For limits; never for trust."""

import ipaddress
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

NETWORK_BITS = 48
"""Leading bits of an IPv6 address that stand for one owner: hosters give away no larger network for nothing."""


@lru_cache(maxsize=16_384)
def registrable(host: str) -> str:
    """What somebody had to register to run this host: the public suffix and one label, in lower case, without a port.

    The suffixes are those of the Public Suffix List as bundled (never fetched), its private part included, so that
    users of one hoster count apart. A bare suffix or single label is itself, and so is an IPv4 address; an IPv6
    address is its /48 network. `host` is as `federation.origin.host_of` has it.
    """
    name = name_of(host)
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _suffixes().privatesuffix(name) or name
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Network((int(address), 128)).supernet(new_prefix=NETWORK_BITS))


def name_of(host: str) -> str:
    """The host without its port, and an IPv6 address without its brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return (host.partition(":")[0] if host.count(":") == 1 else host).lower()


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
