"""The command line on data of its own: what it prints, and how it says no: one line, exit code 2, nothing changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from server.cli import main

Command = Callable[..., str]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GROUNDSWELL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GROUNDSWELL_DOMAIN", "flex.test")
    monkeypatch.setenv("GROUNDSWELL_PASSPHRASE", "correct horse battery")
    return tmp_path / "data"


@pytest.fixture
def command(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command that must succeed; its standard output."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        assert ended.value.code == 0, captured.err
        assert f"data directory: {data_dir}" in captured.err
        return captured.out

    return run


@pytest.fixture
def refused(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command that must fail; the one line that it says."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("data directory")]
        assert ended.value.code == 2
        assert len(said) == 1
        assert said[0].startswith("groundswell: ")
        return said[0]

    return run


@pytest.fixture
def begun(data_dir: Path) -> None:
    """What `run` makes before it listens."""
    import asyncio

    from server.assembly import assemble
    from server.config import Settings

    async def begin() -> None:
        async with assemble(Settings()):
            pass

    asyncio.run(begin())


@pytest.mark.usefixtures("begun")
def test_a_movement_from_its_first_person_to_its_first_post(command: Command) -> None:
    assert command("person", "create", "robin") == "@robin@flex.test\n"
    made = command("movement", "create", "flex", "--name", "Flexible work", "--organizer", "robin")
    circle = made.split("members' circle: ")[1].strip()
    assert circle in "@" + command("movement", "list").split("@", 2)[2].strip() + "@flex.test"
    uri = command("post", "One day a week.", "--as", "@flex").strip()
    assert uri.startswith("https://flex.test/ap/objects/")
    command("edit", uri, "Two days a week.", "--as", "flex")
    assert "Two days" in command("timeline", "--as", "@flex@flex.test")
    command("post", "Thursday.", "--as", circle, "--to", "circle")
    assert "Thursday" in command("timeline", "--as", "robin")
    assert "Thursday" not in command("timeline", "--as", "flex")
    command("delete", uri, "--as", "flex")
    assert uri not in command("timeline", "--as", "flex")


@pytest.mark.usefixtures("begun")
def test_a_person_joins_a_circle_here(command: Command, refused: Command) -> None:
    command("person", "create", "robin")
    command("person", "create", "kim")
    circle = (
        command("movement", "create", "flex", "--name", "Flexible work", "--organizer", "robin")
        .split("circle: ")[1]
        .strip()
    )
    assert "applied" in command("join", circle, "--as", "kim")
    waiting = command("requests", "--as", circle).split("\t")[0]
    command("post", "Before.", "--as", circle, "--to", "circle")
    assert "Before" not in command("timeline", "--as", "kim")
    command("accept", waiting, "--as", circle)
    command("post", "Welcome.", "--as", circle, "--to", "circle")
    assert "Welcome" in command("timeline", "--as", "kim")
    command("remove", waiting, "--as", circle)
    assert "Welcome" not in command("timeline", "--as", "kim")
    assert refused("remove", waiting, "--as", circle)


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("post",),
        ("post", "text"),
        ("post", "text", "--as", "@nobody"),
        ("follow", "not an account", "--as", "robin"),
        ("follow", "kim@127.0.0.1", "--as", "robin"),
        ("post", "text", "--as", "robin", "--to", "everybody"),
        ("post", "", "--as", "robin"),
        ("edit", "https://flex.test/ap/objects/none", "text", "--as", "robin"),
        ("like", "https://flex.test/ap/objects/none", "--as", "robin"),
        ("accept", "https://a.example/u/none", "--as", "robin"),
        ("movement", "create", "Not A Handle", "--name", "x"),
        ("movement", "create", "robin", "--name", "x"),
        ("movement", "create", "flex", "--name", "x", "--posture", "loud"),
        ("movement", "create", "flex", "--name", "x", "--organizer", "nobody"),
        ("person", "create", "robin"),
        ("timeline", "--as", "robin", "--limit", "0"),
        ("federation", "block", "not a host"),
        ("federation", "block", "flex.test"),
        ("federation", "test", "a b"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    command: Command, refused: Command, arguments: tuple[str, ...]
) -> None:
    command("person", "create", "robin")
    refused(*arguments)
    assert command("movement", "list") == ""
    assert command("timeline", "--as", "robin") == ""


def test_without_data_every_command_says_how_to_begin(refused: Command) -> None:
    assert refused("movement", "list").endswith("start with: groundswell run")


def test_a_wrong_setting_is_named(refused: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_PORT", "many")
    assert "GROUNDSWELL_PORT" in refused("movement", "list")


@pytest.mark.usefixtures("begun")
def test_a_missing_key_is_named(refused: Command, data_dir: Path) -> None:
    data_dir.with_name("data.key").unlink()
    assert "data.key is missing" in refused("movement", "list")


@pytest.mark.usefixtures("begun")
def test_a_short_passphrase_makes_nobody(refused: Command, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_PASSPHRASE", "short")
    said = refused("person", "create", "robin")
    assert "short" not in said.replace("groundswell", "")[:0] + said.split(": ", 1)[1].replace("too short", "")
    assert refused("timeline", "--as", "robin")


@pytest.mark.usefixtures("begun")
def test_blocked_domains_are_listed(command: Command) -> None:
    command("federation", "block", "Evil.Example")
    assert "blocked: evil.example" in command("federation", "status")
    command("federation", "unblock", "evil.example")
    assert "blocked: nobody" in command("federation", "status")
