"""Sees every connection this process opens and every name it looks up, and answers for the name server."""

import asyncio
import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Place = tuple[str, int]
"""An address and a port that was connected to."""

_ours: ContextVar[bool] = ContextVar("the test itself connects", default=False)


@contextmanager
def by_the_test() -> Iterator[None]:
    """Inside, connections are the test's own and are not recorded."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


@dataclass
class Outbound:
    """What the servers of this process reached for: `places` it connected to, `names` it had looked up, in order.

    Connections are seen where Python makes them, whichever library asked, and before they succeed or fail.
    """

    places: list[Place] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def since(self, places: int, names: int) -> "Outbound":
        """What came after so many places and names."""
        return Outbound(self.places[places:], self.names[names:])


@cache
def outbound() -> Outbound:
    """The one recorder of this process: an audit hook cannot be taken off again."""
    recorder = Outbound()

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple) and not _ours.get():
            recorder.places.append((str(arguments[1][0]), int(arguments[1][1])))

    sys.addaudithook(hear)
    return recorder


@dataclass
class Names:
    """A name server under the test's control. `answers`: for each name one list of addresses per question, the last
    one for ever. Every other name does not exist, and no question leaves the machine."""

    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)

    def say(self, name: str, *answers: Sequence[str]) -> None:
        """Sets the answers of a name."""
        self.answers[name] = list(answers)

    def look_up(self, name: str) -> Sequence[str]:
        """The addresses of a name now. Raises `socket.gaierror` where it has none."""
        outbound().names.append(name)
        waiting = self.answers.get(name)
        if not waiting:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def answering_names() -> Iterator[Names]:
    """Takes the place of the system's resolver for all but addresses and `localhost`."""
    names, system = Names(), socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if _is_local(host):
            return system(host, port, *arguments, **options)
        found = [(_family(address), address) for address in names.look_up(str(host))]
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 0)) for family, address in found]

    socket.getaddrinfo = getaddrinfo
    try:
        yield names
    finally:
        socket.getaddrinfo = system


@dataclass
class Trap:
    """A port on which all of this machine listens, over both versions of IP; whoever connects is counted."""

    port: int
    connections: int = 0


@asynccontextmanager
async def trap() -> AsyncIterator[Trap]:
    """Listens on every address there is: 127.0.0.1, 127.0.0.2, 0.0.0.0, `::1`, `::`, `::ffff:127.0.0.1`."""
    with _listener() as listener:
        caught = Trap(listener.getsockname()[1])

        def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            caught.connections += 1
            writer.close()

        server = await asyncio.start_server(count, sock=listener)
        yield caught
        server.close()
        await server.wait_closed()


def _listener() -> socket.socket:
    if not socket.has_dualstack_ipv6():
        return socket.create_server(("0.0.0.0", 0))
    return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)


def _is_local(host: Any) -> bool:
    if host is None or host in ("", b"", "localhost"):
        return True
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
