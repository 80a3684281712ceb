"""Holds the whole tree to the rules that a program can check, and shows that each check can fail."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import rules

ROOT = Path(__file__).parents[2]
PACKAGES = ("server", "federation", "crypto", "models")
FOLDERS = (*PACKAGES, "tests", "benchmarks", "docs", ".ci")
NOT_OURS = {"node_modules", "__pycache__"}
THE_CLIENT = ROOT / "federation" / "client.py"
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def files(*folders: str, suffix: str = "") -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob(f"*{suffix}"))
    return sorted(path for path in found if path.is_file() and not NOT_OURS & parts(path))


def parts(path: Path) -> set[str]:
    return {*path.relative_to(ROOT).parts, path.stem}


def report(findings: Iterator[tuple[Path, str]]) -> str:
    return "\n".join(f"{path.relative_to(ROOT)}: {finding}" for path, finding in findings)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


def pins(lock: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in PIN.findall((ROOT / lock).read_text())}


SOURCES = files(*PACKAGES, suffix=".py")
PYTHON = SOURCES + files("tests", "benchmarks", suffix=".py")


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(PACKAGES)


def test_files_stay_short() -> None:
    lengths = ((path, len(path.read_bytes().splitlines())) for path in PYTHON)
    assert not report((path, f"{lines} lines") for path, lines in lengths if lines > rules.MAX_FILE_LINES)


def test_functions_stay_short() -> None:
    # A revision is generated, one statement a table, and frozen once it landed.
    written = [path for path in PYTHON if "migrations/versions" not in path.as_posix()]
    assert not report((path, long) for path in written for long in rules.functions_too_long(parse(path)))


def test_every_module_opens_with_its_promise() -> None:
    assert not report((path, "no docstring") for path in SOURCES if not ast.get_docstring(parse(path)))


def test_nothing_is_named_utils() -> None:
    assert [path for path in PYTHON if {"utils", "util", "helpers"} & parts(path)] == []


def test_one_outbound_client() -> None:
    others = [path for path in SOURCES if path != THE_CLIENT]
    assert not report((path, opened) for path in others for opened in rules.outbound_connections(parse(path)))


def test_no_path_of_somebodys_machine() -> None:
    texts = files(*FOLDERS) + [path for path in ROOT.glob("*") if path.is_file()]
    found = []
    for path in texts:
        text = path.read_text(errors="replace")
        found += [(path, home) for home in rules.home_directories(text)]
        if f"{ROOT}/" in text:
            found.append((path, "names the folder of this checkout"))
    assert not report(iter(found))


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host_and_hashes_every_package(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    unhashed = re.findall(r"^[\w.-]+==[^\n]*(?!\\)\n(?!    --hash=sha256:[0-9a-f]{64})", text, re.MULTILINE)
    assert unhashed == []
    assert len(pins(lock)) > 20


def test_locks_answer_to_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {LOCKS[0]: project["project"]["dependencies"], LOCKS[1]: project["dependency-groups"]["dev"]}
    for lock, requirements in asked.items():
        pinned = pins(lock)
        for requirement in map(Requirement, requirements):
            version = pinned.get(canonicalize_name(requirement.name), "nothing")
            assert version in requirement.specifier, f"{lock} has {version} for {requirement}"


def test_locks_agree() -> None:
    run, dev = map(pins, LOCKS)
    shared = run.keys() & dev.keys()
    assert {name: dev[name] for name in shared} == {name: run[name] for name in shared}


def test_no_dependency_brings_a_package_of_our_name() -> None:
    installed = packages_distributions()
    ours = {name: set(installed.get(name, [])) - {"groundswell"} for name in (*PACKAGES, "tests")}
    assert {name: owners for name, owners in ours.items() if owners} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import httpx",
        "import urllib.request as r",
        "from urllib import request",
        "from http import client",
        "from http.client import HTTPSConnection",
        "def late():\n    from aiohttp.client import ClientSession",
        "async def f(loop):\n    await loop.create_connection(P, 'h', 1)",
        "socket.create_connection(('h', 1))",
    ],
)
def test_a_second_client_would_be_found(code: str) -> None:
    assert list(rules.outbound_connections(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["from urllib.parse import urlsplit", "from federation.client import Client", "from .requests import x"]
)
def test_what_is_no_client_is_left_alone(code: str) -> None:
    assert list(rules.outbound_connections(ast.parse(code))) == []


@pytest.mark.parametrize(("lines", "found"), [(40, 0), (41, 1)])
def test_a_long_function_would_be_found(lines: int, found: int) -> None:
    code = "@decorated\nasync def f():\n" + "    x = 1\n" * (lines - 1)
    assert len(list(rules.functions_too_long(ast.parse(code)))) == found


def test_a_home_directory_would_be_found() -> None:
    for path in ("/home" + "/ada/project", "cd /Users" + "/ada/x", "'/root" + "/.config'"):
        assert list(rules.home_directories(path))
    assert list(rules.home_directories("/api/v1/timelines/home/ and the root/ of it")) == []
