"""What is loaded for a command, and what is not."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from server.cli.command_line import FAMILIES, commands

ROOT = Path(__file__).parents[3]

NOT_WHILE_IDLE = (
    *("alembic", "asyncpg", "jinja2", "markdown_it", "pyrage"),
    *("server.backups.creating", "server.checks.examination", "server.loopback"),
)
"""Loaded late or by other commands: together a seventh of the memory of an idle server on SQLite."""


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_the_words_by_which_it_is_found(family: str) -> None:
    app = typer.Typer()
    import_module(f"server.cli.{family}").register(app)
    words = [each.name for each in app.registered_commands] + [each.name for each in app.registered_groups]
    assert sorted(map(str, words)) == sorted(FAMILIES[family])


def test_words_after_the_command_may_be_those_of_other_commands() -> None:
    app = commands(["--domain", "run", "post", "Come to the demo"])
    assert {"run", "post"} <= {each.name for each in app.registered_commands}


def test_a_server_loads_nothing_that_it_may_never_need() -> None:
    script = "import sys; from server.cli.command_line import commands; commands(['run']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(NOT_WHILE_IDLE).isdisjoint(loaded.stdout.split())
