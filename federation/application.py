"""What the library asks of the program built on it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from federation.addressing import Recipient
from federation.context import Collection as Shown
from federation.context import Context, Viewer
from federation.table import Table
from federation.vocabulary import Document
from models import LocalActor


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
    ) -> Shown | None:
        """A page of `outbox`, `followers`, `following`, `featured`, `moderators`, `members`, …; None when unknown."""

    async def replies(self, context: Context, object_id: str, viewer: Viewer, cursor: str | None) -> Shown | None:
        """The ids of visible public replies to a local object."""

    async def object_type(self, context: Context, uri: str) -> str | None:
        """The ActivityStreams type of something stored here, local or remote: picks the row of the table."""

    async def needed_actors(self, context: Context, uris: Collection[str]) -> set[str]:
        """Those of the actors elsewhere that something kept here refers to; follow edges are the library's own."""

    async def members_on(self, context: Context, actor: LocalActor, host: str) -> Sequence[Recipient]:
        """Those on one host (with its port) who belong to a local group now; followers are the library's own."""

    def node_info(self) -> Mapping[str, Any]:
        """`software`, `openRegistrations` and `metadata` of NodeInfo."""
