"""What the library asks of the program built on it, and the unit of work that everything runs in."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from crypto.sealing import Cell
from federation.group_commit import GroupCommit
from federation.memory import RemoteMemory
from federation.origin import Origin
from federation.table import Table
from federation.vocabulary import Document
from models import LocalActor

if TYPE_CHECKING:
    from federation.client import Client
    from federation.inbox import Reply
    from federation.inbox_items import Arrival


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
    wakes: set[str] = field(default_factory=set)

    def wake(self, lane: str) -> None:
        """Asks that `deliveries` or `inbox` be looked at once this transaction is committed."""
        self.wakes.add(lane)


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


class Application(Protocol):
    """The program: it owns actors and objects, decides who sees them, and gives activities their meaning.

    Every read takes the viewer and applies visibility itself; what is hidden and what is missing are both None.
    """

    @property
    def table(self) -> Table:
        """What each activity means."""

    async def find_handle(self, context: Context, handle: str) -> LocalActor | None:
        """A local actor, active or deleted, by its lower-case handle."""

    async def actor_document(self, context: Context, actor: LocalActor) -> Document:
        """The exact public document of an active local actor."""

    async def object_document(self, context: Context, object_id: str, viewer: Viewer) -> Document | None:
        """A local object that this viewer may see. Raises `Gone` for a deleted public one."""

    async def activity_document(self, context: Context, activity_id: str, viewer: Viewer) -> Document | None:
        """A local activity with an id of its own that this viewer may see."""

    async def collection(
        self, context: Context, actor: LocalActor, name: str, viewer: Viewer, cursor: str | None
    ) -> Collection | None:
        """A page of `outbox`, `followers`, `following`, `featured`, `moderators`, `members`, …; None when unknown."""

    async def replies(self, context: Context, object_id: str, viewer: Viewer, cursor: str | None) -> Collection | None:
        """The ids of visible public replies to a local object."""

    async def object_type(self, context: Context, uri: str) -> str | None:
        """The ActivityStreams type of something stored here, local or remote: picks the row of the table."""

    def node_info(self) -> Mapping[str, Any]:
        """`software`, `openRegistrations` and `metadata` of NodeInfo."""


@dataclass(frozen=True, slots=True)
class Federation:
    """The process-wide whole: what routes, worker and command line share. Immutable."""

    origin: Origin
    application: Application
    client: "Client"
    reading: OpenContext
    writing: OpenContext
    clock: Callable[[], datetime]
    memory: RemoteMemory = field(default_factory=RemoteMemory)
    arrivals: GroupCommit["Arrival", "Reply"] = field(default_factory=GroupCommit)
