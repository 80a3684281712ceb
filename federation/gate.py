"""Decides which addresses may be connected to. Never lets a name, a literal or a rebound answer reach a private one."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""Turns a name into addresses as text; raises `OSError` when there are none."""

DNS_THREADS = 128
"""Names that a gate looks up at once. The system's look-up blocks its thread, and a hostile name server makes it wait:
more than one domain may have looked up at a time (`federation/client.py:Limits`), so that others have some left."""

# What is_global alone lets through, or has let through in some version (HOSTILE-PEERS C1, IANA special registries).
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in """
    0.0.0.0/8 100.64.0.0/10 169.254.0.0/16 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32
    2002::/16 3fff::/20 fc00::/7 fe80::/10 ff00::/8
    """.split()
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")

# Names that no public name server may be asked for: RFC 6761 section 6.4, RFC 7686 section 2.
_NEVER_LOOKED_UP = frozenset({"invalid", "onion"})


class ForbiddenAddress(Exception):
    """The place is not on the public internet, or not reachable by a scheme that is accepted. Trying again is vain."""


def wrapped_addresses(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to: mapped, compatible, NAT64, 6to4, and both ends of Teredo."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _COMPATIBLE or address in _TRANSLATED:
        return (ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF),)
    return ()


def is_public(address: Address) -> bool:
    """Whether an address, taken as it stands, belongs to the public unicast internet."""
    if isinstance(address, ipaddress.IPv6Address) and (address not in _GLOBAL_UNICAST or address.scope_id is not None):
        return False
    return address.is_global and not any(address in network for network in _SPECIAL)


def check_address(text: str, *, trusted: Iterable[Network] = ()) -> None:
    """Raises `ForbiddenAddress` unless the address, and every address wrapped in it, is public or trusted.

    `text` is a canonical address; forms such as `127.1` or `0x7f000001` are refused as no address at all.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ForbiddenAddress("not an address") from error
    networks = tuple(trusted)
    for each in (address, *wrapped_addresses(address)):
        if not is_public(each) and not any(each in network for network in networks):
            raise ForbiddenAddress("the address is not public")


def is_loopback_name(host: str) -> bool:
    """Whether a name is `localhost` or below it, which is never asked of a name server (RFC 6761 section 6.3)."""
    return host.removesuffix(".").lower().rpartition(".")[2] == "localhost"


@dataclass(frozen=True, slots=True)
class Gate:
    """The one door to the network: names are resolved here, and every socket is made here.

    `trusted` are private networks opened on purpose, for tests and demonstrations. `lookup` is the seam for tests;
    the system's own look-up is used without it.
    """

    trusted: tuple[Network, ...] = ()
    lookup: Lookup | None = None
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(DNS_THREADS, thread_name_prefix="dns"), repr=False
    )

    @classmethod
    def trusting(cls, networks: Iterable[str], *, lookup: Lookup | None = None) -> "Gate":
        """A gate that also opens these networks. Raises `ValueError` for what is no network."""
        return cls(tuple(ipaddress.ip_network(network) for network in networks), lookup)

    async def resolve(self, host: str) -> list[str]:
        """The addresses of a name, each one checked.

        One forbidden answer refuses the name: who mixes public and private answers is up to something.
        Raises `ForbiddenAddress`, and `OSError` when there is no answer.
        """
        if is_loopback_name(host):
            answers: Sequence[str] = ["127.0.0.1"]
        elif "." not in host or host.rpartition(".")[2] in _NEVER_LOOKED_UP:
            raise ForbiddenAddress("not a public name")
        else:
            try:
                answers = await (self.lookup or self._system_lookup)(host)
            except UnicodeError as error:  # A label that is too long or empty: DNS has no such name.
                raise OSError("no name that could be looked up") from error
        if not answers:
            raise OSError("the name has no address")
        for answer in answers:
            check_address(answer, trusted=self.trusted)
        return list(answers)

    def open_socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """Makes the socket that is about to be connected to the address in `info` (as `getaddrinfo` has it).

        The last check, after every look-up, for names and literals alike. Raises `ForbiddenAddress`.
        """
        family, kind, protocol, _, address = info
        check_address(str(address[0]), trusted=self.trusted)
        return socket.socket(family, kind, protocol)

    def close(self) -> None:
        """Gives up look-ups that wait; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _system_lookup(self, host: str) -> list[str]:
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(self._threads, _addresses_of, host)
        return list(dict.fromkeys(infos))


def _addresses_of(host: str) -> list[str]:
    infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(info[4][0]) for info in infos]
