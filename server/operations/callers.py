"""Tells this machine's own tools from everybody else. Never believes a header that says so."""

import ipaddress

from starlette.requests import Request

OWN_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""Headers that say that a proxy passed the request on. They can only shut a caller out, never let one in."""


def is_local(request: Request) -> bool:
    """Whether a program on this machine asks for itself: peer on loopback, loopback's own name, no proxy between.

    The proxy before us is on loopback too; what it passes on carries our public name, or says who passed it on, or
    is HTTP/1.0, as from an nginx that nobody told to keep the name. `check` tells where all of that fails.
    """
    peer = request.client.host if request.client is not None else ""
    if not is_loopback(peer) or any(name in request.headers for name in PASSED_ON):
        return False
    if request.scope.get("http_version") == "1.0":
        return False
    return _name_in(request.headers.get("host", "")) in OWN_NAMES


def is_loopback(peer: str) -> bool:
    """Whether the address of a socket's other end is this machine's loopback, IPv4 within IPv6 included."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _name_in(host: str) -> str:
    name, colon, port = host.strip().lower().rpartition(":")
    return name if colon and port.isdecimal() else host.strip().lower()
