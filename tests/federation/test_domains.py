"""Hosts grouped by who could set them up."""

import pytest

from federation.domains import name_of, registrable


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("evil.example", "evil.example"),
        ("n1.evil.example", "evil.example"),
        ("a.b.c.evil.example:8443", "evil.example"),
        ("EVIL.Example", "evil.example"),
        ("a.b.co.uk", "b.co.uk"),
        ("co.uk", "co.uk"),
        ("example:80", "example"),
        # The private part of the list counts: what a hoster hands out to different people.
        ("one.github.io", "one.github.io"),
        ("www.two.github.io", "two.github.io"),
        ("github.io", "github.io"),
        # Exceptions and wildcards of the list, and names in other scripts.
        ("x.www.ck", "www.ck"),
        ("a.b.c.kobe.jp", "b.c.kobe.jp"),
        ("x.city.kobe.jp", "city.kobe.jp"),
        ("a.b.xn--55qx5d.cn", "b.xn--55qx5d.cn"),
        ("n1.peer.localhost:4711", "peer.localhost"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:8080", "192.0.2.7"),
        ("[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1::/48"),
        ("[2001:db8:1:2::ffff]", "2001:db8:1::/48"),
        ("2001:db8:2:3::1", "2001:db8:2::/48"),
    ],
)
def test_who_had_to_register_it(host: str, domain: str) -> None:
    assert registrable(host) == domain


def test_whatever_a_host_may_be_has_a_domain() -> None:
    for host in ("", "x", "_", "-.-", "a..b", "[", "[]:1", ":::", "1.2.3", "0x7f.1", "x" * 253, "a." * 126 + "a"):
        assert len(registrable(host)) <= 253


def test_names_have_no_ports() -> None:
    assert [name_of(host) for host in ("A.example:80", "A.example", "[::1]:80", "::1")] == [
        "a.example",
        "a.example",
        "::1",
        "::1",
    ]
