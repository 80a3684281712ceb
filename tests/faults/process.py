"""The server's processes, forked from one that has imported everything: a start takes a fifth of a second."""

import multiprocessing
import os
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import uvicorn.protocols.http.httptools_impl  # noqa: F401  (what a server imports only when it starts)

import server.app
import server.cli.running

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


def started(role: str, environment: dict[str, str], log: Path) -> ForkServerProcess:
    """`groundswell ROLE` as a process of its own, which leaves what it says in a file."""
    process = _FORKS.Process(target=_run, args=(role, environment, log), daemon=True)
    process.start()
    return process


def _run(role: str, environment: dict[str, str], log: Path) -> None:
    with log.open("a") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.update(environment)
    server.cli.main([role])
