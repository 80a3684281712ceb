"""The commands as an operator types them: they say what a file holds and who opens it, and what to do next."""

import os
from pathlib import Path

import pytest

from server.backups import keeping
from server.custody.sources import CREDENTIAL
from tests.server.backups.conftest import Operator

SQLITE_ONLY = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def newest(operator: Operator) -> Path:
    return keeping.backups_in(operator.folder / "backups")[0].path


def test_from_the_first_key_to_another_machine(operator: Operator) -> None:
    key = operator.folder / "new.key"
    recipient = operator.types("backup", "identity", str(key)).strip()
    assert key.stat().st_mode & 0o777 == 0o600
    said = operator.types("backup", "create", "--recipient", recipient)
    assert f"whoever holds the identity of {recipient}; not by this server" in said
    assert "the database of https://flex.test" in said
    assert "root key is not in it" in said
    assert str(operator.settings.key_path) in said
    path = newest(operator)
    assert "was not tried" in operator.types("backup", "verify", str(path), "--identity", str(key))
    root = str(operator.settings.key_path)
    tried = operator.types("backup", "verify", str(path), "--identity", str(key), "--root-key", root)
    assert "opens every wrapped key" in tried
    listed = operator.types("backup", "list")
    assert path.name in listed
    assert "ROOT KEY" not in listed
    there = operator.folder / "there" / "data"
    operator.environment.pop("GROUNDSWELL_DATABASE_URL", None)
    said = operator.types("restore", str(path), "--to", str(there), "--identity", str(key))
    assert "it ran with GROUNDSWELL_DOMAIN=flex.test" in said
    assert f"put your copy at {there}.key" in said
    there.with_name("data.key").write_bytes(operator.settings.key_path.read_bytes())
    assert "@flex\t" in operator.types("--data-dir", str(there), "movement", "list")


@SQLITE_ONLY
def test_with_the_root_key_it_says_so_loudly(operator: Operator) -> None:
    assert "root key IS IN IT" in operator.types("backup", "create", "--with-root-key")
    assert "ROOT KEY" in operator.types("backup", "list")
    identity = str(operator.identity_file)
    verified = operator.types("backup", "verify", str(newest(operator)), "--identity", identity)
    assert "is in it, and opens every wrapped key" in verified


@SQLITE_ONLY
def test_a_key_that_is_a_credential_comes_along_and_back(operator: Operator, tmp_path: Path) -> None:
    credential = tmp_path / "credentials" / CREDENTIAL
    credential.parent.mkdir()
    operator.settings.key_path.rename(credential)
    operator.types("backup", "create", "--with-root-key", CREDENTIALS_DIRECTORY=str(credential.parent))
    there = str(tmp_path / "there" / "data")
    identity = ("--identity", str(operator.identity_file))
    operator.types("restore", str(newest(operator)), "--to", there, *identity)
    assert "@flex\t" in operator.types("--data-dir", there, "movement", "list")


@pytest.mark.parametrize("told", [True, False])
def test_a_key_that_is_made_from_a_passphrase_does_not_come_along(operator: Operator, *, told: bool) -> None:
    """Whether the settings say so or only the data; a key file that lies about is not mistaken for the key."""
    file, stray = operator.folder / "passphrase", operator.settings.key_path.read_bytes()
    file.write_text("six words that were drawn by chance\n")
    operator.types("keys", "rotate", "root", "--to", "passphrase", "--new-passphrase-file", str(file))
    operator.settings.key_path.write_bytes(stray)
    given = {"GROUNDSWELL_KEY_PASSPHRASE_FILE": str(file)} if told else {}
    complaint = operator.types("backup", "create", "--with-root-key", code=2, **given)
    assert "leave out --with-root-key" in complaint
    assert not (operator.folder / "backups").exists()


@SQLITE_ONLY
def test_pruning_says_first_what_would_go(operator: Operator) -> None:
    folder = operator.folder / "backups"
    operator.types("backup", "create")
    os.link(newest(operator), folder / "groundswell-2020-01-01T000000Z.tar")
    os.link(newest(operator), folder / "groundswell-2021-01-01T000000Z.tar")
    before = sorted(folder.iterdir())
    assert "would go: groundswell-2020" in operator.types("backup", "prune", "--keep", "2", "--dry-run")
    assert sorted(folder.iterdir()) == before
    said = operator.types("backup", "prune", "--keep", "2", "--keys", "1")
    assert "deleted groundswell-2020" in said
    assert "took the wrapped keys out of groundswell-2021" in said
    assert "no wrapped keys" in operator.types("backup", "list")
    assert "nothing to delete" in operator.types("backup", "prune", "--keep", "2", "--keys", "1")


@SQLITE_ONLY
def test_mistakes(operator: Operator) -> None:
    identity = str(operator.identity_file)
    kept = operator.identity_file.read_text()
    assert "File exists" in operator.types("backup", "identity", identity, code=2)
    assert operator.identity_file.read_text() == kept
    assert "not an age recipient" in operator.types("backup", "create", "--recipient", "age1x", code=2)
    assert "BACKUP_RECIPIENTS" in operator.types("backup", "create", code=2, GROUNDSWELL_BACKUP_RECIPIENTS="age1x")
    assert "groundswell backup identity" in operator.types("backup", "create", code=2, GROUNDSWELL_BACKUP_RECIPIENTS="")
    assert "No such file" in operator.types("backup", "verify", "none.tar", "--identity", identity, code=2)
    assert operator.types("backup", "prune", "--keep", "0", code=2)
    assert "backup create" in operator.types("backup", "list")
    operator.types("backup", "create")
    again = operator.types("restore", str(newest(operator)), "--identity", identity, code=2)
    assert "is not empty" in again
    assert "--identity FILE" in operator.types("restore", str(newest(operator)), code=2)
    missing = operator.types("restore", str(newest(operator)), "--identity", "nowhere", code=2)
    assert "nowhere cannot be read" in missing
    operator.settings.key_path.rename(operator.folder / "away.key")
    assert "root key" in operator.types("backup", "create", "--with-root-key", code=2)
    assert "a target is named" in operator.types("db", "convert", "--to", "mysql", code=2)
