"""Settings: what is refused, and how it is said."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from server.config import Settings, is_reserved


def settings(**given: object) -> Settings:
    return Settings(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "domain", ["a b.org", "https://x.org", "x.org/path", "x.org:8000", "localhosts", "x@y.org", "\u2028.org"]
)
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(ValidationError, match="domain"):
        settings(domain=domain)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Flex.Example.ORG.", "flex.example.org"),
        ("bücher.org", "xn--bcher-kva.org"),
        ("a.localhost:8001", "a.localhost:8001"),
    ],
)
def test_a_domain_is_kept_in_one_spelling(given: str, kept: str) -> None:
    assert settings(domain=given).domain == kept


@pytest.mark.parametrize("unsafe", [{"trusted_networks": "127.0.0.0/8"}, {"insecure_http": True}])
def test_test_settings_are_refused_on_a_public_domain(unsafe: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="only for reserved names"):
        settings(domain="flex.example.org", **unsafe)
    assert settings(domain="flex.test", **unsafe).domain == "flex.test"


def test_networks_are_separated_by_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_TRUSTED_NETWORKS", "127.0.0.0/8, ::1/128")
    monkeypatch.setenv("GROUNDSWELL_DOMAIN", "a.test")
    assert settings().trusted_networks == ("127.0.0.0/8", "::1/128")


def test_without_a_domain_it_is_a_trial_that_reaches_nobody() -> None:
    trial = settings(domain=None)
    assert (trial.trial, str(trial.origin)) == (True, "https://groundswell.invalid")


def test_the_root_key_is_beside_the_data_and_not_in_it() -> None:
    chosen = settings(data_dir=Path("/srv/groundswell/data"))
    assert chosen.key_path == Path("/srv/groundswell/data.key")
    assert not chosen.key_path.is_relative_to(chosen.data_dir)


@pytest.mark.parametrize(
    ("domain", "reserved"),
    [("a.test", True), ("localhost:80", True), ("x.example", True), ("test.org", False), ("example.org", False)],
)
def test_reserved_names(domain: str, *, reserved: bool) -> None:
    assert is_reserved(domain) is reserved


def test_a_database_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        _ = settings(database_url="mysql://x/y").sqlalchemy_url
