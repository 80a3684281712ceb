"""Writes the log: what happened and where, as text or JSON. No addresses, paths, bodies, query strings or persons.

Our own code says only words of its own and classes of errors. Of what libraries would write, a message goes out only
where its every word is known (uvicorn's own); of everything else the place in the code that wrote it. Of an error its
class and the places it went through are told, never its text, which may quote what somebody sent.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

import structlog

from server.config import Settings

QUIET = ("aiohttp", "aiosqlite", "alembic", "asyncio", "asyncpg", "httpx", "sqlalchemy")
"""Libraries that are silent below WARNING whatever the level is: they would only cost time."""

TALKATIVE = frozenset({"uvicorn", "uvicorn.error"})
"""Loggers whose messages are about the process and our own address, never about a request."""

MOST_FRAMES = 30


def configure(settings: Settings) -> None:
    """Sets form and level, and takes over whatever else would write to standard error."""
    level = getattr(logging, settings.log_level.upper())
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _only_classes,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Forgiving(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Discreet()]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for library in QUIET:
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
    # A level of its own: with none, uvicorn would prepare lines that name the caller, for a level that nobody asks for.
    logging.getLogger("uvicorn.error").setLevel(level if level == logging.DEBUG else max(level, logging.WARNING))
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda unraisable: _uncaught(
        unraisable.exc_type, unraisable.exc_value, unraisable.exc_traceback
    )
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


class _Forgiving:
    """A stream that may lead to the disk that is full: what it does not take is lost, and nobody stumbles over it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Writes, if it can be."""
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flushes, if it can be."""
        with suppress(OSError):
            self._stream.flush()


class _Discreet(logging.Handler):
    """Hands what libraries log to our own log, without what it may be about."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line: who, where in the code, and which errors."""
        event = _told(record) or "a library says something"
        facts: dict[str, Any] = {"logger": record.name, "at": _place(record.pathname, record.lineno)}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            facts |= anatomy(error)
        structlog.get_logger().log(record.levelno, event, **facts)


def _told(record: logging.LogRecord) -> str | None:
    where = Path(record.pathname).parts
    # The library for WebSockets, and uvicorn's part that uses it, say in its name what somebody sent.
    if record.name not in TALKATIVE or "uvicorn" not in where or "websockets" in where:
        return None
    try:
        return record.getMessage().strip().splitlines()[0]
    except (TypeError, ValueError, IndexError):
        return None


def anatomy(error: BaseException) -> dict[str, Any]:
    """The classes of an error and its causes, and the places in the code that it came through, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": " from ".join(_classes(error)),
        "through": [_place(frame.filename, frame.lineno or 0, frame.name) for frame in frames[-MOST_FRAMES:]],
    }


def _classes(error: BaseException) -> Iterator[str]:
    cause: BaseException | None = error
    for _ in range(MOST_FRAMES):
        if cause is None:
            return
        yield type(cause).__name__
        if isinstance(cause, BaseExceptionGroup):
            yield from (type(each).__name__ for each in cause.exceptions)
        cause = cause.__cause__ or cause.__context__


def _place(path: str, line: int, function: str = "") -> str:
    where = "/".join(Path(path).parts[-2:])
    return f"{where}:{line}" + (f" {function}" if function else "")


def _only_classes(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replaces an error, wherever it was put, by its classes and places: structlog would write its text."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, Sequence) else given
    if isinstance(error, BaseException):
        event.update(anatomy(error))
    for name, value in event.items():
        if isinstance(value, BaseException):
            event[name] = type(value).__name__
    return event


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Python's own last words, without the text of the error."""
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    facts = anatomy(error.with_traceback(trace)) if error is not None else {"error": kind.__name__}
    structlog.get_logger().error("uncaught", **facts)
