"""Keys on the command line, as a process: a terminal, a descriptor, a file; and nothing secret in what is seen."""

import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAIN = "from server.cli import main; main(os.environ.pop('ARGUMENTS').split(chr(10)))"
FIRST = "zebrafinch zebrafinch zebrafinch one"
SECOND = "zebrafinch zebrafinch zebrafinch two"


@dataclass
class Ended:
    """How a command ended and what it said, on both streams."""

    code: int
    said: str

    @property
    def lines(self) -> list[str]:
        """What it said, without where the data is."""
        return [line for line in self.said.splitlines() if not line.startswith("data directory")]


@dataclass
class Shell:
    """Runs commands on one data directory."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """That of this process, without settings of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDSWELL_")}
        kept.pop("CREDENTIALS_DIRECTORY", None)
        return (
            kept
            | {"GROUNDSWELL_DATA_DIR": str(self.folder / "data"), "GROUNDSWELL_DOMAIN": "flex.test"}
            | self.settings
        )

    def run(self, *arguments: str, passphrases: tuple[str, ...] = ()) -> Ended:
        """Runs a command without a terminal. Passphrases come through descriptors, whose paths stand in for `{0}`…"""
        pipes = [self._pipe(each) for each in passphrases]
        paths = [f"/dev/fd/{pipe}" for pipe in pipes]
        environment = {name: value.format(*paths) for name, value in self.environment.items() if "{" in value}
        ended = subprocess.run(
            [sys.executable, "-m", "server.cli", *(argument.format(*paths) for argument in arguments)],
            cwd=ROOT,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=110,
            pass_fds=pipes,
            start_new_session=True,
        )
        for pipe in pipes:
            os.close(pipe)
        assert "zebrafinch" not in ended.stdout
        assert "Traceback" not in ended.stdout
        return Ended(ended.returncode, ended.stdout)

    @staticmethod
    def _pipe(passphrase: str) -> int:
        reading, writing = os.pipe()
        os.write(writing, f"{passphrase}\n".encode())
        os.close(writing)
        return reading

    def refused(self, *arguments: str, passphrases: tuple[str, ...] = ()) -> str:
        """Runs a command that must fail: one line, exit code 2."""
        ended = self.run(*arguments, passphrases=passphrases)
        assert (ended.code, len(ended.lines)) == (2, 1), ended.said
        return ended.lines[0]

    def on_terminal(self, *arguments: str, typed: list[tuple[str, str]]) -> Ended:
        """Runs a command on a terminal of its own, and types an answer after each of these words."""
        terminal, other_end = pty.openpty()
        process = subprocess.Popen(
            # It has no terminal of its own until it opens one.
            [sys.executable, "-c", f"import os; os.close(os.open({os.ttyname(other_end)!r}, os.O_RDWR)); {MAIN}"],
            cwd=ROOT,
            env=self.environment | {"ARGUMENTS": "\n".join(arguments)},
            stdin=other_end,
            stdout=other_end,
            stderr=other_end,
            start_new_session=True,
        )
        os.close(other_end)
        said, deadline, answers = "", time.monotonic() + 100, list(typed)
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1.0)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            said += piece.decode(errors="replace")
            if answers and answers[0][0] in said.rpartition("\n")[2]:
                os.write(terminal, f"{answers.pop(0)[1]}\n".encode())
        os.close(terminal)
        code = process.wait(timeout=20)
        assert answers == [], said
        assert "zebrafinch" not in said, "what is typed is not shown"
        return Ended(code, said)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_init_says_what_the_choice_means_and_run_needs_no_choice(shell: Shell) -> None:
    said = shell.run("init").said
    assert "protects:" in said
    assert "but not:" in said
    assert "same disk as the data" in said
    assert "was begun already" in shell.refused("init")
    checked = shell.run("check")
    assert checked.code == 0, checked.said
    assert "root key: from a file. Protects:" in checked.said


def test_a_passphrase_typed_on_a_terminal(shell: Shell) -> None:
    typed = [("file, passphrase or credential", "passphrase"), ("boot passphrase", FIRST), ("same again", FIRST)]
    begun = shell.on_terminal("init", typed=typed)
    assert begun.code == 0, begun.said
    assert "seized while off" in begun.said
    assert not (shell.folder / "data.key").exists()
    wrong = shell.on_terminal("keys", "status", typed=[("passphrase", SECOND)])
    assert wrong.code == 2
    assert "the passphrase is wrong: it does not open this database, which is whole" in wrong.said
    right = shell.on_terminal("keys", "status", typed=[("passphrase", FIRST)])
    assert right.code == 0
    assert "from a passphrase" in right.said
    assert "no terminal to ask" in shell.refused("keys", "status")


def test_two_different_passphrases_begin_nothing(shell: Shell) -> None:
    typed = [("file, passphrase or credential", "passphrase"), ("boot passphrase", FIRST), ("same again", SECOND)]
    ended = shell.on_terminal("init", typed=typed)
    assert ended.code == 2
    assert "not the same: nothing was changed" in ended.said
    assert not (shell.folder / "data" / "groundswell.sqlite3").exists()


def test_passphrases_through_descriptors(shell: Shell) -> None:
    shell.settings["GROUNDSWELL_KEY_PASSPHRASE_FILE"] = "{0}"
    assert shell.run("init", passphrases=(FIRST,)).code == 0
    assert "is wrong" in shell.refused("keys", "status", passphrases=(SECOND,))
    change = ("keys", "rotate", "root", "--new-passphrase-file", "{1}")
    assert "16 to 1024 characters" in shell.refused(*change, passphrases=(FIRST, "short"))
    assert shell.run(*change, passphrases=(FIRST, SECOND)).code == 0
    assert "is wrong" in shell.refused("keys", "status", passphrases=(FIRST,))
    assert shell.run("keys", "status", passphrases=(SECOND,)).code == 0
    shell.settings["GROUNDSWELL_ROOT_KEY_FILE"] = str(shell.folder / "data.key")
    assert "two sources of the root key" in shell.refused("keys", "status", passphrases=(SECOND,))
    stored = b"".join(path.read_bytes() for path in shell.folder.rglob("*") if path.is_file())
    assert b"zebrafinch" not in stored


def test_a_passphrase_in_the_environment_is_refused(shell: Shell) -> None:
    shell.settings["GROUNDSWELL_KEY_PASSPHRASE"] = FIRST
    assert "others can see the environment" in shell.refused("init")
    assert not (shell.folder / "data.key").exists()


def test_a_key_is_followed_by_another(shell: Shell) -> None:
    shell.run("init")
    key = shell.folder / "data.key"
    old = key.read_bytes()
    said = shell.run("keys", "rotate", "root").said
    (former,) = shell.folder.glob("data.key.*.old")
    assert str(former) in said
    assert (former.read_bytes(), former.stat().st_mode & 0o777) == (old, 0o600)
    status = shell.run("keys", "status").said
    assert str(former) in status
    for secret in (old, key.read_bytes()):
        assert secret.split()[-1].decode() not in said + status
    elsewhere = shell.folder / "stick" / "root.key"
    said = shell.run("keys", "rotate", "root", "--key-file", str(elsewhere)).said
    assert f"set GROUNDSWELL_ROOT_KEY_FILE to {elsewhere}" in said
    assert "put back the right copy" in shell.refused("keys", "status")
    shell.settings["GROUNDSWELL_ROOT_KEY_FILE"] = str(elsewhere)
    assert shell.run("keys", "status").code == 0


def test_a_key_file_for_a_credential_comes_with_its_steps(shell: Shell) -> None:
    said = shell.run("init", "--key-source", "credential").said
    assert f"systemd-creds encrypt --name=groundswell-root-key {shell.folder / 'data.key'}" in said
    (shell.folder / "handed").mkdir()
    (shell.folder / "data.key").replace(shell.folder / "handed" / "groundswell-root-key")
    shell.settings["CREDENTIALS_DIRECTORY"] = str(shell.folder / "handed")
    assert "from a credential" in shell.run("keys", "status").said
    shell.settings["GROUNDSWELL_KEY_SOURCE"] = "file"
    assert "remove one of them" in shell.refused("keys", "status")


def test_data_and_federation_keys(shell: Shell) -> None:
    shell.run("init")
    shell.settings["GROUNDSWELL_PASSPHRASE"] = "correct horse battery"
    shell.run("person", "create", "robin")
    shell.run("movement", "create", "empty", "--name", "Empty")
    shell.run("movement", "create", "flex", "--name", "Flex", "--organizer", "robin")
    assert "nothing is sealed for empty yet" in shell.run("keys", "rotate", "data", "empty").said
    assert "new data keys: 1" in shell.run("keys", "rotate", "data", "flex").said
    assert "--reseal" in shell.run("keys", "status").said
    assert "older keys: 1 deleted, 0 kept" in shell.run("keys", "rotate", "data", "--reseal").said
    assert "nobody is due" in shell.run("keys", "rotate", "federation").said
    assert "@flex: new keys; those before count until" in shell.run("keys", "rotate", "federation", "flex").said
    assert "those before count until" in shell.refused("keys", "rotate", "federation", "flex")
    assert "count no more" in shell.run("keys", "rotate", "federation", "flex", "--at-once").said


@pytest.mark.parametrize(
    "arguments",
    [
        ("root", "flex"),
        ("root", "--reseal"),
        ("data", "--at-once"),
        ("data", "nobody"),
        ("federation", "nobody"),
        ("federation", "--to", "file"),
        ("root", "--to", "file", "--new-passphrase-file", "p"),
        ("root", "--to", "passphrase", "--key-file", "k"),
        ("root", "--to", "passphrase"),
        ("everything",),
    ],
)
def test_mistakes_change_nothing(shell: Shell, arguments: tuple[str, ...]) -> None:
    shell.run("init")
    key = (shell.folder / "data.key").read_bytes()
    assert shell.refused("keys", "rotate", *arguments)
    assert (shell.folder / "data.key").read_bytes() == key
    assert [path.name for path in shell.folder.iterdir() if path.name.startswith("data.key")] == ["data.key"]
    assert shell.run("keys", "status").code == 0
