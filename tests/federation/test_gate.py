"""The gate opens for the public internet and for nothing else (HOSTILE-PEERS C1, C2)."""

import ipaddress
import socket
from collections.abc import Sequence

import pytest

from federation.gate import ForbiddenAddress, Gate, check_address, is_public, wrapped_addresses

FORBIDDEN = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254 169.254.0.1
169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.9 192.0.0.170 192.0.2.1 192.88.99.1 192.88.99.2
192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 233.252.0.1 239.255.255.255
240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1
64:ff9b::8.8.8.8 64:ff9b:1::1 100::1 2001::1 2001:0:a00:1::f5ff:fffe 2001:10::1 2001:20::1 2001:db8::1
2002:7f00:1::1 2002:a00:1:: 2002:808:808::1 3fff::1 fc00::1 fd12:3456:789a::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1
ff0e::1 4000::1 5f00::1 2a00:1450:4001::8%1
""".split()

# Texts that some resolver or library takes for an address of ours; the digits of one are Arabic.
NO_ADDRESSES = """
127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 0177.0.0.1 017700000001 127.000.000.001 127.0.0.1. localhost
\u0661\u0662\u0667.\u0660.\u0660.\u0661 [::1] 127.0.0.1:80 1.1.1.1/32
""".split()
NO_ADDRESSES += ["", " 127.0.0.1", "127.0.0.1\n", "1.1.1.1\0"]

PUBLIC = (
    "1.1.1.1 8.8.8.8 93.184.215.14 172.15.0.1 172.32.0.1 192.0.1.1 223.255.255.254 2606:4700::1111 2a00:1450:4001::8"
)


@pytest.mark.parametrize("text", FORBIDDEN)
def test_forbidden_addresses(text: str) -> None:
    with pytest.raises(ForbiddenAddress):
        check_address(text)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_odd_spellings_are_no_addresses(text: str) -> None:
    with pytest.raises(ForbiddenAddress):
        check_address(text, trusted=[ipaddress.ip_network("127.0.0.0/8")])


@pytest.mark.parametrize("text", PUBLIC.split())
def test_public_addresses(text: str) -> None:
    check_address(text)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("::ffff:127.0.0.1", ["127.0.0.1"]),
        ("::10.0.0.1", ["10.0.0.1"]),
        ("64:ff9b::7f00:1", ["127.0.0.1"]),
        ("2002:7f00:1::", ["127.0.0.1"]),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", ["65.54.227.120", "192.0.2.45"]),
        ("2606:4700::1111", []),
        ("8.8.8.8", []),
    ],
)
def test_wrapped_addresses(text: str, inside: list[str]) -> None:
    assert [str(address) for address in wrapped_addresses(ipaddress.ip_address(text))] == inside


def test_every_forbidden_address_is_refused_by_its_own_form() -> None:
    for text in FORBIDDEN:
        assert not is_public(ipaddress.ip_address(text))


def test_trust_opens_a_network_and_nothing_wrapped_in_it() -> None:
    loopback = [ipaddress.ip_network("127.0.0.0/8")]
    check_address("127.0.0.1", trusted=loopback)
    translated = [ipaddress.ip_network("64:ff9b::/96")]
    check_address("64:ff9b::808:808", trusted=translated)
    for text, trusted in (
        ("10.0.0.1", loopback),
        ("::ffff:127.0.0.1", loopback),
        ("::1", loopback),
        ("64:ff9b::7f00:1", translated),
    ):
        with pytest.raises(ForbiddenAddress):
            check_address(text, trusted=trusted)


def answering(*answers: Sequence[str]) -> Gate:
    """A gate whose names have these answers, one after the other."""
    waiting = list(answers)

    async def lookup(host: str) -> Sequence[str]:
        return waiting.pop(0)

    return Gate(lookup=lookup)


@pytest.mark.parametrize("text", FORBIDDEN)
async def test_a_name_with_one_forbidden_answer_is_refused(text: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await answering([text]).resolve("evil.example")
    with pytest.raises(ForbiddenAddress):
        await answering(["1.1.1.1", text]).resolve("evil.example")


async def test_public_answers_pass_in_order() -> None:
    assert await answering(["2606:4700::1111", "1.1.1.1"]).resolve("peer.example") == ["2606:4700::1111", "1.1.1.1"]


async def test_a_name_without_an_answer() -> None:
    with pytest.raises(OSError, match="no address"):
        await answering([]).resolve("peer.example")


@pytest.mark.parametrize("host", ["intranet", "db", "x.invalid", "secret.onion", "2130706433", "0x7f000001"])
async def test_names_that_are_never_looked_up(host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await answering().resolve(host)


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "a.LOCALHOST", "deep.a.localhost", "localhost."])
async def test_localhost_is_loopback_without_a_look_up_and_closed_unless_trusted(host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await answering().resolve(host)
    assert await Gate.trusting(["127.0.0.0/8"]).resolve(host) == ["127.0.0.1"]


async def test_the_system_is_asked_without_a_lookup_of_ours() -> None:
    # A legacy spelling that the system turns into an address without any name server.
    with pytest.raises(ForbiddenAddress):
        await Gate().resolve("127.0.1")
    assert await Gate.trusting(["127.0.0.0/8"]).resolve("127.0.1") == ["127.0.0.1"]


def test_sockets_are_checked_last() -> None:
    for address in ("127.0.0.1", "169.254.169.254", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with pytest.raises(ForbiddenAddress):
            Gate().open_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80)))
    with Gate().open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("1.1.1.1", 443))) as made:
        assert made.family == socket.AF_INET


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="network"):
        Gate.trusting(["loopback"])


@pytest.mark.parametrize("host", ["a" * 64 + ".example.org", "a..example.org"])
async def test_names_that_cannot_be_looked_up_are_no_error_of_ours(host: str) -> None:
    gate = Gate.trusting(())
    try:
        with pytest.raises(OSError, match="no name that could be looked up"):
            await gate.resolve(host)
    finally:
        gate.close()
