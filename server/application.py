"""Groundswell as the federation library sees it: who is here, what they show, and what activities mean."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from federation.addressing import Recipient
from federation.context import Collection as Shown
from federation.context import Context, Viewer
from federation.remote import known_actor
from federation.table import Table
from federation.vocabulary import Document
from models import LocalActor
from server.config import Settings
from server.inbound import TABLE
from server.organizing.following import queries as following
from server.organizing.membership import queries as membership
from server.organizing.membership.records import on_host, with_places
from server.organizing.membership.states import State
from server.organizing.people import queries as people
from server.organizing.personal.records import with_records
from server.organizing.posts import queries, served
from server.organizing.posts.strangers import authors_among
from server.organizing.profiles import document_of
from server.version import VERSION

_EMPTY = ("followers", "following", "moderators", "members", "events", "posts", "resources", "discussions", "todos")
"""Collections that resolve and reveal nobody: no items, no totals (PRODUCT.md, Safety)."""


@dataclass(frozen=True, slots=True)
class Groundswell:
    """`federation.application.Application`, by delegation to the queries of each noun."""

    settings: Settings
    table: Table = TABLE

    async def find_handle(self, context: Context, handle: str) -> LocalActor | None:
        """A local actor, active or deleted, by its handle."""
        return await people.find_actor(context, handle)

    async def actor_document(self, context: Context, actor: LocalActor) -> Document:
        """The public document of an active actor."""
        return document_of(context.origin, actor)

    async def object_document(self, context: Context, object_id: str, viewer: Viewer) -> Document | None:
        """A local post that the viewer may see. Raises `Gone` for a deleted public one."""
        return await served.object_document(context, object_id, viewer)

    async def activity_document(self, context: Context, activity_id: str, viewer: Viewer) -> Document | None:
        """A boost by a local actor that the viewer may see."""
        return await served.announce_document(context, activity_id)

    async def collection(
        self, context: Context, actor: LocalActor, name: str, viewer: Viewer, cursor: str | None
    ) -> Shown | None:
        """The outbox shows what is open to all; every other collection is empty for everybody."""
        if name == "outbox":
            return await served.outbox(context, actor, cursor)
        if name == "featured":
            return await served.featured(context, actor)
        return Shown() if name in _EMPTY else None

    async def replies(self, context: Context, object_id: str, viewer: Viewer, cursor: str | None) -> Shown | None:
        """The ids of visible replies to a local post."""
        return await served.replies(context, object_id, viewer, cursor)

    async def object_type(self, context: Context, uri: str) -> str | None:
        """What is stored here under an id: an actor, a post, or an activity of ours."""
        located = context.origin.locate(uri)
        if located is not None and located.kind == "actor":
            actor = await context.session.get(LocalActor, located.id) if not located.suffix else None
            return actor.kind if actor is not None else None
        for look in (queries.object_type, following.activity_type, membership.activity_type):
            found = await look(context, uri)
            if found is not None:
                return found
        known = await known_actor(context, uri)
        return known.type if known is not None else None

    async def needed_actors(self, context: Context, uris: Collection[str]) -> set[str]:
        """Those who belong somewhere, wrote something that is kept, or about whom somebody here keeps something."""
        places, authors = await with_places(context, uris), await authors_among(context, uris)
        return places | authors | await with_records(context, uris)

    async def members_on(self, context: Context, actor: LocalActor, host: str) -> Sequence[Recipient]:
        """The active members of a circle on one host."""
        records = await on_host(context, context.origin.actor(actor.id), host)
        return [record.recipient for record in records if record.state is State.ACTIVE]

    def node_info(self) -> Mapping[str, Any]:
        """What this server says of itself: its software and no counts (FEP-0151)."""
        return {
            "software": {"name": "groundswell", "version": VERSION},
            "openRegistrations": False,
            "metadata": {"nodeName": self.settings.public_domain},
        }
