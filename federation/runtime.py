"""The process-wide whole that routes, worker and command line share. Holds; does nothing by itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from federation.application import Application
from federation.client import Client
from federation.context import OpenContext
from federation.group_commit import GroupCommit
from federation.inbox_items import Arrival, Reply
from federation.memory import RemoteMemory
from federation.origin import Origin

if TYPE_CHECKING:
    from federation.deeds import Deed, Result


@dataclass(frozen=True, slots=True)
class Federation:
    """The process-wide whole: what routes, worker and command line share. Immutable."""

    origin: Origin
    application: Application
    client: Client
    reading: OpenContext
    writing: OpenContext
    clock: Callable[[], datetime]
    memory: RemoteMemory = field(default_factory=RemoteMemory)
    arrivals: GroupCommit[Arrival, Reply] = field(default_factory=GroupCommit)
    deeds: "GroupCommit[Deed, Result]" = field(default_factory=GroupCommit)
    """Activities about to be handled, and how they ended (`federation/deeds.py`)."""
