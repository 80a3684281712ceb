"""Which part of a list that grows at its new end somebody asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select

LONGEST = 80
"""Rows of one page, whatever is asked for."""

Row = TypeVar("Row")
Statement = TypeVar("Statement", bound="Select[*tuple[Any, ...]]")


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` rows with numbers below `before` and above `since`, newest first.

    With `after`, those next above it: how a client goes on from what it has.
    """

    limit: int = 20
    before: int | None = None
    since: int | None = None
    after: int | None = None

    @property
    def size(self) -> int:
        """How many rows at most."""
        return max(1, min(self.limit, LONGEST))

    def of(self, statement: Statement, number: Any) -> Statement:
        """The statement for this part alone, by its column of numbers; put its rows in order with `newest_first`."""
        if self.before is not None:
            statement = statement.where(number < self.before)
        for least in (self.since, self.after):
            if least is not None:
                statement = statement.where(number > least)
        return statement.order_by(number.asc() if self.after is not None else number.desc()).limit(self.size)

    def newest_first(self, rows: Sequence[Row]) -> list[Row]:
        """What a statement of this window found, newest first."""
        return list(rows[::-1] if self.after is not None else rows)

    def cut(self, rows: Sequence[Row]) -> list[Row]:
        """Of several lists put together newest first, the part that is this window's."""
        return list(rows[-self.size :] if self.after is not None else rows[: self.size])

    def among(self, rows: Sequence[Row], number: Callable[[Row], int]) -> list[Row]:
        """Of a whole list, newest first, the part that is this window's."""
        lower = [least for least in (self.since, self.after) if least is not None]
        found = [row for row in rows if self.before is None or number(row) < self.before]
        return self.cut([row for row in found if all(number(row) > least for least in lower)])
