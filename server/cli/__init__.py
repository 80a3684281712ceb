"""The command line: one file per family. Every command uses the server's own settings and services."""

import sys
from collections.abc import Sequence

import typer
from pydantic import ValidationError

from server.assembly import CannotStart
from server.cli import (
    backups,
    beginning,
    checking,
    database,
    demo,
    federation,
    following,
    keys,
    movements,
    people,
    posting,
    queue,
    running,
)
from server.cli.terminal import CommandFailed, fail, options

app = typer.Typer(
    name="groundswell",
    help="A self-hosted, federated, privacy-first organizing server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    callback=options,
)
_FAMILIES = (
    *(beginning, running, keys, movements, people, posting, following),
    *(federation, queue, checking, demo, backups, database),
)

for family in _FAMILIES:
    family.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command. A mistake is one clear line on standard error and exit code 2."""
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
