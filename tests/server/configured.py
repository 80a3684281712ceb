"""The log as a server has it, in this process and for a while."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from server import logs
from server.config import Settings


@contextmanager
def configured(settings: Settings) -> Iterator[None]:
    """Takes over all that logs, and gives it back."""
    root, hooks = logging.getLogger(), (sys.excepthook, sys.unraisablehook, threading.excepthook)
    names = ("uvicorn.error", *logs.QUIET)
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in names}
    logs.configure(settings)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
        root.handlers[:], level, levels = before
        root.setLevel(level)
        for name, was in levels.items():
            logging.getLogger(name).setLevel(was)
        structlog.reset_defaults()
