"""What the command line consists of, and running it.

Only the family that was asked for is loaded: the others would take 5 MB of a server that runs for months, and time from
every start.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import typer
from pydantic import ValidationError

from server.assembly import CannotStart
from server.cli.terminal import CommandFailed, fail, options

FAMILIES = {
    "beginning": ("init",),
    "running": ("run", "web", "worker"),
    "keys": ("keys",),
    "movements": ("movement",),
    "people": ("person",),
    "posting": ("post", "edit", "delete", "boost", "unboost", "like", "unlike", "timeline"),
    "following": ("follow", "unfollow", "join", "leave", "requests", "accept", "reject", "remove"),
    "federation": ("federation",),
    "queue": ("queue",),
    "checking": ("check",),
    "demo": ("demo",),
    "backups": ("backup", "restore"),
    "database": ("migrate", "db"),
}
"""The module of each family, with the words that its commands begin with."""


def commands(arguments: Sequence[str] = ()) -> typer.Typer:
    """Every family that has a word among the arguments; all of them where none has, for help and for mistakes."""
    app = typer.Typer(
        name="groundswell",
        help="A self-hosted, federated, privacy-first organizing server.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        callback=options,
    )
    meant = [family for family, words in FAMILIES.items() if not set(words).isdisjoint(arguments)]
    for family in meant or FAMILIES:
        import_module(f"server.cli.{family}").register(app)
    return app


def run(app: typer.Typer, arguments: Sequence[str]) -> NoReturn:
    """Runs a command and exits. A mistake is one clear line on standard error and exit code 2."""
    try:
        code = app(args=arguments, standalone_mode=False)
    except typer.Abort:
        fail("stopped")
    except typer.TyperException as error:
        fail(error.format_message())
    except ValidationError as error:
        fail(_setting_at_fault(error))
    except (CannotStart, CommandFailed) as error:
        fail(str(error))
    sys.exit(code if isinstance(code, int) else 0)


def _setting_at_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    name = "_".join(str(part) for part in first["loc"]).upper()
    message = first["msg"].removeprefix("Value error, ")
    return f"GROUNDSWELL_{name}: {message}" if name else message
