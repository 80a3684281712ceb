"""The unit of work that everything runs in, and what it shows to whom."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from crypto.sealing import Cell
from federation.origin import Origin
from federation.vocabulary import Document


class Vault(Protocol):
    """Seals and opens cells, and computes blind indexes. Holds keys; shows none."""

    async def seal(self, cell: Cell, plaintext: bytes) -> bytes:
        """Encrypts with the data key of the cell's scope, made at first use."""

    async def open(self, cell: Cell, blob: bytes) -> bytes:
        """Decrypts. Raises `crypto.sealing.CannotOpen` when the cell was moved, changed, or its key shredded."""

    def index(self, label: str, value: str) -> bytes:
        """The blind index of a value under a label; equal values under two labels cannot be linked."""


@dataclass(slots=True)
class Context:
    """One unit of work: a transaction, its moment, and the means to read and write. Never commits by itself."""

    session: AsyncSession
    vault: Vault
    origin: Origin
    now: datetime
    unhurried: timedelta = timedelta()
    """How long, on average, what needs no hurry may wait before it leaves for a server."""
    wakes: set[str] = field(default_factory=set)
    happenings: list[str] = field(default_factory=list)
    memo: dict[str, Any] = field(default_factory=dict)
    """What was looked up for the whole unit of work, by the module that did; whoever changes it there drops it."""

    def wake(self, lane: str) -> None:
        """Asks that a lane, such as `deliveries` or `inbox`, be looked at once this transaction is committed.

        With `log`: that what this transaction deleted leave the database's write-ahead log as well.
        """
        self.wakes.add(lane)

    def happened(self, what: str) -> None:
        """Asks that whoever is connected, here or in another process, hear of it once this transaction is committed.

        What is said are ids, never content: whoever hears looks for itself, and sees what it may.
        """
        self.happenings.append(what)


OpenContext = Callable[[], AbstractAsyncContextManager[Context]]
"""Opens a unit of work: committed when the block ends well, rolled back when it raises."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: the verified signer of a request, or nobody. `actor` is None for an unsigned request."""

    actor: str | None = None
    host: str | None = None


NOBODY = Viewer()


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection shows to one viewer. `total` is None where even the number is hidden."""

    items: Sequence[str | Document] = ()
    total: int | None = None
    next_cursor: str | None = None
    """An opaque cursor of the next page, None on the last."""


class Gone(Exception):
    """The thing existed, was public, and is no more: 410 with this Tombstone document."""

    def __init__(self, tombstone: Document) -> None:
        super().__init__("gone")
        self.tombstone = tombstone
