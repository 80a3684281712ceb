"""Which source counts, what each offers, and one clear line for all that can be wrong with them."""

import os
from pathlib import Path

import pytest

from crypto.sealing import RootKey
from server.config import Settings
from server.custody.placement import PROTECTS, examine
from server.custody.sources import CREDENTIAL, Source, chosen_source, read_passphrase_file
from server.root_key import RootKeyProblem, lay_successor, successor_of, write_root_key


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GROUNDSWELL_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "credentials"
    write_root_key(folder / CREDENTIAL, RootKey.generate())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder / CREDENTIAL


def settings(folder: Path, **given: object) -> Settings:
    return Settings(data_dir=folder / "data", **given)  # type: ignore[arg-type]


def test_the_settings_leave_it_to_the_data_or_name_one(tmp_path: Path) -> None:
    assert chosen_source(settings(tmp_path)) is None
    assert chosen_source(settings(tmp_path, root_key_file=tmp_path / "k")) is Source.FILE
    assert chosen_source(settings(tmp_path, key_passphrase_file=tmp_path / "p")) is Source.PASSPHRASE
    assert chosen_source(settings(tmp_path, key_source="passphrase")) is Source.PASSPHRASE
    assert chosen_source(settings(tmp_path, key_source="", root_key_file="")) is None


@pytest.mark.usefixtures("credential")
def test_a_credential_that_is_handed_over_is_used(tmp_path: Path) -> None:
    assert chosen_source(settings(tmp_path)) is Source.CREDENTIAL
    assert chosen_source(settings(tmp_path, key_source="credential")) is Source.CREDENTIAL


@pytest.mark.usefixtures("credential")
@pytest.mark.parametrize("other", [{"root_key_file": "k"}, {"key_passphrase_file": "p"}, {"key_source": "file"}])
def test_two_sources_at_once_are_named(tmp_path: Path, other: dict[str, str]) -> None:
    with pytest.raises(RootKeyProblem, match=f"credential {CREDENTIAL}.*: remove one"):
        chosen_source(settings(tmp_path, **other))


def test_a_setting_against_the_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(RootKeyProblem, match="is passphrase, and there is also GROUNDSWELL_ROOT_KEY_FILE"):
        chosen_source(settings(tmp_path, key_source="passphrase", root_key_file=tmp_path / "k"))


def test_a_passphrase_in_the_environment_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDSWELL_KEY_PASSPHRASE", "zebrafinch zebrafinch")
    with pytest.raises(RootKeyProblem, match="others can see the environment") as refused:
        chosen_source(settings(tmp_path))
    assert "zebrafinch" not in str(refused.value)


@pytest.mark.parametrize(("written", "read"), [(b"a b c\n", "a b c"), (b"a b \r\n", "a b "), ("ü".encode(), "ü")])
def test_a_passphrase_file_is_read_without_the_end_of_its_line(tmp_path: Path, written: bytes, read: str) -> None:
    (tmp_path / "p").write_bytes(written)
    assert read_passphrase_file(tmp_path / "p") == read


@pytest.mark.parametrize(("written", "told"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "it is not text")])
def test_a_passphrase_file_without_a_passphrase_is_named(tmp_path: Path, written: bytes, told: str) -> None:
    (tmp_path / "p").write_bytes(written)
    with pytest.raises(RootKeyProblem, match=told):
        read_passphrase_file(tmp_path / "p")
    with pytest.raises(RootKeyProblem, match="No such file"):
        read_passphrase_file(tmp_path / "missing")


def test_a_successor_never_replaces_the_key_by_itself(tmp_path: Path) -> None:
    path, first, second = tmp_path / "k", RootKey.generate(), RootKey.generate()
    write_root_key(path, first)
    before = path.read_bytes()
    lay_successor(path, RootKey.generate())
    lay_successor(path, second)
    assert path.read_bytes() == before
    assert second.to_bytes().hex() in successor_of(path).read_text()
    with pytest.raises(RootKeyProblem, match="is there already"):
        write_root_key(path, second)
    assert path.read_bytes() == before


def told(given: Settings, source: Source) -> str:
    return "\n".join(f"{each.level} {each.detail} {each.next_step}" for each in examine(given, source))


def test_every_finding_about_a_file_has_a_next_step(tmp_path: Path) -> None:
    given = settings(tmp_path)
    given.data_dir.mkdir()
    write_root_key(given.key_path, RootKey.generate())
    assert "same disk as the data" in told(given, Source.FILE)
    given.key_path.chmod(0o644)
    assert f"chmod 600 {given.key_path}" in told(given, Source.FILE)
    given.key_path.chmod(0o600)
    tmp_path.chmod(0o777)
    assert f"chmod go-w {tmp_path}" in told(given, Source.FILE)
    findings = list(examine(given, Source.FILE))
    assert [each for each in findings if each.level != "ok" and not each.next_step] == []


def test_what_is_left_beside_a_passphrase_or_credential_is_named(tmp_path: Path, credential: Path) -> None:
    given = settings(tmp_path)
    given.data_dir.mkdir()
    write_root_key(given.key_path, RootKey.generate())
    assert "the credential protects nothing that this file opens" in told(given, Source.CREDENTIAL)
    assert "from before the passphrase" in told(given, Source.PASSPHRASE)
    (tmp_path / "p").write_text("a passphrase of six words indeed\n")
    (tmp_path / "p").chmod(0o640)
    readable = told(settings(tmp_path, key_passphrase_file=tmp_path / "p"), Source.PASSPHRASE)
    assert f"chmod 600 {tmp_path / 'p'}" in readable
    assert "on the same disk as the data" in readable
    credential.unlink()
    assert f"no credential {CREDENTIAL}" in told(given, Source.CREDENTIAL)


@pytest.mark.parametrize("source", list(Source))
def test_every_source_says_what_it_protects_from_and_what_not(tmp_path: Path, source: Source) -> None:
    protects, exposes = PROTECTS[source]
    said = told(settings(tmp_path), source)
    assert protects in said
    assert exposes in said
    assert "ciphertext" in protects
