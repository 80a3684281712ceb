"""Holds the documents to the code: what they list is there, what is there is listed. Each check can fail."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Column, LargeBinary
from sqlmodel import SQLModel
from typer.core import TyperGroup

import models
from models.base import INDEX_LENGTH
from server.cli import command_line
from server.config import Settings
from server.inbound import TABLE
from server.version import VERSION

ROOT = Path(__file__).parents[1]
PACKAGES = ("crypto", "models", "federation", "server")
SCRIPT_COMMANDS = {"test"}
"""What the script ./groundswell does by itself."""

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
MAP = "".join((ROOT / "docs" / name).read_text() for name in ("MAP.md", "MAP-SERVER.md"))
OPERATING = (ROOT / "docs" / "OPERATING.md").read_text()
FEDERATION = (ROOT / "FEDERATION.md").read_text()
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

POINTER = re.compile(r"`((?:\w+/)+\w+\.py):(\w+)`")
COMMAND = re.compile(r"(?:\./groundswell|server\.cli|^groundswell|`groundswell) ([a-z]+(?: [a-z]+)?)", re.MULTILINE)
PATH = re.compile(r"`((?:tests|docs|crypto|models|federation|server)/[\w./-]*)`")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def modules() -> set[str]:
    """Every Python module of the four packages, by its path from the root."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix() for path in found}


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its own depth or higher."""
    depth = len(heading) - len(heading.lstrip("#"))
    end = rf"(?=^#{{1,{depth}}} |\Z)"
    found = re.search(rf"^{re.escape(heading)}$(.*?){end}", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The body of the tables in a text, a list of cells for each row."""
    lines = [line.strip("| ") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip().strip("`") for cell in line.split("|")] for line in lines]
    separators = [number for number, row in enumerate(cells) if set("".join(row)) <= set("-: ")]
    heads = {number - 1 for number in separators}
    return [row for number, row in enumerate(cells) if number not in heads and number not in separators]


def commands() -> dict[str, list[str]]:
    """Every command of the command line by its full name, such as `federation status`, with its long options."""
    return dict(_commands(typer.main.get_command(command_line.commands()), ""))


def _commands(command: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(command, TyperGroup):
        for word, inner in command.commands.items():
            yield from _commands(inner, f"{name} {word}".strip())
    else:
        options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        yield name, [option for option in options if option != "--help"]


def names_in(tree: ast.AST) -> set[str]:
    """Functions, classes, and what a module assigns, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def labels_in(source: str) -> set[str]:
    """The labels of blind indexes that a module uses, spelled out or put together by a function of its own."""
    tree = ast.parse(source)
    found: set[str] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
        for label in (call.args[0] for call in _calls(function, "index") if len(call.args) == 2):
            if isinstance(label, ast.Constant):
                found.add(str(label.value))
            elif isinstance(label, ast.JoinedStr):
                prefix = str(getattr(label.values[0], "value", ""))
                found |= {prefix + text for call in _calls(tree, function.name) for text in _texts(call.args)}
    return found


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if ast.unparse(call.func).split(".")[-1] == name]


def _texts(arguments: Iterable[ast.expr]) -> list[str]:
    return [node.value for node in arguments if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def shown(value: object) -> str:
    """A limit as the documents write it: whole numbers with commas, times in their largest whole unit."""
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
            if seconds % size == 0:
                return f"{seconds // size} {unit}" + ("" if seconds == size else "s")
    return f"{value:,}"


def test_every_module_is_on_the_map_and_nothing_else() -> None:
    on_the_map = re.findall(r"^([\w/]+\.py)  ", MAP, re.MULTILINE)
    assert len(on_the_map) == len(set(on_the_map))
    own = {name for name in on_the_map if name.split("/")[0] in PACKAGES}
    assert (sorted(modules() - own), sorted(own - modules())) == ([], [])


def test_every_part_of_the_tests_is_described() -> None:
    described = set(
        re.findall(r"^tests/(\w+(?:\.py)?)", section(ARCHITECTURE, "## How the tests are laid out"), re.MULTILINE)
    )
    parts = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert described == parts - {"__pycache__"}


def test_every_table_is_described() -> None:
    described = {row[0] for row in rows(section(ARCHITECTURE, "## Sealing"))}
    assert models.__all__
    assert described == set(SQLModel.metadata.tables)


def test_every_label_is_listed() -> None:
    listed = {row[0] for row in rows(section(ARCHITECTURE, "## Blind indexes"))}
    used = {label for name in modules() for label in labels_in((ROOT / name).read_text())}
    assert listed == used


def test_every_table_with_a_blind_index_has_a_label() -> None:
    listed = {row[0].split(".")[0] for row in rows(section(ARCHITECTURE, "## Blind indexes"))}
    indexed = {
        table.name for table in SQLModel.metadata.tables.values() for column in table.columns if _is_index(column)
    }
    assert indexed == listed


def _is_index(column: Column[Any]) -> bool:
    own = not column.foreign_keys
    return own and isinstance(column.type, LargeBinary) and column.type.length == INDEX_LENGTH


def test_every_setting_is_described() -> None:
    described = {row[0] for row in rows(section(OPERATING, "## Settings"))}
    assert described == {f"GROUNDSWELL_{name.upper()}" for name in Settings.model_fields}


def test_every_command_is_described_with_its_options() -> None:
    described = {row[0]: row[1] for row in rows(section(OPERATING, "## Commands"))}
    assert set(described) == set(commands()) | SCRIPT_COMMANDS
    for name, options in commands().items():
        assert [option for option in options if option not in described[name]] == [], name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_only_commands_that_exist(document: Path) -> None:
    known = set(commands()) | SCRIPT_COMMANDS
    first_words = {name.split()[0] for name in known}
    for written in COMMAND.findall(document.read_text()):
        word = written.split()[0]
        assert word in first_words, written
        assert word in known or written in known, written


def test_the_readme_shows_how_to_begin() -> None:
    written = COMMAND.findall((ROOT / "README.md").read_text())
    named = {*written, *(name.split()[0] for name in written)}
    assert {"run", "test", "demo", "movement create"} <= named


def test_the_table_of_meanings_is_in_federation_md() -> None:
    table = rows(section(FEDERATION, "### What is understood"))
    written = [(row[0], object_type) for row in table for object_type in row[1].split(", ")]
    assert len(written) == len(set(written))
    assert set(written) == {(verb, object_type) for verb, object_type, _ in TABLE}


def test_limits_in_federation_md_are_those_of_the_code() -> None:
    limits = rows(section(FEDERATION, "## Limits"))
    assert limits
    for about, written, where in limits:
        name, constant = where.split(":")
        module = importlib.import_module(name.removesuffix(".py").replace("/", "."))
        assert written.startswith(shown(attrgetter(constant)(module))), about


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_pointers_into_the_code_lead_somewhere(document: Path) -> None:
    for name, symbol in POINTER.findall(document.read_text()):
        assert symbol in names_in(ast.parse((ROOT / name).read_text())), f"{name}:{symbol}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
    paths = PATH.findall(document.read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_stay_short(document: Path) -> None:
    assert len(document.read_text().splitlines()) <= 400


def test_decisions_are_numbered_and_of_one_form() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:03}-" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        text = path.read_text()
        assert text.startswith(f"# {path.name[:3]}: "), path.name
        parts = ("**Status:** ", "## Context\n", "## Decision\n", "## Consequences\n")
        assert [part for part in parts if part not in text] == [], path.name
        assert len(text.splitlines()) <= 40, path.name


def test_the_version_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    assert re.search(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == VERSION  # type: ignore[index]


def test_labels_would_be_found() -> None:
    code = """
def _index(context, column, value):
    return context.vault.index(f"memberships.{column}", value)

def find(context, uri):
    return _index(context, "group", uri), context.vault.index("posts.uri", uri)
"""
    assert labels_in(code) == {"memberships.group", "posts.uri"}


def test_names_and_rows_would_be_found() -> None:
    assert names_in(ast.parse("A: int = 1\nB = 2\nclass C:\n    async def d(self): ...")) == {"A", "B", "C", "d"}
    assert rows("text\n| a | b |\n|---|---|\n| `x` | y |\n") == [["x", "y"]]
    assert section("# A\n## B\nb\n### C\nc\n## D\n", "## B") == "\nb\n### C\nc\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_048_576, "1,048,576"), (timedelta(days=30), "30 days"), (timedelta(minutes=65), "65 minutes"), (5, "5")],
)
def test_limits_are_written_so(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [("./groundswell movement create x", "movement create"), ("`groundswell run`", "run"), ("groundswell.key", None)],
)
def test_commands_would_be_found(text: str, found: str | None) -> None:
    assert COMMAND.findall(text) == ([found] if found else [])
