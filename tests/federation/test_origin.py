"""Hosts and origins: one spelling for each, and ours recognised in every disguise (HOSTILE A12, A13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.origin import BadUri, LocalId, Origin, host_of, normalize_host, origin_of, same_origin

OURS = Origin("https", "groundswell.test")
TRIAL = Origin("http", "kestrel.localhost:8001")


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("\uff45xample.org", "example.org"),
    ],
)
def test_hosts_have_one_spelling(host: str, kept: str) -> None:
    assert normalize_host(host) == kept


@pytest.mark.parametrize(
    "host",
    ["", ".", ".org", "a..b", "a b", "a\n.org", "a/b", "a\\b", "u@h", "a%2eb", "a。org", "a?b", "a#b", "x" * 254],
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(BadUri):
        normalize_host(host)


@pytest.mark.parametrize(
    "uri",
    [
        "ftp://a.org/",
        "javascript:alert(1)",
        "https://",
        "https://u@a.org/",
        "https://a.org:99999/",
        "https://a.org/ x",
        "https://a.org/\x00",
        "https:\\\\a.org",
        "https://[::1",
        "//a.org/x",
        "https://a.org/" + "x" * 2_048,
    ],
)
def test_what_is_no_uri_of_the_fediverse_is_refused(uri: str) -> None:
    with pytest.raises(BadUri):
        origin_of(uri)


def test_default_ports_are_no_ports() -> None:
    assert host_of("https://A.org:443/x") == host_of("http://a.org:80/") == "a.org"
    assert host_of("https://a.org:8443/") == "a.org:8443"
    assert same_origin("https://a.org/x", "https://A.org:443/y")
    assert not same_origin("https://a.org/x", "http://a.org/x")
    assert not same_origin("https://a.org/x", "not a uri")


@pytest.mark.parametrize(
    "disguise",
    [
        "https://groundswell.test/ap/actors/x",
        "https://GROUNDSWELL.test/ap",
        "https://groundswell.test./ap",
        "https://groundswell.test:443/ap",
        "https://groundswell.test:8443/ap",
        "https://x@groundswell.test/ap",
        "http://groundswell.test/ap",
        "https://groundswell%2etest/ap",
        "https://\uff47roundswell.test/ap",
    ],
)
def test_ours_is_recognised_in_every_disguise(disguise: str) -> None:
    assert OURS.owns(disguise)


@pytest.mark.parametrize(
    "other",
    ["https://evil.test/groundswell.test", "https://groundswell.test.evil.test/", "https://sub.groundswell.test/", ""],
)
def test_others_are_not_ours(other: str) -> None:
    assert not OURS.owns(other)


def test_neighbours_on_one_name_are_told_apart_by_their_ports() -> None:
    assert TRIAL.owns("http://kestrel.localhost:8001/ap/instance")
    assert not TRIAL.owns("http://kestrel.localhost:8002/ap/instance")


def test_local_addresses_come_apart_as_they_were_put_together() -> None:
    assert OURS.locate(OURS.actor("abc", "inbox")) == LocalId("actor", "abc", "inbox")
    assert OURS.locate(OURS.object("abc") + "#x") == LocalId("object", "abc")
    assert OURS.locate(OURS.activity("abc")) == LocalId("activity", "abc")
    assert OURS.locate(OURS.instance) == LocalId("actor", "instance")
    assert OURS.locate("https://groundswell.test/ap/things/abc") is None
    assert OURS.locate("https://groundswell.test/ap/actors/../x") is None


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    OURS.owns(text)
    OURS.locate(text)
    same_origin(text, text)
    try:
        assert normalize_host(normalize_host(text)) == normalize_host(text)
    except BadUri:
        return
