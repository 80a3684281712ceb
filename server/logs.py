"""Writes the log: what happened and where, as text or JSON. No addresses, bodies, query strings or persons."""

import logging
import sys

import structlog

from server.config import Settings


def configure(settings: Settings) -> None:
    """Sets the form that `GROUNDSWELL_LOG_FORMAT` asks for, and quietens libraries that would name peers."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for library in ("aiohttp", "httpx", "sqlalchemy", "aiosqlite", "asyncio"):
        logging.getLogger(library).setLevel(logging.ERROR)
