"""The table of meanings: (verb, object type) → handler, and the closed set of outcomes."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from enum import StrEnum

from federation.context import Context
from federation.received import Received

ANY = "*"
"""An object type that stands for every type without a row of its own."""


class Outcome(StrEnum):
    """How the processing of an activity ended."""

    DONE = "done"
    IGNORED = "ignored"
    REFUSED = "refused"
    RETRY = "retry"


Handler = Callable[[Context, Received], Awaitable[Outcome]]
Row = tuple[str, str, Handler]


class Table:
    """An immutable look-up, filled once at start. Raises `ValueError` where two handlers claim one row."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._handlers: dict[tuple[str, str], Handler] = {}
        for verb, object_type, handler in rows:
            if (verb, object_type) in self._handlers:
                raise ValueError(f"two handlers for {verb} {object_type}")
            self._handlers[verb, object_type] = handler

    def find(self, verb: str, object_type: str) -> Handler | None:
        """The handler of exactly this row, else of the verb with any object, else None."""
        return self._handlers.get((verb, object_type)) or self._handlers.get((verb, ANY))

    def verbs(self) -> frozenset[str]:
        """Every verb that has a meaning here."""
        return frozenset(verb for verb, _ in self._handlers)

    def __iter__(self) -> Iterator[Row]:
        return iter((verb, object_type, handler) for (verb, object_type), handler in self._handlers.items())
