"""The command line: one file per family. Every command uses the server's own settings and services."""

import gc
import sys
from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs a command and exits. A mistake is one clear line on standard error and exit code 2."""
    given = sys.argv[1:] if arguments is None else arguments
    # What is loaded stays. Looking for garbage in it would take a fifth of every start, and a seventh of all work.
    gc.disable()
    from server.cli.command_line import commands, run

    app = commands(given)
    gc.collect()
    gc.freeze()
    gc.enable()
    run(app, given)
